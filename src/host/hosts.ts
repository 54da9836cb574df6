// The hosts as services see them.

import type { HypervisorCapabilities } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { NetworkCapabilities } from '#/drivers/network/network-driver.ts';
import type { VolumeCapacity } from '#/drivers/volume/volume-driver.ts';
import { afterCommit, contextOf, type Tx } from '#/platform/database/tx.ts';
import { type HostRow, table } from '#/host/hosts.store.ts';

export type HostRole = 'compute' | 'network' | 'storage';

export interface Host {
  name: string;
  /** Its resource provider in placement. */
  providerId: string;
  roles: HostRole[];
  /** Where other hosts reach it; null on one machine. */
  address: string | null;
  /** Its agent answers. */
  up: boolean;
  enabled: boolean;
  disabledReason: string | null;
  forcedDown: boolean;
  capabilities: HypervisorCapabilities | null;
  volumeCapacity: VolumeCapacity | null;
  /** Null for a host that has not said. */
  networkCapabilities: NetworkCapabilities | null;
  lastSeenAt: string;
  startedAt: string;
  createdAt: string;
}

export async function listHosts(tx: Tx): Promise<Host[]> {
  const rows = await table(tx).selectFrom('hosts').selectAll().orderBy('name').execute();
  return rows.map(toHost);
}

export async function hostByName(tx: Tx, name: string): Promise<Host | undefined> {
  const row = await table(tx).selectFrom('hosts').selectAll().where('name', '=', name).executeTakeFirst();
  return row && toHost(row);
}

/** Whether a host has last said that an entry of its plan is so. */
export async function isApplied(tx: Tx, host: string, key: string): Promise<boolean> {
  const row = await table(tx)
    .selectFrom('hostEntries')
    .select('state')
    .where('host', '=', host)
    .where('key', '=', key)
    .executeTakeFirst();
  return row?.state === 'applied';
}

/** Enables or disables a host for new work. */
export async function setHostEnabled(tx: Tx, name: string, enabled: boolean, reason: string | null): Promise<void> {
  await table(tx)
    .updateTable('hosts')
    .set({ enabled: enabled ? 1 : 0, disabledReason: reason })
    .where('name', '=', name)
    .execute();
}

/** An operator's word that a host is down, whatever its agent says. */
export async function setHostForcedDown(tx: Tx, name: string, forced: boolean): Promise<void> {
  await table(tx)
    .updateTable('hosts')
    .set({ forcedDown: forced ? 1 : 0 })
    .where('name', '=', name)
    .execute();
}

const wakeSlot = Symbol('wake-host');

/** Attaches what wakes a host's agent once a transaction has committed. */
export function attachWake(slots: Map<symbol, unknown>, wake: (host: string) => void): void {
  slots.set(wakeSlot, wake);
}

const replanned = new WeakMap<object, Map<string, number>>();

/**
 * The host's plan may have changed: call it in every transaction that changes what a planner returns. Its agent looks
 * once the transaction has committed. @returns the revision from which the change holds
 */
export async function replan(tx: Tx, host: string): Promise<number> {
  const context = contextOf(tx);
  let done = replanned.get(context);
  if (!done) replanned.set(context, (done = new Map()));
  const known = done.get(host);
  if (known !== undefined) return known;
  const row = await table(tx)
    .updateTable('hosts')
    .set(eb => ({ wantedRevision: eb('wantedRevision', '+', 1) }))
    .where('name', '=', host)
    .returning('wantedRevision')
    .executeTakeFirst();
  const revision = row?.wantedRevision ?? 0;
  done.set(host, revision);
  const wake = context.slots.get(wakeSlot) as ((host: string) => void) | undefined;
  if (wake) afterCommit(tx, () => wake(host));
  return revision;
}

function toHost(row: HostRow): Host {
  return {
    name: row.name,
    providerId: row.providerId,
    roles: JSON.parse(row.roles) as HostRole[],
    address: row.address,
    up: row.up === 1 && row.forcedDown === 0,
    enabled: row.enabled === 1,
    disabledReason: row.disabledReason,
    forcedDown: row.forcedDown === 1,
    capabilities: row.capabilities ? (JSON.parse(row.capabilities) as HypervisorCapabilities) : null,
    volumeCapacity: row.volumeCapacity ? (JSON.parse(row.volumeCapacity) as VolumeCapacity) : null,
    networkCapabilities: row.networkCapabilities ? (JSON.parse(row.networkCapabilities) as NetworkCapabilities) : null,
    lastSeenAt: row.lastSeenAt,
    startedAt: row.startedAt,
    createdAt: row.createdAt,
  };
}

/** Forgets a host and what it has reported. What it may hold is the caller's business. */
export async function forgetHost(tx: Tx, name: string): Promise<void> {
  await table(tx).deleteFrom('hostEntries').where('host', '=', name).execute();
  await table(tx).deleteFrom('hosts').where('name', '=', name).execute();
}

/** How many entries of a kind (`server`) each host has reported. */
export async function countEntries(tx: Tx, kind: string): Promise<Map<string, number>> {
  const rows = await table(tx)
    .selectFrom('hostEntries')
    .select(eb => ['host', eb.fn.countAll<number | string>().as('count')])
    .where('key', 'like', `${kind}/%`)
    .groupBy('host')
    .execute();
  return new Map(rows.map(({ host, count }) => [host, Number(count)]));
}
