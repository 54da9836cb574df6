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

/** Runs that are further apart did not go by the same clock, or nothing ran in between: no moment to forget things. */
const believedPeriods = 10;
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

/**
 * A process whose clock is wrong by years would forget all that must be remembered. So when nothing was recorded yet, or by
 * another clock as far as can be seen, only the moment is recorded, and the next time it is done.
 * @returns whether it was done
 */
export async function runWhenDue(db: Database, chore: Chore): Promise<boolean> {
  return db.write(async tx => {
    const at = nowMs(tx);
    const last = await table(tx).selectFrom('chores').select('ranAt').where('name', '=', chore.name).executeTakeFirst();
    const since = last ? at - last.ranAt : Number.POSITIVE_INFINITY;
    if (since >= 0 && since < chore.everyMs * (1 - early)) return false;
    await table(tx)
      .insertInto('chores')
      .values({ name: chore.name, ranAt: at })
      .onConflict(conflict => conflict.column('name').doUpdateSet({ ranAt: at }))
      .execute();
    if (since < 0 || since > believedPeriods * chore.everyMs) return false;
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
