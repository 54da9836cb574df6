// What must exist on one host: the entries of all services, each with a fingerprint.

import { createHash } from 'node:crypto';
import type { BaseImage, Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { NetworkEntry } from '#/drivers/network/network-driver.ts';
import type { Disk } from '#/drivers/volume/volume-driver.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { ServerKey, Service } from '#/platform/http/service.ts';

export type HostEntry = BaseImage | Guest | NetworkEntry | Disk;

export type EntryKind = 'image' | 'server' | 'network' | 'dhcp' | 'port' | 'security-group' | 'router' | 'volume';

export interface PlannedEntry {
  entry: HostEntry;
  /** Equal fingerprints mean equal entries. */
  hash: string;
}

export interface Plan {
  revision: number;
  entries: PlannedEntry[];
  /** Absent: the plan is whole. Else `entries` come new, or in place of others, to the plan of this revision. */
  since?: { revision: number; removed: string[] };
  /** For the agent's log: id of what long work is about → the request that asked for it. */
  requests?: Record<string, string>;
}

export function kindOf(key: string): EntryKind {
  return key.slice(0, key.indexOf('/')) as EntryKind;
}

export function idOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

/**
 * Rows → the host's plan: what every service's planners say, one entry per key.
 * @param only these entries and what they need, for there is no other difference
 */
export async function compilePlan(
  tx: Tx,
  services: Pick<Service, 'planners'>[],
  host: string,
  revision: number,
  only: { since: number; keys: ServerKey[] } | null = null,
): Promise<Plan> {
  const entries = new Map<string, PlannedEntry>();
  for (const service of services)
    for (const plan of service.planners ?? [])
      for (const entry of (await plan(tx, host, only?.keys)) as HostEntry[])
        if (!entries.has(entry.key)) entries.set(entry.key, { entry, hash: fingerprint(entry) });
  const plan = { revision, entries: [...entries.values()] };
  if (!only) return plan;
  return { ...plan, since: { revision: only.since, removed: only.keys.filter(key => !entries.has(key)) } };
}

/** The whole plan, from the one that is held and what has been told since. */
export function wholePlan(held: Plan, { revision, entries, since, requests }: Plan): Plan {
  if (!since) return { revision, entries, requests };
  const whole = new Map<string, PlannedEntry>(held.entries.map(planned => [planned.entry.key, planned]));
  for (const key of since.removed) whole.delete(key);
  for (const planned of entries) whole.set(planned.entry.key, planned);
  return { revision, entries: [...whole.values()], requests: { ...held.requests, ...requests } };
}

function fingerprint(entry: HostEntry): string {
  return createHash('sha1').update(JSON.stringify(entry)).digest('base64url');
}

/** What must be so before this entry can be: keys of the same plan. */
export function dependencies(entry: HostEntry): string[] {
  switch (kindOf(entry.key)) {
    case 'server': {
      const guest = entry as Guest;
      const images = [guest.root?.image, guest.kernel?.kernel, guest.kernel?.ramdisk];
      return [
        ...images.filter(key => !!key),
        ...guest.nics.map(nic => `port/${nic.portId}`),
        // Those of other hosts are in no plan of this one; whoever plans the guest has waited until they are served.
        ...guest.disks.filter(disk => disk.connection.kind === 'nbd-unix').map(disk => `volume/${disk.volumeId}`),
      ] as string[];
    }
    case 'volume': {
      const { source } = entry as Disk;
      if (!source) return [];
      return ['image' in source ? source.image : source.disk];
    }
    case 'dhcp':
    case 'port':
      return [`network/${(entry as { networkId: string }).networkId}`];
    case 'router': {
      const router = entry as Extract<NetworkEntry, { routerId: string }>;
      const ports = [
        ...router.interfaces,
        ...(router.gateway ? [router.gateway] : []),
        ...(router.ha ? [router.ha.port] : []),
      ];
      return ports.map(port => `network/${port.networkId}`);
    }
    default:
      return [];
  }
}

/** Lower ranks are taken away first. */
export function removalRank(key: string): number {
  const kind = kindOf(key);
  if (kind === 'server') return 0;
  return kind === 'network' || kind === 'image' ? 2 : 1;
}
