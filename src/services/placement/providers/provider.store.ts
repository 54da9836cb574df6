// The table of resource providers, their traits and aggregates.

import { now, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type ProviderRow, tables } from '#/services/placement/tables.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';

export async function findProvider(tx: Tx, id: string): Promise<ProviderRow | undefined> {
  return tables(tx).selectFrom('resourceProviders').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listProviders(
  tx: Tx,
  where: { name?: string; id?: string; ids?: string[]; rootId?: string } = {},
): Promise<ProviderRow[]> {
  let query = tables(tx).selectFrom('resourceProviders').selectAll();
  if (where.name !== undefined) query = query.where('name', '=', where.name);
  if (where.id !== undefined) query = query.where('id', '=', where.id);
  if (where.ids) query = query.where('id', 'in', where.ids);
  if (where.rootId !== undefined) query = query.where('rootId', '=', where.rootId);
  return query.orderBy('createdAt').orderBy('name').execute();
}

/** @throws Problem conflict when the name or id is taken, invalid for an unknown parent */
export async function insertProvider(
  tx: Tx,
  ask: { id: string; name: string; parentId: string | null },
): Promise<ProviderRow> {
  const taken = await tables(tx)
    .selectFrom('resourceProviders')
    .select('id')
    .where(eb => eb.or([eb('name', '=', ask.name), eb('id', '=', ask.id)]))
    .executeTakeFirst();
  if (taken) throw new Problem('conflict', t.nameTaken, { name: ask.name, id: ask.id });
  const parent = ask.parentId === null ? undefined : await findParent(tx, ask.parentId);
  const row: ProviderRow = {
    ...ask,
    generation: 0,
    rootId: parent?.rootId ?? ask.id,
    createdAt: now(tx),
    updatedAt: now(tx),
  };
  await tables(tx).insertInto('resourceProviders').values(row).execute();
  return row;
}

export async function findParent(tx: Tx, parentId: string): Promise<ProviderRow> {
  const parent = await findProvider(tx, parentId);
  if (!parent) throw new Problem('invalid', t.parentNotFound, { parent: parentId });
  return parent;
}

/** Everything below a provider, itself included. */
export async function subtreeOf(tx: Tx, provider: ProviderRow): Promise<ProviderRow[]> {
  const tree = await listProviders(tx, { rootId: provider.rootId });
  const found = [provider];
  for (const at of found) found.push(...tree.filter(row => row.parentId === at.id));
  return found;
}

export async function updateProvider(tx: Tx, id: string, change: Partial<ProviderRow>): Promise<void> {
  await tables(tx)
    .updateTable('resourceProviders')
    .set({ ...change, updatedAt: now(tx) })
    .where('id', '=', id)
    .execute();
}

/** Counts a change of the provider. @throws Problem conflict when `given` is not its generation */
export async function bump(tx: Tx, id: string, given?: number): Promise<number> {
  const current = await findProvider(tx, id);
  if (!current) throw new Problem('notFound', t.providerNotFound, { id });
  if (given !== undefined && given !== current.generation)
    throw new Problem('conflict', t.generationConflict, { id, current: current.generation, given });
  await updateProvider(tx, id, { generation: current.generation + 1 });
  return current.generation + 1;
}

/** @throws Problem conflict while it has children or allocations */
export async function deleteProvider(tx: Tx, id: string): Promise<void> {
  const child = await tables(tx)
    .selectFrom('resourceProviders')
    .select('id')
    .where('parentId', '=', id)
    .executeTakeFirst();
  if (child) throw new Problem('conflict', t.hasChildren, { id });
  const used = await tables(tx)
    .selectFrom('allocations')
    .select('consumerId')
    .where('providerId', '=', id)
    .executeTakeFirst();
  if (used) throw new Problem('conflict', t.providerInUse, { id });
  await tables(tx).deleteFrom('resourceProviders').where('id', '=', id).execute();
}

/** Provider id → traits, for these providers or all. */
export async function traitsOf(tx: Tx, providerIds?: string[]): Promise<Map<string, string[]>> {
  if (providerIds?.length === 0) return new Map();
  let query = tables(tx).selectFrom('providerTraits').selectAll();
  if (providerIds) query = query.where('providerId', 'in', providerIds);
  const map = new Map<string, string[]>();
  for (const { providerId, trait } of await query.orderBy('trait').execute()) pushTo(map, providerId, trait);
  return map;
}

export async function replaceTraits(tx: Tx, providerId: string, traits: string[]): Promise<void> {
  await tables(tx).deleteFrom('providerTraits').where('providerId', '=', providerId).execute();
  const rows = [...new Set(traits)].map(trait => ({ providerId, trait }));
  if (rows.length) await tables(tx).insertInto('providerTraits').values(rows).execute();
}

/** Provider id → aggregates, for these providers or all. */
export async function aggregatesOf(tx: Tx, providerIds?: string[]): Promise<Map<string, string[]>> {
  if (providerIds?.length === 0) return new Map();
  let query = tables(tx).selectFrom('providerAggregates').selectAll();
  if (providerIds) query = query.where('providerId', 'in', providerIds);
  const map = new Map<string, string[]>();
  for (const { providerId, aggregateId } of await query.orderBy('aggregateId').execute())
    pushTo(map, providerId, aggregateId);
  return map;
}

export async function replaceAggregates(tx: Tx, providerId: string, aggregates: string[]): Promise<void> {
  await tables(tx).deleteFrom('providerAggregates').where('providerId', '=', providerId).execute();
  const rows = [...new Set(aggregates)].map(aggregateId => ({ providerId, aggregateId }));
  if (rows.length) await tables(tx).insertInto('providerAggregates').values(rows).execute();
}

function pushTo(map: Map<string, string[]>, key: string, value: string): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}
