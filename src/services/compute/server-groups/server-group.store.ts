// Server groups: servers that are to be kept together or apart. Members are the servers that name the group.

import { now, type Tx } from '#/platform/database/tx.ts';
import type { GroupPolicy } from '#/services/compute/scheduling/filters.ts';
import { serverTables } from '#/services/compute/servers/server.store.ts';

export interface ServerGroup {
  id: string;
  projectId: string;
  userId: string;
  name: string;
  policy: GroupPolicy;
  /** Members that anti-affinity allows on one host; null is 1. */
  maxPerHost: number | null;
  createdAt: string;
}

function table(tx: Tx) {
  return tx.withTables<{ computeServerGroups: ServerGroup }>();
}

export async function findServerGroup(tx: Tx, id: string): Promise<ServerGroup | undefined> {
  return table(tx).selectFrom('computeServerGroups').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listServerGroups(tx: Tx, projectId: string | null): Promise<ServerGroup[]> {
  let query = table(tx).selectFrom('computeServerGroups').selectAll().orderBy('createdAt').orderBy('id');
  if (projectId !== null) query = query.where('projectId', '=', projectId);
  return query.execute();
}

export async function insertServerGroup(tx: Tx, group: Omit<ServerGroup, 'createdAt'>): Promise<ServerGroup> {
  const row = { ...group, createdAt: now(tx) };
  await table(tx).insertInto('computeServerGroups').values(row).execute();
  return row;
}

export async function deleteServerGroup(tx: Tx, id: string): Promise<void> {
  await table(tx).deleteFrom('computeServerGroups').where('id', '=', id).execute();
  await serverTables(tx).updateTable('computeServers').set({ groupId: null }).where('groupId', '=', id).execute();
}

export interface Member {
  id: string;
  groupId: string;
  host: string | null;
}

export async function membersOf(tx: Tx, groupIds: string[]): Promise<Member[]> {
  if (groupIds.length === 0) return [];
  const rows = await serverTables(tx)
    .selectFrom('computeServers')
    .select(['id', 'groupId', 'host'])
    .where('groupId', 'in', groupIds)
    .orderBy('seq')
    .execute();
  return rows.map(row => ({ ...row, groupId: row.groupId! }));
}
