// What must exist on one host: the entries of all services, each with a fingerprint.

import { createHash } from 'node:crypto';
import type { BaseImage, Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { NetworkEntry } from '#/drivers/network/network-driver.ts';
import type { Disk } from '#/drivers/volume/volume-driver.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Service } from '#/platform/http/service.ts';

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
  /** For the agent's log: id of what long work is about → the request that asked for it. */
  requests?: Record<string, string>;
}

export function kindOf(key: string): EntryKind {
  return key.slice(0, key.indexOf('/')) as EntryKind;
}

export function idOf(key: string): string {
  return key.slice(key.indexOf('/') + 1);
}

/** Rows → the host's plan: what every service's planners say, one entry per key. */
export async function compilePlan(
  tx: Tx,
  services: Pick<Service, 'planners'>[],
  host: string,
  revision: number,
): Promise<Plan> {
  const entries = new Map<string, PlannedEntry>();
  for (const service of services)
    for (const plan of service.planners ?? [])
      for (const entry of (await plan(tx, host)) as HostEntry[])
        if (!entries.has(entry.key)) entries.set(entry.key, { entry, hash: fingerprint(entry) });
  return { revision, entries: [...entries.values()] };
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
        // Simulated disks are within every host's reach; whoever plans the guest has waited for the export.
        ...guest.disks.filter(disk => disk.connection.kind !== 'simulated').map(disk => `volume/${disk.volumeId}`),
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
      const ports = router.gateway ? [...router.interfaces, router.gateway] : router.interfaces;
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
