// Periodic work: each chore runs once per period in the whole cluster, whichever process comes first. Its last run is
// recorded in the transaction that does the work, so that no two can both have done it, and no lease can outlive its holder.

import { createTable, type Migration } from '#/platform/database/migrations.ts';
import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { nowMs, type Tx } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';

export interface Chore {
  /** Unique in the program. */
  name: string;
  everyMs: number;
  run(tx: Tx): Promise<void>;
}

/** Processes look at different moments; what is due a little later is done now. */
const early = 0.05;

/** Looks at each chore as often as it is to run. */
export function startChores(
  { db, clock, log }: { db: Database; clock: Clock; log: Logger },
  chores: Chore[],
): { start(): void; stop(): void } {
  let stopped = false;
  const timers = new Map<string, Timer>();
  const again = (chore: Chore): void => {
    const look = (): void => {
      runWhenDue(db, chore)
        .catch((error: unknown) => log.error({ chore: chore.name, error }, 'chore'))
        .finally(() => {
          if (!stopped) again(chore);
        });
    };
    timers.set(chore.name, clock.after(chore.everyMs, look));
  };
  return {
    start: () => chores.forEach(again),
    stop() {
      stopped = true;
      for (const timer of timers.values()) timer.cancel();
    },
  };
}

/** @returns whether it was due */
export async function runWhenDue(db: Database, chore: Chore): Promise<boolean> {
  return db.write(async tx => {
    const at = nowMs(tx);
    const last = await table(tx).selectFrom('chores').select('ranAt').where('name', '=', chore.name).executeTakeFirst();
    // A run that lies ahead was recorded by a clock that was wrong.
    const since = last ? at - last.ranAt : chore.everyMs;
    if (since >= 0 && since < chore.everyMs * (1 - early)) return false;
    await table(tx)
      .insertInto('chores')
      .values({ name: chore.name, ranAt: at })
      .onConflict(conflict => conflict.column('name').doUpdateSet({ ranAt: at }))
      .execute();
    await chore.run(tx);
    return true;
  });
}

function table(tx: Tx) {
  return tx.withTables<{ chores: { name: string; ranAt: number } }>();
}

export const choreMigrations: Migration[] = [
  {
    name: 'platform/0004-chores',
    up: (tx, engine) => createTable(tx, engine, 'chores', { name: 'text primary key', ranAt: 'integer not null' }),
  },
];
