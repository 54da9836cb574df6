// What a host does for a server that moves, by the stage of its migration. Rows in, parts of entries out.

import type { GuestMove, Peer } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { activeMigrationsOn, type Migration } from '#/services/compute/server-migrations/migration.store.ts';
import type { Power } from '#/services/compute/servers/server.rules.ts';
import type { ServerFlavor } from '#/services/compute/servers/server.store.ts';

/** How the entry of a server that moves differs from what its row says. */
export interface HostPart {
  /** Whether the host holds it, where the server's row does not say so. */
  held: boolean;
  flavor?: ServerFlavor;
  power?: Power;
  move?: GuestMove;
}

/** By server. */
export async function movesOn(tx: Tx, host: string): Promise<Map<string, HostPart>> {
  const migrations = await activeMigrationsOn(tx, host);
  if (migrations.length === 0) return new Map();
  const addresses = new Map((await listHosts(tx)).map(({ name, address }) => [name, address]));
  const peer = (name: string): Peer => ({ host: name, address: addresses.get(name) ?? null });
  return new Map(migrations.map(migration => [migration.serverId, partOf(migration, host, peer)]));
}

/** Pure. */
export function partOf(migration: Migration, host: string, peer: (name: string) => Peer): HostPart {
  const { uuid: id, ticket, sourceHost, destHost, stage } = migration;
  const atSource = host === sourceHost;
  if (sourceHost === destHost)
    return stage === 'kept' || stage === 'back'
      ? { held: true, move: { kind: 'keep', id, back: stage === 'back' } }
      : { held: true };
  switch (stage) {
    case 'sending':
      return atSource
        ? { held: true, move: { kind: 'send', id, ticket, to: destHost } }
        : {
            held: true,
            flavor: migration.newFlavor,
            power: 'stopped',
            move: { kind: 'take', id, ticket, from: peer(sourceHost) },
          };
    case 'kept':
      return atSource ? { held: true, flavor: migration.oldFlavor, power: 'stopped' } : { held: true };
    case 'leaving':
    case 'arriving':
      if (atSource) return { held: true, move: { kind: 'leave', id, ticket, to: peer(destHost) } };
      if (stage === 'leaving') return { held: false };
      return {
        held: true,
        move: {
          kind: 'arrive',
          id,
          ticket,
          from: peer(sourceHost),
          layout: migration.layout ?? { places: {}, disks: {} },
        },
      };
    default:
      return { held: atSource };
  }
}
