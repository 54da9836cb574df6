// Roles, and which implies which.

import type { Tx } from '#/platform/database/tx.ts';
import { type RoleRow, tables } from '#/services/identity/tables.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';

export async function findRole(tx: Tx, id: string): Promise<RoleRow | undefined> {
  return tables(tx).selectFrom('roles').selectAll().where('id', '=', id).executeTakeFirst();
}

/** @param domainId null: the global ones */
export async function listRoles(tx: Tx, domainId: string | null, name?: string): Promise<RoleRow[]> {
  let query = tables(tx)
    .selectFrom('roles')
    .selectAll()
    .where('domainId', domainId === null ? 'is' : '=', domainId);
  if (name !== undefined) query = query.where('name', '=', name);
  return query.orderBy('id').execute();
}

export async function rolesById(tx: Tx, ids: string[]): Promise<RoleRow[]> {
  return ids.length ? tables(tx).selectFrom('roles').selectAll().where('id', 'in', ids).orderBy('id').execute() : [];
}

export async function roleNameTaken(
  tx: Tx,
  nameScope: string,
  name: string,
  exceptId: string | null,
): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('roles')
    .select('id')
    .where('nameScope', '=', nameScope)
    .where('name', '=', name)
    .executeTakeFirst();
  return row !== undefined && row.id !== exceptId;
}

export async function insertRole(tx: Tx, row: RoleRow): Promise<void> {
  await tables(tx).insertInto('roles').values(row).execute();
}

export async function updateRole(tx: Tx, id: string, change: Partial<RoleRow>): Promise<void> {
  await tables(tx).updateTable('roles').set(change).where('id', '=', id).execute();
  await tokensChanged(tx);
}

export async function deleteRole(tx: Tx, id: string): Promise<void> {
  const db = tables(tx);
  await db.deleteFrom('roleAssignments').where('roleId', '=', id).execute();
  await db
    .deleteFrom('impliedRoles')
    .where(either => either.or([either('priorRoleId', '=', id), either('impliedRoleId', '=', id)]))
    .execute();
  await db.deleteFrom('roles').where('id', '=', id).execute();
  await tokensChanged(tx);
}

export async function impliedBy(tx: Tx, priorRoleId: string): Promise<RoleRow[]> {
  return tables(tx)
    .selectFrom('roles')
    .innerJoin('impliedRoles', 'impliedRoles.impliedRoleId', 'roles.id')
    .selectAll('roles')
    .where('impliedRoles.priorRoleId', '=', priorRoleId)
    .orderBy('roles.name')
    .execute();
}

export async function imply(tx: Tx, priorRoleId: string, impliedRoleId: string): Promise<void> {
  await tables(tx)
    .insertInto('impliedRoles')
    .values({ priorRoleId, impliedRoleId })
    .onConflict(conflict => conflict.doNothing())
    .execute();
  await tokensChanged(tx);
}

export async function implyNoMore(tx: Tx, priorRoleId: string, impliedRoleId: string): Promise<void> {
  await tables(tx)
    .deleteFrom('impliedRoles')
    .where('priorRoleId', '=', priorRoleId)
    .where('impliedRoleId', '=', impliedRoleId)
    .execute();
  await tokensChanged(tx);
}
