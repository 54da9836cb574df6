// Groups of users.

import type { Tx } from '#/platform/database/tx.ts';
import { type GroupRow, tables, type UserRow } from '#/services/identity/tables.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';

export async function findGroup(tx: Tx, id: string): Promise<GroupRow | undefined> {
  return tables(tx).selectFrom('userGroups').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listGroups(tx: Tx, filter: { domainId?: string; name?: string }): Promise<GroupRow[]> {
  let query = tables(tx).selectFrom('userGroups').selectAll();
  if (filter.domainId !== undefined) query = query.where('domainId', '=', filter.domainId);
  if (filter.name !== undefined) query = query.where('name', '=', filter.name);
  return query.orderBy('id').execute();
}

export async function groupNameTaken(
  tx: Tx,
  domainId: string,
  name: string,
  exceptId: string | null,
): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('userGroups')
    .select('id')
    .where('domainId', '=', domainId)
    .where('name', '=', name)
    .executeTakeFirst();
  return row !== undefined && row.id !== exceptId;
}

export async function insertGroup(tx: Tx, row: GroupRow): Promise<void> {
  await tables(tx).insertInto('userGroups').values(row).execute();
}

export async function updateGroup(tx: Tx, id: string, change: Partial<GroupRow>): Promise<void> {
  await tables(tx).updateTable('userGroups').set(change).where('id', '=', id).execute();
}

export async function deleteGroup(tx: Tx, id: string): Promise<void> {
  const db = tables(tx);
  await db.deleteFrom('roleAssignments').where('actorType', '=', 'group').where('actorId', '=', id).execute();
  await db.deleteFrom('groupMembers').where('groupId', '=', id).execute();
  await db.deleteFrom('userGroups').where('id', '=', id).execute();
  await tokensChanged(tx);
}

export async function groupsOfUser(tx: Tx, userId: string): Promise<GroupRow[]> {
  return tables(tx)
    .selectFrom('userGroups')
    .innerJoin('groupMembers', 'groupMembers.groupId', 'userGroups.id')
    .selectAll('userGroups')
    .where('groupMembers.userId', '=', userId)
    .orderBy('userGroups.id')
    .execute();
}

export async function membersOf(tx: Tx, groupId: string): Promise<UserRow[]> {
  return tables(tx)
    .selectFrom('users')
    .innerJoin('groupMembers', 'groupMembers.userId', 'users.id')
    .selectAll('users')
    .where('groupMembers.groupId', '=', groupId)
    .orderBy('users.id')
    .execute();
}

export async function isMember(tx: Tx, groupId: string, userId: string): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('groupMembers')
    .selectAll()
    .where('groupId', '=', groupId)
    .where('userId', '=', userId)
    .executeTakeFirst();
  return row !== undefined;
}

export async function addMember(tx: Tx, groupId: string, userId: string): Promise<void> {
  await tables(tx)
    .insertInto('groupMembers')
    .values({ groupId, userId })
    .onConflict(conflict => conflict.doNothing())
    .execute();
  await tokensChanged(tx);
}

export async function removeMember(tx: Tx, groupId: string, userId: string): Promise<void> {
  await tables(tx).deleteFrom('groupMembers').where('groupId', '=', groupId).where('userId', '=', userId).execute();
  await tokensChanged(tx);
}
