// How a login names its user: by id, or by name and domain.

import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables, type UserRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';

export interface UserAsk {
  id?: string;
  name?: string;
  domain?: { id?: string; name?: string };
}

/** @throws Problem invalid for a name without a domain */
export async function findUserAsked(tx: Tx, ask: UserAsk): Promise<UserRow | undefined> {
  const select = tables(tx).selectFrom('users').selectAll();
  if (ask.id !== undefined) return select.where('id', '=', ask.id).executeTakeFirst();
  if (ask.name === undefined) throw new Problem('invalid', t.needsUser);
  const domainId = await findDomainId(tx, ask.domain);
  return domainId === undefined
    ? undefined
    : select.where('domainId', '=', domainId).where('name', '=', ask.name).executeTakeFirst();
}

/** @throws Problem invalid when neither id nor name is given */
export async function findDomainId(
  tx: Tx,
  ask: { id?: string; name?: string } | undefined,
): Promise<string | undefined> {
  if (ask?.id !== undefined) return ask.id;
  if (ask?.name === undefined) throw new Problem('invalid', t.needsDomain);
  const row = await tables(tx)
    .selectFrom('projects')
    .select('id')
    .where('nameScope', '=', '')
    .where('isDomain', '=', 1)
    .where('name', '=', ask.name)
    .executeTakeFirst();
  return row?.id;
}
