// Where a user has any role at all: the projects and domains that a token could be scoped to.

import type { Tx } from '#/platform/database/tx.ts';
import { type ProjectRow, tables } from '#/services/identity/tables.ts';
import { groupIdsOf } from '#/services/identity/tokens/scope.store.ts';

async function assignmentsOf(tx: Tx, userId: string) {
  const groups = new Set(await groupIdsOf(tx, userId));
  const rows = await tables(tx)
    .selectFrom('roleAssignments')
    .selectAll()
    .where('actorId', 'in', [userId, ...groups])
    .execute();
  return rows.filter(row => (row.actorType === 'user' ? row.actorId === userId : groups.has(row.actorId)));
}

/** Enabled or not; by id. */
export async function projectsOfUser(tx: Tx, userId: string): Promise<ProjectRow[]> {
  const db = tables(tx);
  const rows = await assignmentsOf(tx, userId);
  const found = new Map<string, ProjectRow>();
  const keep = (projects: ProjectRow[]): void => projects.forEach(project => found.set(project.id, project));
  const direct = rows.filter(row => row.targetType === 'project' && !row.inherited).map(row => row.targetId);
  if (direct.length) keep(await db.selectFrom('projects').selectAll().where('id', 'in', direct).execute());
  const domains = rows.filter(row => row.targetType === 'domain' && row.inherited).map(row => row.targetId);
  if (domains.length) keep(await db.selectFrom('projects').selectAll().where('domainId', 'in', domains).execute());
  let above = rows.filter(row => row.targetType === 'project' && row.inherited).map(row => row.targetId);
  while (above.length) {
    const below = await db.selectFrom('projects').selectAll().where('parentId', 'in', above).execute();
    keep(below);
    above = below.map(({ id }) => id);
  }
  return [...found.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

export async function domainsOfUser(tx: Tx, userId: string): Promise<ProjectRow[]> {
  const rows = await assignmentsOf(tx, userId);
  const ids = rows.filter(row => row.targetType === 'domain' && !row.inherited).map(row => row.targetId);
  if (!ids.length) return [];
  return tables(tx)
    .selectFrom('projects')
    .selectAll()
    .where('id', 'in', ids)
    .where('isDomain', '=', 1)
    .orderBy('id')
    .execute();
}

export async function hasSystemRole(tx: Tx, userId: string): Promise<boolean> {
  return (await assignmentsOf(tx, userId)).some(row => row.targetType === 'system');
}
