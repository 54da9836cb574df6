// What a provider has just said of somebody, kept for the moment between that and the token. The browser holds a random
// name for it; here are its hash and, encrypted, what was said.

import { createHash } from 'node:crypto';
import { contextOf, nowMs, type Tx } from '#/platform/database/tx.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import type { Assertion } from '#/services/identity/federation/mappings/mapping.rules.ts';
import { federation } from '#/services/identity/federation/tables.ts';
import { refused } from '#/services/identity/tokens/context.ts';

export interface SignOn {
  idp: string;
  protocol: string;
  /** By which name the provider calls itself. */
  issuer: string;
  assertion: Assertion;
  /** The request that it answers; null where the provider began. */
  inResponseTo: string | null;
}

/** Long enough for the next request. */
export const signOnSeconds = 300;

/** Keeps it and returns the cookie's value. */
export async function keepSignOn(tx: Tx, vault: Vault, signOn: SignOn): Promise<string> {
  const name = contextOf(tx).random.bytes(32).toString('base64url');
  await federation(tx)
    .insertInto('signOns')
    .values({
      id: hashed(name),
      sealed: vault.seal(tx, JSON.stringify(signOn)),
      expiresAt: nowMs(tx) + signOnSeconds * 1000,
    })
    .execute();
  return name;
}

export async function findSignOn(tx: Tx, vault: Vault, name: string): Promise<SignOn | null> {
  const row = await federation(tx)
    .selectFrom('signOns')
    .selectAll()
    .where('id', '=', hashed(name))
    .where('expiresAt', '>', nowMs(tx))
    .executeTakeFirst();
  return row ? (JSON.parse(vault.open(tx, row.sealed)) as SignOn) : null;
}

/** An assertion is good once. @throws Problem unauthenticated the second time */
export async function useAssertion(tx: Tx, id: string, expiresAt: number): Promise<void> {
  const { numInsertedOrUpdatedRows } = await federation(tx)
    .insertInto('usedAssertions')
    .values({ id: hashed(id), expiresAt })
    .onConflict(conflict => conflict.column('id').doNothing())
    .executeTakeFirst();
  if (Number(numInsertedOrUpdatedRows ?? 0) === 0) throw refused();
}

export async function forgetSignOns(tx: Tx, now: number): Promise<void> {
  await federation(tx).deleteFrom('signOns').where('expiresAt', '<=', now).execute();
  await federation(tx).deleteFrom('usedAssertions').where('expiresAt', '<=', now).execute();
}

function hashed(name: string): string {
  return createHash('sha256').update(name).digest('base64url');
}
