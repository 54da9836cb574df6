// Users: their rows, and what goes with them.

import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { tables, type UserRow } from '#/services/identity/tables.ts';
import { forgetAccount } from '#/services/identity/users/compliance.store.ts';
import { readTime } from '#/services/identity/times.ts';
import { endTokensOf, tokensChanged } from '#/services/identity/tokens/authority.ts';

export async function findUser(tx: Tx, id: string): Promise<UserRow | undefined> {
  return tables(tx).selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
}

/** `lt:2026-01-31T12:00:00Z`, as a condition. */
export interface ExpiryFilter {
  operator: '<' | '<=' | '>' | '>=' | '=' | '!=';
  time: string;
}

const operators: Record<string, ExpiryFilter['operator']> = {
  lt: '<',
  lte: '<=',
  gt: '>',
  gte: '>=',
  eq: '=',
  neq: '!=',
};

/** The filter `password_expires_at`. @throws Problem invalid */
export function readExpiryFilter(text: string | undefined): ExpiryFilter | undefined {
  if (text === undefined) return undefined;
  const cut = text.indexOf(':');
  const name = text.slice(0, cut);
  const operator = Object.hasOwn(operators, name) ? operators[name] : undefined;
  return operator ? { operator, time: readTime(text.slice(cut + 1)) } : { operator: '=', time: readTime(text) };
}

/** In the order of their ids; a page of them where `after` and `atMost` say so. */
export async function listUsers(
  tx: Tx,
  filter: {
    domainId?: string;
    name?: string;
    enabled?: boolean;
    expires?: ExpiryFilter;
    after?: string;
    atMost?: number;
  },
): Promise<UserRow[]> {
  let query = tables(tx).selectFrom('users').selectAll();
  if (filter.after !== undefined) query = query.where('id', '>', filter.after);
  if (filter.atMost !== undefined) query = query.limit(filter.atMost);
  if (filter.domainId !== undefined) query = query.where('domainId', '=', filter.domainId);
  if (filter.name !== undefined) query = query.where('name', '=', filter.name);
  if (filter.enabled !== undefined) query = query.where('enabled', '=', filter.enabled ? 1 : 0);
  if (filter.expires) query = query.where('passwordExpiresAt', filter.expires.operator, filter.expires.time);
  return query.orderBy('id').execute();
}

export async function userNameTaken(tx: Tx, domainId: string, name: string, exceptId: string | null): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('users')
    .select('id')
    .where('domainId', '=', domainId)
    .where('name', '=', name)
    .executeTakeFirst();
  return row !== undefined && row.id !== exceptId;
}

export async function insertUser(tx: Tx, row: UserRow): Promise<void> {
  await tables(tx).insertInto('users').values(row).execute();
}

/** @param options.endTokens the change takes the trust out of all tokens that the user has */
export async function updateUser(
  tx: Tx,
  id: string,
  change: Partial<UserRow>,
  { endTokens = false } = {},
): Promise<void> {
  await tables(tx).updateTable('users').set(change).where('id', '=', id).execute();
  if (endTokens) await endTokensOf(tx, [id]);
  // Who is impersonated by a trust shows in the trustee's tokens too.
  await tokensChanged(tx);
}

/** Takes a user away, with everything that only made sense with them. */
export async function deleteUser(tx: Tx, id: string): Promise<void> {
  const db = tables(tx);
  await db.deleteFrom('roleAssignments').where('actorType', '=', 'user').where('actorId', '=', id).execute();
  await db.deleteFrom('groupMembers').where('userId', '=', id).execute();
  await db.deleteFrom('credentials').where('userId', '=', id).execute();
  await db.deleteFrom('applicationCredentials').where('userId', '=', id).execute();
  await db.deleteFrom('accessRules').where('userId', '=', id).execute();
  await db
    .deleteFrom('trusts')
    .where(either => either.or([either('trustorUserId', '=', id), either('trusteeUserId', '=', id)]))
    .execute();
  await db.deleteFrom('oauthTokens').where('userId', '=', id).execute();
  await forgetAccount(tx, id);
  await db.deleteFrom('users').where('id', '=', id).execute();
  await emit(tx, { type: 'user.deleted', projectId: null, resourceId: id, payload: {} });
  await tokensChanged(tx);
}
