// The hosts as services see them.

import type { HypervisorCapabilities } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { NetworkCapabilities } from '#/drivers/network/network-driver.ts';
import type { VolumeCapacity } from '#/drivers/volume/volume-driver.ts';
import { afterCommit, contextOf, type Tx } from '#/platform/database/tx.ts';
import type { ServerKey } from '#/platform/http/service.ts';
import { type HostRow, table } from '#/host/hosts.store.ts';
import { forgetPlanChanges, recordPlanChange } from '#/host/plan-changes.ts';

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
  /** Of the agent's program; null for one that does not say. */
  version: string | null;
  lastSeenAt: string;
  startedAt: string;
  createdAt: string;
}

export async function listHosts(tx: Tx): Promise<Host[]> {
  const rows = await table(tx).selectFrom('hosts').selectAll().orderBy('name').execute();
  return rows.map(toHost);
}

export async function hostsByName(tx: Tx, names: string[]): Promise<Host[]> {
  if (names.length === 0) return [];
  const rows = await table(tx).selectFrom('hosts').selectAll().where('name', 'in', names).orderBy('name').execute();
  return rows.map(toHost);
}

/** At most `count` hosts in the order of their providers' ids: those after one id, up to another (null: to the last). */
export async function nextHosts(tx: Tx, after: string, upTo: string | null, count: number): Promise<Host[]> {
  const all = table(tx).selectFrom('hosts').selectAll().where('providerId', '>', after).orderBy('providerId');
  const rows = await (upTo === null ? all : all.where('providerId', '<=', upTo)).limit(count).execute();
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

/** Its agent looks once the transaction has committed. Also called again: whoever replanned may have died before that. */
export function wakeHost(tx: Tx, host: string): void {
  const wake = contextOf(tx).slots.get(wakeSlot) as ((host: string) => void) | undefined;
  if (wake) afterCommit(tx, () => wake(host));
}

interface Replanned {
  revision: number;
  /** The keys that the transaction has said to change; null: anything may have. */
  keys: Set<ServerKey> | null;
}

const replanned = new WeakMap<object, Map<string, Replanned>>();

/**
 * The host's plan may have changed: call it in every transaction that changes what a planner returns. Its agent looks
 * once the transaction has committed.
 * @param key the only entry that differs, but for new ones that it needs; absent: any may differ
 * @returns the revision from which the change holds
 */
export async function replan(tx: Tx, host: string, key: ServerKey | null = null): Promise<number> {
  const context = contextOf(tx);
  let all = replanned.get(context);
  if (!all) replanned.set(context, (all = new Map()));
  let done = all.get(host);
  if (!done) {
    done = { revision: await nextRevision(tx, host), keys: key === null ? null : new Set() };
    all.set(host, done);
    wakeHost(tx, host);
  }
  const { revision, keys } = done;
  if (key === null) {
    if (keys?.size) await forgetPlanChanges(tx, host, revision);
    done.keys = null;
  } else if (keys && !keys.has(key)) {
    keys.add(key);
    await recordPlanChange(tx, host, revision, key);
  }
  return revision;
}

async function nextRevision(tx: Tx, host: string): Promise<number> {
  const row = await table(tx)
    .updateTable('hosts')
    .set(eb => ({ wantedRevision: eb('wantedRevision', '+', 1) }))
    .where('name', '=', host)
    .returning('wantedRevision')
    .executeTakeFirst();
  return row?.wantedRevision ?? 0;
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
    version: row.version,
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
