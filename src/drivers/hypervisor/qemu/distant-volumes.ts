// Volumes of other hosts: a guest's process sees a unix socket of its own for each, and the agent joins that to the other
// host's. When the connection breaks (an agent is restarted, a cable is pulled) QEMU comes back to the socket, waits there
// until the other host is in reach again, and sends anew what was not answered: the guest sees a pause.

import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import type { Connection } from '#/drivers/volume/volume-driver.ts';
import { join } from '#/platform/channel/channel.ts';
import { sleep } from '#/platform/clock/clock.ts';
import { Problem, sentenceOf } from '#/platform/problem/problem.ts';
import type { QemuHost } from './host.ts';
import type { GuestPaths } from './paths.ts';

/** How a volume of another host is reached. */
export type DistantWay = Extract<Connection, { kind: 'nbd-host' }>;

export interface DistantVolumes {
  /**
   * Each distant volume of the guest has its socket, and leads where the entry says.
   * @throws Problem unavailable when a host does not give one that was not there before
   */
  offer(guest: Guest): Promise<void>;
  /** Sockets that the guest has no use for any more go. */
  withdraw(guest: Guest): Promise<void>;
  /** As it was under an earlier agent. */
  takeUp(ways: Record<string, DistantWay>): Promise<void>;
  /** By volume, to be remembered. */
  ways(): Record<string, DistantWay>;
  /** Lets go of all; guests come back to the sockets of a later agent. */
  close(): void;
}

interface Offered {
  way: DistantWay;
  server: Server;
  /** What is joined, or waits to be. */
  guests: Set<Socket>;
}

const retryMs = 500;
/** How long a guest's connection is held while the other host is away; then QEMU makes another. */
const patienceMs = 60_000;

export function distantVolumes(
  { channel, tools, user }: Pick<QemuHost, 'channel' | 'tools' | 'user'>,
  id: string,
  paths: GuestPaths,
): DistantVolumes {
  const { clock, log } = tools;
  const offered = new Map<string, Offered>();

  function wanted(guest: Guest): Map<string, DistantWay> {
    return new Map(
      guest.disks.flatMap(({ volumeId, connection }) =>
        connection.kind === 'nbd-host' ? [[volumeId, connection] as const] : [],
      ),
    );
  }

  async function open(volumeId: string, way: DistantWay): Promise<void> {
    const path = paths.distantVolume(volumeId);
    await rm(path, { force: true });
    const one: Offered = { way, guests: new Set(), server: createServer(socket => void carry(volumeId, one, socket)) };
    await new Promise<void>((resolve, reject) => {
      one.server.once('error', reject);
      one.server.listen(path, resolve);
    });
    await chown(path, user.uid, user.gid);
    await chmod(path, 0o600);
    offered.set(volumeId, one);
  }

  async function carry(volumeId: string, one: Offered, guest: Socket): Promise<void> {
    guest.on('error', () => {});
    one.guests.add(guest);
    guest.on('close', () => one.guests.delete(guest));
    const until = clock.monotonic() + patienceMs;
    while (!guest.destroyed) {
      const { address } = one.way;
      try {
        const disk = await dial(volumeId, one.way, 'nbd');
        const unwatch = channel!.watch(address!, () => guest.destroy());
        disk.on('close', unwatch);
        if (guest.destroyed) disk.destroy();
        else join(guest, disk);
        return;
      } catch (error) {
        if (clock.monotonic() > until) {
          log.warn({ server: id, volume: volumeId, error }, 'the host of a volume is not in reach');
          guest.destroy();
        } else await sleep(clock, retryMs);
      }
    }
  }

  async function dial(volumeId: string, { address, ticket }: DistantWay, stream: string): Promise<Duplex> {
    if (!channel || address === null) throw new Problem('unsupported', hypervisorTexts.noChannel, { server: id });
    return channel.dial(address, { service: 'volume', id: volumeId, ticket, stream });
  }

  /** @throws Problem unavailable unless the volume's host would give it */
  async function look(volumeId: string, way: DistantWay): Promise<void> {
    try {
      (await dial(volumeId, way, 'look')).destroy();
    } catch (cause) {
      const facts = { volume: volumeId, host: way.host, reason: sentenceOf(cause) };
      throw new Problem('unavailable', hypervisorTexts.volumeAway, facts, { cause });
    }
  }

  function shut(volumeId: string): void {
    const one = offered.get(volumeId);
    if (!one) return;
    offered.delete(volumeId);
    one.server.close();
    for (const guest of one.guests) guest.destroy();
  }

  return {
    async offer(guest) {
      for (const [volumeId, way] of wanted(guest)) {
        const one = offered.get(volumeId);
        if (!one) {
          await look(volumeId, way);
          await open(volumeId, way);
        } else if (JSON.stringify(one.way) !== JSON.stringify(way)) {
          one.way = way;
          for (const connected of one.guests) connected.destroy();
        }
      }
    },
    async withdraw(guest) {
      const ways = wanted(guest);
      for (const volumeId of [...offered.keys()])
        if (!ways.has(volumeId)) {
          shut(volumeId);
          await rm(paths.distantVolume(volumeId), { force: true });
        }
    },
    async takeUp(ways) {
      for (const [volumeId, way] of Object.entries(ways)) if (!offered.has(volumeId)) await open(volumeId, way);
    },
    ways: () => Object.fromEntries([...offered].map(([volumeId, { way }]) => [volumeId, way])),
    close() {
      for (const volumeId of [...offered.keys()]) shut(volumeId);
    },
  };
}
