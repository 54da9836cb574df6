// Periodic work: each chore runs once per period in the whole cluster, whichever process comes first. Its last run is
// recorded in the transaction that does the work, so that no two can both have done it, and no lease can outlive its holder.

import { createTable, type Migration } from '#/platform/database/migrations.ts';
import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { nowMs, type Tx } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface Chore {
  /** Unique in the program. */
  name: string;
  everyMs: number;
  run(tx: Tx): Promise<void>;
}

/** Runs that are further apart did not go by the same clock, or nothing ran in between: no moment to forget things. */
const believedPeriods = 10;
/** So far apart may the clocks of nodes be: whoever is ahead then does the work, and the others once it has gone. */
const skewMs = 10 * 60_000;
/** Processes look at different moments; what is due a little later is done now. */
const early = 0.05;

const firstLookMs = 5_000;
/** After this long without a database it is looked at again. */
const againMs = 2_000;

/** Looks at each chore when it is due, as every process does: whichever is alive then does it. */
export function startChores(
  { db, clock, log }: { db: Database; clock: Clock; log: Logger },
  chores: Chore[],
): { start(): void; stop(): void } {
  let stopped = false;
  const timers = new Map<string, Timer>();
  const lookIn = (chore: Chore, ms: number): void => {
    const look = async (): Promise<void> => {
      const wait = await nextIn(chore).catch((error: unknown) => {
        log.error({ chore: chore.name, error }, 'chore');
        const away = error instanceof Problem && error.kind === 'unavailable';
        return away ? Math.min(againMs, chore.everyMs) : chore.everyMs;
      });
      if (!stopped) lookIn(chore, wait);
    };
    timers.set(
      chore.name,
      clock.after(ms, () => void look()),
    );
  };
  const nextIn = async (chore: Chore): Promise<number> => {
    const wait = await dueInMs(db, chore);
    if (wait > 0) return wait;
    await runWhenDue(db, chore);
    return dueInMs(db, chore);
  };
  return {
    start: () => chores.forEach(chore => lookIn(chore, Math.min(chore.everyMs, firstLookMs))),
    stop() {
      stopped = true;
      for (const timer of timers.values()) timer.cancel();
    },
  };
}

/** 0 as well when it is not known. At most its period. */
async function dueInMs(db: Database, { name, everyMs }: Chore): Promise<number> {
  return db.read(async tx => {
    const last = await table(tx).selectFrom('chores').select('ranAt').where('name', '=', name).executeTakeFirst();
    const wait = last ? last.ranAt + everyMs - nowMs(tx) : 0;
    return wait > everyMs + skewMs ? 0 : Math.min(everyMs, Math.max(0, wait));
  });
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
    if (since > -skewMs && since < chore.everyMs * (1 - early)) return false;
    await table(tx)
      .insertInto('chores')
      .values({ name: chore.name, ranAt: at })
      .onConflict(conflict => conflict.column('name').doUpdateSet({ ranAt: at }))
      .execute();
    if (since < 0 || since > Math.max(believedPeriods * chore.everyMs, skewMs)) return false;
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
