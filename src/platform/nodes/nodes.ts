// The control planes that run on this database, and their versions: an upgrade is over when they are all of one.

import type { Clock, Random, Timer } from '#/platform/clock/clock.ts';
import { newUuid } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { createTable, type Migration } from '#/platform/database/migrations.ts';
import { now, nowMs, timestamp, type Tx } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';

export interface Node {
  id: string;
  version: string;
  startedAt: string;
  lastSeenAt: string;
}

export const nodeMigrations: Migration[] = [
  {
    name: 'nodes/0001-nodes',
    async up(tx, engine) {
      await createTable(tx, engine, 'nodes', {
        id: 'text primary key',
        version: 'text not null',
        startedAt: 'text not null',
        lastSeenAt: 'text not null',
      });
    },
  },
];

const everyMs = 60_000;
/** One that has said nothing for so long has died. */
const silentMs = 150_000;

/** Keeps this process on the list until `stop`. @param alone no other uses this database: it is said once */
export function keepNode(
  parts: { db: Database; clock: Clock; random: Random; log: Logger; alone?: boolean },
  version: string,
): { start(): void; stop(): Promise<void> } {
  const { db, clock, random, log, alone = false } = parts;
  const id = newUuid(random);
  let timer: Timer | undefined;
  let stopped = false;
  let saying: Promise<unknown> = Promise.resolve();

  function say(): void {
    saying = db
      .write(async tx => {
        const at = now(tx);
        await table(tx)
          .insertInto('nodes')
          .values({ id, version, startedAt: at, lastSeenAt: at })
          .onConflict(conflict => conflict.column('id').doUpdateSet({ lastSeenAt: at }))
          .execute();
        const others = table(tx).deleteFrom('nodes').where('id', '!=', id);
        await (alone ? others : others.where('lastSeenAt', '<', timestamp(nowMs(tx) - silentMs))).execute();
      })
      .catch((error: unknown) => log.warn({ error }, 'the list of control planes'))
      .finally(() => {
        if (!stopped && !alone) timer = clock.after(everyMs, say);
      });
  }

  return {
    start: say,
    async stop() {
      stopped = true;
      timer?.cancel();
      await saying;
      await db
        .write(tx => table(tx).deleteFrom('nodes').where('id', '=', id).execute())
        .catch((error: unknown) => log.warn({ error }, 'the list of control planes'));
    },
  };
}

/** Those that live, the oldest first. @param alone as for `keepNode` */
export async function livingNodes(tx: Tx, alone: boolean): Promise<Node[]> {
  const all = table(tx).selectFrom('nodes').selectAll().orderBy('startedAt').orderBy('id');
  return (alone ? all : all.where('lastSeenAt', '>=', timestamp(nowMs(tx) - silentMs))).execute();
}

function table(tx: Tx) {
  return tx.withTables<{ nodes: Node }>();
}
