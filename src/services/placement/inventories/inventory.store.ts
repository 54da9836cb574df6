// The tables of inventories and of what is used of them.

import { sql } from 'kysely';
import type { Tx } from '#/platform/database/tx.ts';
import { type InventoryRow, tables } from '#/services/placement/tables.ts';

export interface UsedInventory extends InventoryRow {
  used: number;
}

/** Inventories with their usage, counted from the allocations. @param providerIds absent: of all providers */
export async function usedInventories(
  tx: Tx,
  where: { providerIds?: string[]; resourceClasses?: string[] } = {},
): Promise<UsedInventory[]> {
  if (where.providerIds?.length === 0) return [];
  let query = tables(tx).selectFrom('inventories').selectAll('inventories');
  if (where.providerIds) query = query.where('providerId', 'in', where.providerIds);
  if (where.resourceClasses) query = query.where('resourceClass', 'in', where.resourceClasses);
  const inventories = await query.orderBy('providerId').orderBy('resourceClass').execute();
  let sums = tables(tx)
    .selectFrom('allocations')
    .select(['providerId', 'resourceClass', sql<number>`sum("used")`.as('used')])
    .groupBy(['providerId', 'resourceClass']);
  if (where.providerIds) sums = sums.where('providerId', 'in', where.providerIds);
  if (where.resourceClasses) sums = sums.where('resourceClass', 'in', where.resourceClasses);
  const used = new Map((await sums.execute()).map(row => [`${row.providerId} ${row.resourceClass}`, Number(row.used)]));
  return inventories.map(row => ({ ...row, used: used.get(`${row.providerId} ${row.resourceClass}`) ?? 0 }));
}

export async function inventoriesOf(tx: Tx, providerId: string): Promise<InventoryRow[]> {
  return tables(tx)
    .selectFrom('inventories')
    .selectAll()
    .where('providerId', '=', providerId)
    .orderBy('resourceClass')
    .execute();
}

/** Makes these the provider's inventories; others of it go. */
export async function replaceInventories(tx: Tx, providerId: string, rows: InventoryRow[]): Promise<void> {
  await tables(tx).deleteFrom('inventories').where('providerId', '=', providerId).execute();
  if (rows.length) await tables(tx).insertInto('inventories').values(rows).execute();
}

export async function putInventory(tx: Tx, row: InventoryRow): Promise<void> {
  await removeInventory(tx, row.providerId, row.resourceClass);
  await tables(tx).insertInto('inventories').values(row).execute();
}

export async function removeInventory(tx: Tx, providerId: string, resourceClass: string): Promise<void> {
  await tables(tx)
    .deleteFrom('inventories')
    .where('providerId', '=', providerId)
    .where('resourceClass', '=', resourceClass)
    .execute();
}

/** The classes of a provider that someone uses. */
export async function classesInUse(tx: Tx, providerId: string): Promise<Set<string>> {
  const rows = await tables(tx)
    .selectFrom('allocations')
    .select('resourceClass')
    .distinct()
    .where('providerId', '=', providerId)
    .execute();
  return new Set(rows.map(row => row.resourceClass));
}
