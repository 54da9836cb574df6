// Notices who is silent: an agent that has said nothing for long is taken as down, and as up once it speaks.

import type { HostEvent } from '#/host/entries.ts';
import { table } from '#/host/hosts.store.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { nowMs, timestamp, type Tx } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';

export interface Silence {
  /** The host has just said something. */
  heard(host: string): void;
  start(): void;
  stop(): void;
}

const silentMs = 10_000;
const watchMs = 2_000;
/** How many are written down in one transaction. */
const atOnce = 500;

interface Change {
  name: string;
  alive: boolean;
  silentFor: number;
}

export function createSilence({
  db,
  bus,
  clock,
  log,
  tell,
}: {
  db: Database;
  bus: Bus;
  clock: Clock;
  log: Logger;
  tell: (tx: Tx, host: string, event: HostEvent) => Promise<void>;
}): Silence {
  const heard = new Map<string, number>();
  let timer: Timer | undefined;
  let stopped = false;

  async function watch(): Promise<void> {
    try {
      // Whoever hears nobody is itself the one that is away: others may hear them.
      if (bus.inReach?.() === false) return heard.clear();
      const at = clock.monotonic();
      const changes: Change[] = [];
      const rows = await db.read(tx => table(tx).selectFrom('hosts').select(['name', 'up']).execute());
      for (const { name, up } of rows) {
        // Of a control plane that has just started, nobody has been heard: what was down stays down until it speaks.
        if (!heard.has(name)) heard.set(name, up === 1 ? at : at - silentMs);
        const silentFor = at - heard.get(name)!;
        const alive = silentFor < silentMs;
        if (alive !== (up === 1)) changes.push({ name, alive, silentFor });
      }
      while (changes.length > 0) await note(changes.splice(0, atOnce));
    } catch (error) {
      log.error({ error }, 'watching hosts');
    } finally {
      if (!stopped) timer = clock.after(watchMs, () => void watch());
    }
  }

  /** All of them first: what one carried must not go to another that is down as well. */
  async function note(changes: Change[]): Promise<void> {
    await db.write(async tx => {
      for (const { name, alive, silentFor } of changes)
        await table(tx)
          .updateTable('hosts')
          .set({ up: alive ? 1 : 0, lastSeenAt: timestamp(nowMs(tx) - silentFor) })
          .where('name', '=', name)
          .execute();
      for (const { name, alive } of changes) await tell(tx, name, { type: alive ? 'host.up' : 'host.down' });
    });
    for (const { name, alive } of changes) log.warn({ host: name, alive }, 'host changed');
  }

  return {
    heard: host => void heard.set(host, clock.monotonic()),
    start: () => void (timer = clock.after(watchMs, () => void watch())),
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
