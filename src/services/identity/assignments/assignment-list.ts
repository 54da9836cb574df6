// The list of role assignments: as they were made, or as they take effect — groups as their users, inherited ones on the
// projects below, roles with what they imply.

import type { Tx } from '#/platform/database/tx.ts';
import { subtreeOf } from '#/services/identity/projects/project.store.ts';
import { type AssignmentRow, tables } from '#/services/identity/tables.ts';
import { groupIdsOf, implications } from '#/services/identity/tokens/scope.store.ts';

export interface AssignmentFilter {
  userId?: string;
  groupId?: string;
  roleId?: string;
  projectId?: string;
  domainId?: string;
  system?: boolean;
  inherited?: boolean;
  effective: boolean;
  /** With projectId: what is below it too. */
  subtree: boolean;
  /** Only targets in this domain; null: any. */
  within: string | null;
}

/** An assignment, and where it comes from when it is only the effect of another. */
export interface Listed extends AssignmentRow {
  source: AssignmentRow;
  /** The group through which a user has it. */
  throughGroup: string | null;
  /** The role that implies it. */
  priorRoleId: string | null;
}

export async function listAssignments(tx: Tx, filter: AssignmentFilter): Promise<Listed[]> {
  const rows = await rowsFor(tx, filter);
  const plain: Listed[] = rows.map(row => ({ ...row, source: row, throughGroup: null, priorRoleId: null }));
  const listed = filter.effective ? await inEffect(tx, plain) : plain;
  const projects =
    filter.projectId === undefined
      ? null
      : new Set([
          filter.projectId,
          ...(filter.subtree ? (await subtreeOf(tx, filter.projectId)).map(({ id }) => id) : []),
        ]);
  const inDomain = filter.within === null ? null : await targetsIn(tx, filter.within);
  return listed.filter(
    row =>
      (filter.userId === undefined || (row.actorType === 'user' && row.actorId === filter.userId)) &&
      (filter.groupId === undefined || (row.actorType === 'group' && row.actorId === filter.groupId)) &&
      (filter.roleId === undefined || row.roleId === filter.roleId) &&
      (!projects || (row.targetType === 'project' && projects.has(row.targetId))) &&
      (filter.domainId === undefined || (row.targetType === 'domain' && row.targetId === filter.domainId)) &&
      (!filter.system || row.targetType === 'system') &&
      (filter.inherited === undefined || (row.source.inherited === 1) === filter.inherited) &&
      (!inDomain || (row.targetType !== 'system' && inDomain.has(row.targetId))),
  );
}

/** No more rows than the filter can need; what is in effect may come from groups and from other roles and targets. */
async function rowsFor(tx: Tx, { userId, groupId, roleId, effective }: AssignmentFilter): Promise<AssignmentRow[]> {
  let query = tables(tx).selectFrom('roleAssignments').selectAll();
  if (userId !== undefined)
    query = query.where('actorId', 'in', [userId, ...(effective ? await groupIdsOf(tx, userId) : [])]);
  if (groupId !== undefined) query = query.where('actorId', '=', groupId);
  if (roleId !== undefined && !effective) query = query.where('roleId', '=', roleId);
  return query.orderBy('targetId').orderBy('actorId').orderBy('roleId').execute();
}

async function targetsIn(tx: Tx, domainId: string): Promise<Set<string>> {
  const rows = await tables(tx).selectFrom('projects').select('id').where('domainId', '=', domainId).execute();
  return new Set([domainId, ...rows.map(({ id }) => id)]);
}

async function inEffect(tx: Tx, rows: Listed[]): Promise<Listed[]> {
  const db = tables(tx);
  const members = Map.groupBy(await db.selectFrom('groupMembers').selectAll().execute(), row => row.groupId);
  const projects = await db
    .selectFrom('projects')
    .select(['id', 'parentId', 'domainId'])
    .where('isDomain', '=', 0)
    .execute();
  const children = Map.groupBy(projects, row => row.parentId);
  const implied = await implications(tx);
  const ownRoles = new Set(
    (await db.selectFrom('roles').select('id').where('domainId', 'is not', null).execute()).map(({ id }) => id),
  );

  const byUsers = rows.flatMap(row =>
    row.actorType === 'user'
      ? [row]
      : (members.get(row.actorId) ?? []).map(({ userId }) => ({
          ...row,
          actorType: 'user' as const,
          actorId: userId,
          throughGroup: row.actorId,
        })),
  );
  const onTargets = byUsers.flatMap(row =>
    row.inherited
      ? below(row.targetId, children).map(targetId => ({
          ...row,
          targetType: 'project' as const,
          targetId,
          inherited: 0,
        }))
      : [row],
  );
  const withImplied = onTargets.flatMap(row => impliedFrom(row, implied));
  const seen = new Set<string>();
  return withImplied.filter(row => {
    const key = [
      row.actorId,
      row.targetType,
      row.targetId,
      row.roleId,
      row.throughGroup,
      row.priorRoleId,
      row.source.targetId,
    ].join(' ');
    if (ownRoles.has(row.roleId) || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Ids of all projects below a project or domain. */
function below(id: string, children: Map<string | null, { id: string }[]>): string[] {
  return (children.get(id) ?? []).flatMap(child => [child.id, ...below(child.id, children)]);
}

/** The assignment, and one for each role that follows from it. */
function impliedFrom(row: Listed, implied: Map<string, string[]>): Listed[] {
  const all = [row];
  const seen = new Set([row.roleId]);
  for (const at of all)
    for (const roleId of implied.get(at.roleId) ?? []) {
      if (seen.has(roleId)) continue;
      seen.add(roleId);
      all.push({ ...row, roleId, priorRoleId: at.roleId });
    }
  return all;
}
