// The tables of consumers and allocations. Whoever writes one has checked it against the inventories, in the same
// transaction.

import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { capacityOf, fitsInventory } from '#/services/placement/inventories/inventory.rules.ts';
import { usedInventories } from '#/services/placement/inventories/inventory.store.ts';
import { bump } from '#/services/placement/providers/provider.store.ts';
import { type AllocationRow, type ConsumerRow, tables } from '#/services/placement/tables.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';

export type Resources = Record<string, number>;

export async function findConsumer(tx: Tx, id: string): Promise<ConsumerRow | undefined> {
  return tables(tx).selectFrom('consumers').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function allocationsOfConsumer(tx: Tx, consumerId: string): Promise<AllocationRow[]> {
  return tables(tx).selectFrom('allocations').selectAll().where('consumerId', '=', consumerId).execute();
}

/** Frees all that a consumer holds. */
export async function dropConsumer(tx: Tx, consumerId: string): Promise<void> {
  const providers = new Set((await allocationsOfConsumer(tx, consumerId)).map(row => row.providerId));
  await tables(tx).deleteFrom('allocations').where('consumerId', '=', consumerId).execute();
  await tables(tx).deleteFrom('consumers').where('id', '=', consumerId).execute();
  for (const id of providers) await bump(tx, id);
}

/** Both must be known, and the one that takes over holds nothing. */
export async function moveAllocations(tx: Tx, fromId: string, toId: string): Promise<void> {
  const providers = new Set((await allocationsOfConsumer(tx, fromId)).map(row => row.providerId));
  await tables(tx).updateTable('allocations').set({ consumerId: toId }).where('consumerId', '=', fromId).execute();
  for (const id of providers) await bump(tx, id);
}

/** Makes the consumer known, or counts a change of it. */
export async function putConsumer(tx: Tx, consumer: Omit<ConsumerRow, 'generation'>): Promise<void> {
  const known = await findConsumer(tx, consumer.id);
  if (!known)
    await tables(tx)
      .insertInto('consumers')
      .values({ ...consumer, generation: 1 })
      .execute();
  else
    await tables(tx)
      .updateTable('consumers')
      .set({ ...consumer, generation: known.generation + 1 })
      .where('id', '=', consumer.id)
      .execute();
}

/**
 * Makes these the consumer's only allocations; the consumer must be known.
 * @param wanted provider id → resources @throws Problem conflict when they do not fit
 */
export async function replaceAllocations(
  tx: Tx,
  consumerId: string,
  wanted: ReadonlyMap<string, Resources>,
): Promise<void> {
  const before = new Set((await allocationsOfConsumer(tx, consumerId)).map(row => row.providerId));
  await tables(tx).deleteFrom('allocations').where('consumerId', '=', consumerId).execute();
  await checkFits(tx, wanted);
  const rows = [...wanted].flatMap(([providerId, resources]) =>
    Object.entries(resources).map(([resourceClass, used]) => ({ consumerId, providerId, resourceClass, used })),
  );
  if (rows.length) await tables(tx).insertInto('allocations').values(rows).execute();
  for (const id of new Set([...before, ...wanted.keys()])) await bump(tx, id);
}

async function checkFits(tx: Tx, wanted: ReadonlyMap<string, Resources>): Promise<void> {
  const inventories = await usedInventories(tx, { providerIds: [...wanted.keys()] });
  for (const [providerId, resources] of wanted) {
    for (const [resourceClass, amount] of Object.entries(resources)) {
      const inventory = inventories.find(row => row.providerId === providerId && row.resourceClass === resourceClass);
      if (!inventory) throw new Problem('conflict', t.noSuchInventory, { name: providerId, resourceClass });
      if (fitsInventory(inventory, inventory.used, amount)) continue;
      const capacity = capacityOf(inventory);
      const { minUnit: min, maxUnit: max, stepSize: step } = inventory;
      const facts = {
        name: providerId,
        resourceClass,
        amount,
        free: capacity - inventory.used,
        capacity,
        min,
        max,
        step,
      };
      throw new Problem('conflict', t.noCapacity, facts);
    }
  }
}
