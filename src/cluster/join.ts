// Letting a machine in: one transaction in which its invitation is used up, its certificate made and its name taken.

import { X509Certificate } from 'node:crypto';
import { hostByName } from '#/host/hosts.ts';
import { subjectToken } from '#/host/commands.ts';
import { type Credential, signRequest } from '#/platform/bus/nats/certificates.ts';
import { type BusMember, machineCertificateName } from '#/platform/bus/nats/server-config.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import { isAddress, isHostName, isMachineRole } from '#/platform/config/formats.ts';
import type { Database } from '#/platform/database/database.ts';
import { timestamp, type Tx } from '#/platform/database/tx.ts';
import { array, object, string, type Static } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  findMember,
  listMembers,
  type MemberRow,
  promiseCertificate,
  putMember,
  useInvitation,
} from './cluster.store.ts';
import { clusterTexts as t } from './texts.ts';

export const joinRequest = object({
  secret: string({ min: 43, max: 43 }),
  name: string({ min: 1, max: 63 }),
  roles: array(string({ max: 16 }), { min: 1, max: 3 }),
  /** Where it is reached: by the others, and by tunnels of guests' networks. */
  address: string({ max: 64 }),
  tunnelAddress: string({ max: 64 }),
  /** PKCS #10, PEM. */
  request: string({ max: 8192 }),
});

export interface Joined {
  member: MemberRow;
  /** PEM. */
  certificate: string;
}

export interface JoinParts {
  db: Database;
  clock: Clock;
  random: Random;
  /** Whether machines may run api and worker: the database is one that they reach. */
  sharedDatabase: boolean;
}

/** @throws Problem forbidden for a secret that is worth nothing, conflict for a taken name or address, invalid */
export async function joinCluster(
  authority: Credential,
  ask: Static<typeof joinRequest>,
  { db, clock, random, sharedDatabase }: JoinParts,
): Promise<Joined> {
  const { name, roles, address, tunnelAddress } = ask;
  if (!isHostName(name) || ![address, tunnelAddress].every(isAddress) || !roles.every(isMachineRole))
    throw new Problem('invalid', t.badRequest);
  if (!sharedDatabase && roles.some(role => role !== 'host')) throw new Problem('unsupported', t.needsDatabase);
  const user = machineCertificateName(random.bytes(8).toString('hex'));
  // Signing is no SQL, so it is done before; what was not let in then has a certificate that nobody knows.
  const certificate = await signRequest(
    authority,
    ask.request,
    { names: [user], addresses: [...new Set([address, tunnelAddress])] },
    { clock, random },
  );
  if (!certificate) throw new Problem('invalid', t.badRequest);
  const { fingerprint, expiresAt } = factsOf(certificate);
  return db.write(async tx => {
    const invitation = await useInvitation(tx, ask.secret, name);
    if (!invitation) throw new Problem('forbidden', t.refusedToken);
    const invited = JSON.parse(invitation.roles) as string[];
    if (!roles.every(role => invited.includes(role)))
      throw new Problem('forbidden', t.rolesNotInvited, { invited: invited.join(','), asked: roles.join(',') });
    if (invitation.name === null) await refuseTakenName(tx, name);
    else if (invitation.name !== name)
      throw new Problem('forbidden', t.otherName, { invited: invitation.name, asked: name });
    for (const other of await listMembers(tx))
      for (const taken of [address, tunnelAddress])
        if (other.name !== name && [other.address, other.tunnelAddress].includes(taken))
          throw new Problem('conflict', t.addressTaken, { address: taken, name: other.name });
    await putMember(tx, { name, user, fingerprint, roles: JSON.stringify(roles), address, tunnelAddress, expiresAt });
    return { member: (await findMember(tx, name))!, certificate };
  });
}

export const renewRequest = object({
  /** PKCS #10, PEM. */
  request: string({ max: 8192 }),
});

/**
 * A certificate to follow the member's, under the same names. The one before counts until this one is used, so whatever is
 * lost on the way locks nobody out.
 * @returns PEM
 * @throws Problem invalid, unauthenticated for a machine that was removed or has joined anew meanwhile
 */
export async function renewCertificate(
  authority: Credential,
  { user, address, tunnelAddress, fingerprint }: MemberRow,
  { request }: Static<typeof renewRequest>,
  { db, clock, random }: Omit<JoinParts, 'sharedDatabase'>,
): Promise<string> {
  const ask = { names: [user], addresses: [...new Set([address, tunnelAddress])] };
  const certificate = await signRequest(authority, request, ask, { clock, random });
  if (!certificate) throw new Problem('invalid', t.badRequest);
  if (!(await db.write(tx => promiseCertificate(tx, fingerprint, factsOf(certificate)))))
    throw new Problem('unauthenticated', t.noMember);
  return certificate;
}

async function refuseTakenName(tx: Tx, name: string): Promise<void> {
  if ((await findMember(tx, name)) || (await hostByName(tx, name)))
    throw new Problem('conflict', t.nameTaken, { name });
}

/** What a member's row keeps of its certificate (PEM). */
export function factsOf(certificate: string): { fingerprint: string; expiresAt: string } {
  const { fingerprint256, validTo } = new X509Certificate(certificate);
  return { fingerprint: fingerprint256, expiresAt: timestamp(Date.parse(validTo)) };
}

/** Who may speak on the bus, and as what: a machine with api or worker as a control plane, others as their host. */
export function busMember(member: MemberRow): BusMember {
  return { user: member.user, token: isControl(member) ? null : subjectToken(member.name) };
}

/** Whether a control plane runs on it. */
export function isControl({ roles }: MemberRow): boolean {
  return (JSON.parse(roles) as string[]).some(role => role !== 'host');
}
