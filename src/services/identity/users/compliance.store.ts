// What is remembered of users' logins and passwords for the operator's demands. A user without a row has done nothing yet.

import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { tables } from '#/services/identity/tables.ts';
import type { AccountState } from '#/services/identity/users/compliance.rules.ts';

export async function accountState(tx: Tx, userId: string): Promise<AccountState> {
  const row = await tables(tx).selectFrom('accountStates').selectAll().where('userId', '=', userId).executeTakeFirst();
  return row
    ? {
        failures: row.failures,
        lastFailureAt: Number(row.lastFailureAt),
        passwordSetAt: row.passwordSetAt === null ? null : Number(row.passwordSetAt),
        lastActiveAt: row.lastActiveAt === null ? null : Number(row.lastActiveAt),
      }
    : { failures: 0, lastFailureAt: 0, passwordSetAt: null, lastActiveAt: null };
}

export async function changeAccountState(tx: Tx, userId: string, change: Partial<AccountState>): Promise<void> {
  const fresh = { failures: 0, lastFailureAt: 0, passwordSetAt: null, lastActiveAt: null };
  await tables(tx)
    .insertInto('accountStates')
    .values({ userId, ...fresh, ...change })
    .onConflict(conflict => conflict.column('userId').doUpdateSet(change))
    .execute();
}

/** Hashes of passwords that the user had, newest first. */
export async function formerPasswords(tx: Tx, userId: string, limit: number): Promise<string[]> {
  const rows = await tables(tx)
    .selectFrom('formerPasswords')
    .select('passwordHash')
    .where('userId', '=', userId)
    .orderBy('endedAt', 'desc')
    .limit(limit)
    .execute();
  return rows.map(row => row.passwordHash);
}

/** Keeps the hash of a password that is replaced now, and no more of them than `keep`. */
export async function rememberPassword(
  tx: Tx,
  userId: string,
  passwordHash: string | null,
  keep: number,
): Promise<void> {
  const db = tables(tx);
  if (passwordHash !== null && keep > 0)
    await db
      .insertInto('formerPasswords')
      .values({ userId, passwordHash, endedAt: nowMs(tx) })
      .onConflict(conflict => conflict.columns(['userId', 'passwordHash']).doUpdateSet({ endedAt: nowMs(tx) }))
      .execute();
  const old = await db
    .selectFrom('formerPasswords')
    .select('passwordHash')
    .where('userId', '=', userId)
    .orderBy('endedAt', 'desc')
    .execute();
  const dropped = old.slice(keep).map(row => row.passwordHash);
  if (dropped.length)
    await db.deleteFrom('formerPasswords').where('userId', '=', userId).where('passwordHash', 'in', dropped).execute();
}

export async function forgetAccount(tx: Tx, userId: string): Promise<void> {
  await tables(tx).deleteFrom('accountStates').where('userId', '=', userId).execute();
  await tables(tx).deleteFrom('formerPasswords').where('userId', '=', userId).execute();
}
