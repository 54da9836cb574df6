// Projects and domains: their rows, and the tree that they form.

import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { type ProjectRow, tables } from '#/services/identity/tables.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';

export async function findProject(tx: Tx, id: string): Promise<ProjectRow | undefined> {
  return tables(tx).selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function findDomain(tx: Tx, id: string): Promise<ProjectRow | undefined> {
  const row = await findProject(tx, id);
  return row?.isDomain ? row : undefined;
}

export interface ProjectFilter {
  isDomain: boolean;
  domainId?: string;
  parentId?: string;
  name?: string;
}

export async function listProjects(tx: Tx, filter: ProjectFilter): Promise<ProjectRow[]> {
  let query = tables(tx)
    .selectFrom('projects')
    .selectAll()
    .where('isDomain', '=', filter.isDomain ? 1 : 0);
  if (filter.domainId !== undefined) query = query.where('domainId', '=', filter.domainId);
  if (filter.parentId !== undefined) query = query.where('parentId', '=', filter.parentId);
  if (filter.name !== undefined) query = query.where('name', '=', filter.name);
  return query.orderBy('id').execute();
}

/** Whether another project of that name is in the same domain (or another domain has it). */
export async function nameTaken(tx: Tx, nameScope: string, name: string, exceptId: string | null): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('projects')
    .select('id')
    .where('nameScope', '=', nameScope)
    .where('name', '=', name)
    .executeTakeFirst();
  return row !== undefined && row.id !== exceptId;
}

export async function insertProject(tx: Tx, row: ProjectRow): Promise<void> {
  await tables(tx).insertInto('projects').values(row).execute();
}

export async function updateProject(tx: Tx, id: string, change: Partial<ProjectRow>): Promise<void> {
  if (Object.keys(change).length) await tables(tx).updateTable('projects').set(change).where('id', '=', id).execute();
  await tokensChanged(tx);
}

export async function childrenOf(tx: Tx, ids: string[]): Promise<ProjectRow[]> {
  if (!ids.length) return [];
  return tables(tx).selectFrom('projects').selectAll().where('parentId', 'in', ids).orderBy('id').execute();
}

/** All projects below, level by level. */
export async function subtreeOf(tx: Tx, id: string): Promise<ProjectRow[]> {
  const all: ProjectRow[] = [];
  for (let level = await childrenOf(tx, [id]); level.length; ) {
    all.push(...level);
    level = await childrenOf(
      tx,
      level.map(row => row.id),
    );
  }
  return all;
}

/** Takes projects away, with everything that only made sense with them. */
export async function deleteProjects(tx: Tx, ids: string[]): Promise<void> {
  if (!ids.length) return;
  const db = tables(tx);
  await db.deleteFrom('roleAssignments').where('targetId', 'in', ids).execute();
  await db.deleteFrom('credentials').where('projectId', 'in', ids).execute();
  await db.deleteFrom('applicationCredentials').where('projectId', 'in', ids).execute();
  await db.deleteFrom('trusts').where('projectId', 'in', ids).execute();
  await db.deleteFrom('resourceLimits').where('projectId', 'in', ids).execute();
  await db.deleteFrom('endpointProjects').where('projectId', 'in', ids).execute();
  await db.deleteFrom('endpointGroupProjects').where('projectId', 'in', ids).execute();
  await db.updateTable('users').set({ defaultProjectId: null }).where('defaultProjectId', 'in', ids).execute();
  await db.deleteFrom('projects').where('id', 'in', ids).execute();
  for (const id of ids) await emit(tx, { type: 'project.deleted', projectId: id, resourceId: id, payload: {} });
  await tokensChanged(tx);
}
