// What a user may do where: roles by assignment, through groups, from above, and by implication.

import type { Tx } from '#/platform/database/tx.ts';
import { membershipsOf } from '#/services/identity/federation/sign-on/held-memberships.store.ts';
import { type ProjectRow, tables } from '#/services/identity/tables.ts';

export interface RoleRef {
  id: string;
  name: string;
  domainId: string | null;
}

export type RoleTarget =
  | { type: 'project'; project: ProjectRow; above: ProjectRow[] }
  | { type: 'domain'; id: string }
  | { type: 'system' };

/** Ids of the groups that a user is in, for good or as a federated login told. */
export async function groupIdsOf(tx: Tx, userId: string): Promise<string[]> {
  const rows = await tables(tx).selectFrom('groupMembers').select('groupId').where('userId', '=', userId).execute();
  const told = await membershipsOf(tx, userId);
  return [...new Set([...rows, ...told].map(row => row.groupId))];
}

/** A project's ancestors, nearest first, its domain last. Of a domain: none. */
export async function ancestorsOf(tx: Tx, project: Pick<ProjectRow, 'parentId'>): Promise<ProjectRow[]> {
  const above: ProjectRow[] = [];
  let at = project.parentId;
  while (at !== null) {
    const row = await tables(tx).selectFrom('projects').selectAll().where('id', '=', at).executeTakeFirst();
    if (!row) break;
    above.push(row);
    at = row.parentId;
  }
  return above;
}

/** Ids of the roles assigned to a user there: directly, through groups or inherited; not yet the implied ones. */
export async function assignedRoleIds(
  tx: Tx,
  userId: string,
  groupIds: string[],
  target: RoleTarget,
): Promise<string[]> {
  const targetId = target.type === 'project' ? target.project.id : target.type === 'domain' ? target.id : 'system';
  const aboveIds = target.type === 'project' ? target.above.map(({ id }) => id) : [];
  const groups = new Set(groupIds);
  const rows = await tables(tx)
    .selectFrom('roleAssignments')
    .selectAll()
    .where('actorId', 'in', [userId, ...groupIds])
    .where('targetId', 'in', [targetId, ...aboveIds])
    .execute();
  return rows
    .filter(row => (row.actorType === 'user' ? row.actorId === userId : groups.has(row.actorId)))
    .filter(row =>
      row.inherited ? aboveIds.includes(row.targetId) : row.targetId === targetId && row.targetType === target.type,
    )
    .map(row => row.roleId);
}

/** Role id → ids of the roles that it implies, one step. */
export async function implications(tx: Tx): Promise<Map<string, string[]>> {
  const byPrior = new Map<string, string[]>();
  for (const { priorRoleId, impliedRoleId } of await tables(tx).selectFrom('impliedRoles').selectAll().execute())
    byPrior.set(priorRoleId, [...(byPrior.get(priorRoleId) ?? []), impliedRoleId]);
  return byPrior;
}

/** The roles and all that they imply, each once. */
export function withImplied(roleIds: Iterable<string>, implied: Map<string, string[]>): Set<string> {
  const all = new Set<string>();
  const waiting = [...roleIds];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (all.has(id)) continue;
    all.add(id);
    waiting.push(...(implied.get(id) ?? []));
  }
  return all;
}

/** The roles as a token names them: with what they imply, without those of domains, which only imply. Sorted by name. */
export async function effectiveRoles(tx: Tx, assigned: string[]): Promise<RoleRef[]> {
  if (!assigned.length) return [];
  const ids = withImplied(assigned, await implications(tx));
  const rows = await tables(tx)
    .selectFrom('roles')
    .select(['id', 'name', 'domainId'])
    .where('id', 'in', [...ids])
    .where('domainId', 'is', null)
    .orderBy('name')
    .execute();
  return rows;
}
