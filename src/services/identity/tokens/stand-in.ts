// A user as policy would see them with a token of some scope, without making one: for "may they?".

import { nowMs, type Tx } from '#/platform/database/tx.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables, type UserRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { contextOfToken } from '#/services/identity/tokens/context.ts';
import type { Scope } from '#/services/identity/tokens/payload.ts';
import { callerOf } from '#/services/identity/tokens/token.view.ts';
import { notFound } from '#/services/identity/wire.ts';

/** Where the user would act; nothing: in their default project, or the first that they have a role in. */
export interface StandInScope {
  project?: string;
  domain?: string;
  system?: boolean;
}

/**
 * @param user id or name
 * @throws Problem notFound; forbidden when the user is disabled or has no role there
 */
export async function standIn(tx: Tx, user: string, ask: StandInScope): Promise<Caller> {
  const rows = await tables(tx)
    .selectFrom('users')
    .selectAll()
    .where(either => either.or([either('id', '=', user), either('name', '=', user)]))
    .limit(2)
    .execute();
  const row = rows.find(({ id }) => id === user) ?? rows[0];
  if (!row) throw notFound('user', user);
  const now = nowMs(tx);
  const payload = {
    userId: row.id,
    methods: [],
    scope: await scopeOf(tx, row, ask),
    issuedAt: now,
    expiresAt: now + 1,
    auditIds: [],
    epoch: row.tokenEpoch,
  };
  try {
    return callerOf(await contextOfToken(tx, payload));
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.kind === 'unauthenticated')
      throw new Problem('forbidden', t.noScope, {}, { cause: thrown });
    throw thrown;
  }
}

async function scopeOf(tx: Tx, user: UserRow, ask: StandInScope): Promise<Scope> {
  if (ask.system) return { type: 'system' };
  if (ask.domain !== undefined) return { type: 'domain', id: await idOf(tx, ask.domain, 1) };
  if (ask.project !== undefined) return { type: 'project', id: await idOf(tx, ask.project, 0) };
  if (user.defaultProjectId !== null) return { type: 'project', id: user.defaultProjectId };
  const first = await tables(tx)
    .selectFrom('roleAssignments')
    .select('targetId')
    .where('actorType', '=', 'user')
    .where('actorId', '=', user.id)
    .where('targetType', '=', 'project')
    .where('inherited', '=', 0)
    .orderBy('targetId')
    .executeTakeFirst();
  return first ? { type: 'project', id: first.targetId } : { type: 'unscoped' };
}

/** By id or name. @throws Problem notFound */
async function idOf(tx: Tx, wanted: string, isDomain: 0 | 1): Promise<string> {
  const rows = await tables(tx)
    .selectFrom('projects')
    .select('id')
    .where('isDomain', '=', isDomain)
    .where(either => either.or([either('id', '=', wanted), either('name', '=', wanted)]))
    .limit(2)
    .execute();
  const id = rows.find(row => row.id === wanted)?.id ?? rows[0]?.id;
  if (id === undefined) throw notFound(isDomain ? 'domain' : 'project', wanted);
  return id;
}
