// What other services may ask of placement, in their own transaction: which hosts have room, and to hold it.

import type { Tx } from '#/platform/database/tx.ts';
import {
  allocationsOfConsumer,
  dropConsumer,
  findConsumer,
  moveAllocations,
  putConsumer,
  replaceAllocations,
  type Resources,
} from '#/services/placement/allocations/allocation.store.ts';
import { capacityOf, fitsInventory, largestUnit } from '#/services/placement/inventories/inventory.rules.ts';
import {
  inventoriesOf,
  replaceInventories,
  type UsedInventory,
  usedInventories,
} from '#/services/placement/inventories/inventory.store.ts';
import {
  bump,
  deleteProvider,
  findProvider,
  insertProvider,
  listProviders,
  replaceTraits,
  traitsOf,
  updateProvider,
} from '#/services/placement/providers/provider.store.ts';
import type { InventoryRow } from '#/services/placement/tables.ts';

/** VCPU, MEMORY_MB (MiB), DISK_GB (GiB), or any other standard or custom class. */
export type ResourceClass = string;
export type { Resources } from '#/services/placement/allocations/allocation.store.ts';

export interface HostInventory {
  /** The host's name; also its provider's. */
  name: string;
  providerId: string;
  inventory: Record<ResourceClass, { total: number; reserved?: number; allocationRatio?: number }>;
  /** Standard traits of the machine; custom ones that operators gave it stay. */
  traits?: string[];
}

export interface RoomyHost {
  providerId: string;
  name: string;
  free: Resources;
  total: Resources;
}

/**
 * Ensures the host's resource provider with this inventory. Reserved amounts and ratios that are not given stay as an
 * operator set them. @throws Problem conflict when the name belongs to another provider
 */
export async function setHostInventory(tx: Tx, host: HostInventory): Promise<void> {
  const known = await findProvider(tx, host.providerId);
  if (!known) await insertProvider(tx, { id: host.providerId, name: host.name, parentId: null });
  else if (known.name !== host.name) await updateProvider(tx, known.id, { name: host.name });
  const before = await inventoriesOf(tx, host.providerId);
  const rows = Object.entries(host.inventory).map(([resourceClass, given]): InventoryRow => {
    const old = before.find(row => row.resourceClass === resourceClass);
    return {
      providerId: host.providerId,
      resourceClass,
      total: given.total,
      reserved: given.reserved ?? old?.reserved ?? 0,
      minUnit: old?.minUnit ?? 1,
      maxUnit: Math.min(Math.max(given.total, 1), largestUnit),
      stepSize: old?.stepSize ?? 1,
      allocationRatio: given.allocationRatio ?? old?.allocationRatio ?? 1,
    };
  });
  const kept = before.filter(row => !(row.resourceClass in host.inventory));
  const traits = (await traitsOf(tx, [host.providerId])).get(host.providerId) ?? [];
  const wanted = host.traits ? [...traits.filter(isCustom), ...host.traits].toSorted() : traits;
  const next = [...rows, ...kept].toSorted((a, b) => (a.resourceClass < b.resourceClass ? -1 : 1));
  if (sameInventories(before, next) && traits.join() === wanted.join()) return;
  await replaceInventories(tx, host.providerId, next);
  await replaceTraits(tx, host.providerId, wanted);
  await bump(tx, host.providerId);
}

function isCustom(trait: string): boolean {
  return trait.startsWith('CUSTOM_');
}

function sameInventories(a: InventoryRow[], b: InventoryRow[]): boolean {
  const said = (row: InventoryRow): string =>
    [row.resourceClass, row.total, row.reserved, row.minUnit, row.maxUnit, row.stepSize, row.allocationRatio].join();
  return a.length === b.length && a.every((row, at) => said(row) === said(b[at]!));
}

/** Forgets a host. @throws Problem conflict while something is allocated on it */
export async function removeHost(tx: Tx, providerId: string): Promise<void> {
  await deleteProvider(tx, providerId);
}

/** The hosts that can take all of `need`. Amounts of 0 do not count. */
export async function freeHosts(
  tx: Tx,
  need: Resources,
  options: { required?: string[]; forbidden?: string[]; providerIds?: string[] } = {},
): Promise<RoomyHost[]> {
  const { required = [], forbidden = [] } = options;
  const hosts = await roomOf(tx, need, options.providerIds);
  const traits =
    required.length + forbidden.length ? await traitsOf(tx, options.providerIds) : new Map<string, string[]>();
  return hosts
    .filter(host => host.missing.length === 0)
    .filter(({ providerId }) => {
      const own = traits.get(providerId) ?? [];
      return required.every(trait => own.includes(trait)) && !forbidden.some(trait => own.includes(trait));
    })
    .map(({ providerId, name, free, total }) => ({ providerId, name, free, total }));
}

async function roomOf(tx: Tx, need: Resources, providerIds?: string[]) {
  const wanted = Object.entries(need).filter(([, amount]) => amount > 0);
  const providers = await listProviders(tx, { ids: providerIds });
  const rows = await usedInventories(tx, { providerIds });
  const byProvider = new Map<string, UsedInventory[]>(providers.map(({ id }) => [id, []]));
  for (const row of rows) byProvider.get(row.providerId)?.push(row);
  return providers.map(({ id, name }) => {
    const own = byProvider.get(id) ?? [];
    const free: Resources = {};
    const total: Resources = {};
    for (const row of own) {
      free[row.resourceClass] = Math.max(0, capacityOf(row) - row.used);
      total[row.resourceClass] = row.total;
    }
    const missing = wanted
      .filter(([resourceClass, amount]) => {
        const row = own.find(inventory => inventory.resourceClass === resourceClass);
        return !row || !fitsInventory(row, row.used, amount);
      })
      .map(([resourceClass, amount]) => ({ resourceClass, need: amount, free: free[resourceClass] ?? 0 }));
    return { providerId: id, name, free, total, missing };
  });
}

/**
 * Holds resources of a provider for a consumer, in place of what it held of that provider; what it holds of others stays.
 * @throws Problem conflict when it no longer fits
 */
export async function claim(
  tx: Tx,
  consumer: { id: string; projectId: string; userId: string; type?: string },
  providerId: string,
  resources: Resources,
): Promise<void> {
  const { id, projectId, userId } = consumer;
  const known = await findConsumer(tx, id);
  await putConsumer(tx, { id, projectId, userId, type: consumer.type ?? known?.type ?? 'INSTANCE' });
  const all = new Map<string, Resources>();
  for (const row of await allocationsOfConsumer(tx, id)) {
    if (row.providerId === providerId) continue;
    all.set(row.providerId, { ...all.get(row.providerId), [row.resourceClass]: row.used });
  }
  all.set(providerId, Object.fromEntries(Object.entries(resources).filter(([, amount]) => amount > 0)));
  await replaceAllocations(tx, id, all);
}

/**
 * What one consumer holds becomes another's, in place of what that held: a server that moves leaves its old room to its
 * migration, or takes it back. Nothing more is held than before, so it always fits.
 */
export async function handOver(
  tx: Tx,
  fromId: string,
  to: { id: string; projectId: string; userId: string; type: string },
): Promise<void> {
  await release(tx, to.id);
  await putConsumer(tx, to);
  await moveAllocations(tx, fromId, to.id);
  await release(tx, fromId);
}

/** Frees all that a consumer holds; nothing when it holds nothing. */
export async function release(tx: Tx, consumerId: string): Promise<void> {
  if (await findConsumer(tx, consumerId)) await dropConsumer(tx, consumerId);
}
