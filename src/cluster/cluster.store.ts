// The machines of the cluster, each with the one certificate that it is known by, and the invitations to join it.

import { createHash } from 'node:crypto';
import { createTable, type Migration } from '#/platform/database/migrations.ts';
import { contextOf, newId, now, nowMs, timestamp, type Tx } from '#/platform/database/tx.ts';

export interface MemberRow {
  name: string;
  /** The name in its certificate. */
  user: string;
  /** SHA-256 of its certificate, as TLS tells it. */
  fingerprint: string;
  /** JSON list of api, worker, host. */
  roles: string;
  address: string;
  tunnelAddress: string;
  joinedAt: string;
  expiresAt: string;
  /** Of the certificate that it was given to follow this one: it counts as soon as it is used, and until then this one does. */
  nextFingerprint: string | null;
  nextExpiresAt: string | null;
}

export interface InvitationRow {
  id: string;
  /** SHA-256 of the secret, hex: the secret itself is nowhere. */
  secretHash: string;
  roles: string;
  /** For this machine alone, which has joined before; null: for a new one. */
  name: string | null;
  createdAt: string;
  expiresAt: string;
  usedAt: string | null;
  usedBy: string | null;
}

export const clusterMigrations: Migration[] = [
  {
    name: 'cluster/0001-members',
    async up(tx, engine) {
      await createTable(tx, engine, 'clusterMembers', {
        name: 'text primary key',
        user: 'text not null unique',
        fingerprint: 'text not null unique',
        roles: 'text not null',
        address: 'text not null',
        tunnelAddress: 'text not null',
        joinedAt: 'text not null',
        expiresAt: 'text not null',
      });
      await createTable(tx, engine, 'clusterInvitations', {
        id: 'text primary key',
        secretHash: 'text not null unique',
        roles: 'text not null',
        name: 'text',
        createdAt: 'text not null',
        expiresAt: 'text not null',
        usedAt: 'text',
        usedBy: 'text',
      });
    },
  },
  {
    name: 'cluster/0002-renewal',
    async up(tx) {
      for (const column of ['nextFingerprint', 'nextExpiresAt'])
        await tx.schema.alterTable('clusterMembers').addColumn(column, 'text').execute();
    },
  },
];

function tables(tx: Tx) {
  return tx.withTables<{ clusterMembers: MemberRow; clusterInvitations: InvitationRow }>();
}

export function listMembers(tx: Tx): Promise<MemberRow[]> {
  return tables(tx).selectFrom('clusterMembers').selectAll().orderBy('name').execute();
}

export function findMember(tx: Tx, name: string): Promise<MemberRow | undefined> {
  return tables(tx).selectFrom('clusterMembers').selectAll().where('name', '=', name).executeTakeFirst();
}

/** The machine whose certificate this is, or is to be; none for one that was replaced or removed. */
export function memberByFingerprint(tx: Tx, fingerprint: string): Promise<MemberRow | undefined> {
  return tables(tx)
    .selectFrom('clusterMembers')
    .selectAll()
    .where(eb => eb.or([eb('fingerprint', '=', fingerprint), eb('nextFingerprint', '=', fingerprint)]))
    .executeTakeFirst();
}

/** The machine gets another certificate, if what it has is still this one. @returns whether it was */
export async function promiseCertificate(
  tx: Tx,
  current: string,
  { fingerprint, expiresAt }: Pick<MemberRow, 'fingerprint' | 'expiresAt'>,
): Promise<boolean> {
  const { numUpdatedRows } = await tables(tx)
    .updateTable('clusterMembers')
    .set({ nextFingerprint: fingerprint, nextExpiresAt: expiresAt })
    .where('fingerprint', '=', current)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** It has used the promised one: the one before is worth nothing from here on. */
export async function takeUpCertificate(tx: Tx, fingerprint: string): Promise<void> {
  await tables(tx)
    .updateTable('clusterMembers')
    .set(eb => ({
      fingerprint,
      expiresAt: eb.fn.coalesce('nextExpiresAt', 'expiresAt'),
      nextFingerprint: null,
      nextExpiresAt: null,
    }))
    .where('nextFingerprint', '=', fingerprint)
    .execute();
}

/** A certificate that the machine had before is worth nothing from here on. */
export async function putMember(
  tx: Tx,
  member: Omit<MemberRow, 'joinedAt' | 'nextFingerprint' | 'nextExpiresAt'>,
): Promise<void> {
  await removeMember(tx, member.name);
  await tables(tx)
    .insertInto('clusterMembers')
    .values({ ...member, joinedAt: now(tx), nextFingerprint: null, nextExpiresAt: null })
    .execute();
}

export async function removeMember(tx: Tx, name: string): Promise<void> {
  await tables(tx).deleteFrom('clusterMembers').where('name', '=', name).execute();
}

/** @returns the invitation's id and its secret, which is told this once */
export async function invite(
  tx: Tx,
  { roles, name, lifetimeSeconds }: { roles: readonly string[]; name: string | null; lifetimeSeconds: number },
): Promise<{ id: string; secret: string; expiresAt: string }> {
  const secret = contextOf(tx).random.bytes(32).toString('base64url');
  const id = newId(tx);
  const expiresAt = timestamp(nowMs(tx) + lifetimeSeconds * 1000);
  const row = { id, secretHash: hashOf(secret), roles: JSON.stringify(roles), name, createdAt: now(tx), expiresAt };
  await tables(tx)
    .insertInto('clusterInvitations')
    .values({ ...row, usedAt: null, usedBy: null })
    .execute();
  return { id, secret, expiresAt };
}

/** Uses an invitation up: of two that come with the same secret one gets it. @returns undefined when it is worth nothing (any more) */
export function useInvitation(tx: Tx, secret: string, name: string): Promise<InvitationRow | undefined> {
  return tables(tx)
    .updateTable('clusterInvitations')
    .set({ usedAt: now(tx), usedBy: name })
    .where('secretHash', '=', hashOf(secret))
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', now(tx))
    .returningAll()
    .executeTakeFirst();
}

/** Those that can still be used. */
export function listInvitations(tx: Tx): Promise<InvitationRow[]> {
  return tables(tx)
    .selectFrom('clusterInvitations')
    .selectAll()
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', now(tx))
    .orderBy('createdAt')
    .orderBy('id')
    .execute();
}

export async function findInvitation(tx: Tx, id: string): Promise<InvitationRow | undefined> {
  return tables(tx).selectFrom('clusterInvitations').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function revokeInvitation(tx: Tx, id: string): Promise<void> {
  await tables(tx).deleteFrom('clusterInvitations').where('id', '=', id).execute();
}

/** Invitations that ended before `moment`. */
export async function forgetInvitations(tx: Tx, moment: string): Promise<void> {
  await tables(tx).deleteFrom('clusterInvitations').where('expiresAt', '<', moment).execute();
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
