// What other services may ask of identity, inside their transaction.

import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { coversRoute } from '#/services/identity/application-credentials/access-rule.rules.ts';
import type { AccessRule } from '#/services/identity/tokens/context.ts';
import { tables } from '#/services/identity/tables.ts';

/** Whether a project of that id exists. Domains are not projects here. */
export async function projectExists(tx: Tx, id: string): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('projects')
    .select('id')
    .where('id', '=', id)
    .where('isDomain', '=', 0)
    .executeTakeFirst();
  return row !== undefined;
}

export interface ProjectInfo {
  id: string;
  name: string;
  domainId: string;
  parentId: string;
  enabled: boolean;
}

export async function projectById(tx: Tx, id: string): Promise<ProjectInfo | undefined> {
  const row = await tables(tx)
    .selectFrom('projects')
    .select(['id', 'name', 'domainId', 'parentId', 'enabled'])
    .where('id', '=', id)
    .where('isDomain', '=', 0)
    .executeTakeFirst();
  return row && { ...row, domainId: row.domainId!, parentId: row.parentId!, enabled: row.enabled === 1 };
}

/** The first project of that name, whatever its domain; for choosing one in configuration. */
export async function projectByName(tx: Tx, name: string): Promise<ProjectInfo | undefined> {
  const row = await tables(tx)
    .selectFrom('projects')
    .select('id')
    .where('name', '=', name)
    .where('isDomain', '=', 0)
    .orderBy('id')
    .executeTakeFirst();
  return row && projectById(tx, row.id);
}

/** Whether a caller's token is good for some calls of a route: one with access rules may not be. */
export function coversCalls(
  { token }: Caller,
  route: { services: readonly string[]; method: string; path: string },
): boolean {
  const rules = token['accessRules'] as AccessRule[] | undefined;
  return !rules || coversRoute(rules, route);
}

export { standIn, type StandInScope } from '#/services/identity/tokens/stand-in.ts';
