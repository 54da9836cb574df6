// What belongs to one process of a simulation. Once the process is dead nothing of it goes on: no timer, no callback, and
// no promise that it waits for ever settles.

import type { Clock } from '#/platform/clock/clock.ts';
import type { Database, TxOptions } from '#/platform/database/database.ts';
import { contextOf, timestamp, type Tx } from '#/platform/database/tx.ts';

export interface Scope {
  readonly alive: boolean;
  kill(): void;
  /** Settles as `promise` does, unless the process has died by then. */
  guard<T>(promise: Promise<T>): Promise<T>;
}

const never = new Promise<never>(() => {});

export function createScope(): Scope {
  let alive = true;
  return {
    get alive() {
      return alive;
    },
    kill: () => void (alive = false),
    guard: promise =>
      promise.then(
        value => (alive ? value : never),
        (error: unknown) => {
          if (!alive) return never;
          throw error;
        },
      ),
  };
}

/** The process's clock. Its wall clock may be off; its monotonic one never is. */
export function scopedClock(base: Clock, scope: Scope, skewMs: () => number): Clock {
  return {
    now: () => base.now() + skewMs(),
    monotonic: () => base.monotonic(),
    after: (ms, call) => base.after(ms, () => scope.alive && call()),
  };
}

/** What may happen to one access to the database. */
export interface DatabaseFate {
  /** Milliseconds until it begins. */
  delayMs?: number;
  /** The process dies: before anything is done; inside, so that nothing stays; or when it is committed but nobody knows. */
  dies?: 'before' | 'inside' | 'after';
  /** The database refuses: nothing is done. */
  refused?: Error;
  /** It is done, but the answer never comes. */
  answerLost?: Error;
}

export interface ScopedDatabaseOptions {
  db: Database;
  scope: Scope;
  clock: Clock;
  slots: Map<symbol, unknown>;
  /** Called for each access. */
  fate(kind: 'read' | 'write'): DatabaseFate;
  /** Kills the process. */
  die(): void;
  /** Asked within a write whose work is done: whether the process dies as soon as it has committed. */
  diesNow(): boolean;
  committed(): void;
}

class Died extends Error {}

/** The process's way to the shared database. */
export function scopedDatabase({
  db,
  scope,
  clock,
  slots,
  fate,
  die,
  diesNow,
  committed,
}: ScopedDatabaseOptions): Database {
  async function begin(kind: 'read' | 'write'): Promise<DatabaseFate> {
    const now = fate(kind);
    if (now.delayMs) await scope.guard(new Promise<void>(resolve => void clock.after(now.delayMs!, resolve)));
    if (now.dies === 'before') die();
    if (!scope.alive) return never;
    if (now.refused) throw now.refused;
    return now;
  }
  const bind = (tx: Tx): Tx => {
    const context = contextOf(tx);
    context.slots = slots;
    context.clock = clock;
    context.now = timestamp(clock.now());
    return tx;
  };
  return {
    engine: db.engine,
    async read(work, options) {
      await begin('read');
      return scope.guard(db.read(tx => work(bind(tx)), options));
    },
    async write<T>(work: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T> {
      const now = await begin('write');
      let dies = now.dies === 'after';
      const written = db.write(async tx => {
        if (!scope.alive) throw new Died();
        const result = await work(bind(tx));
        if (now.dies === 'inside') die();
        if (!scope.alive) throw new Died();
        dies ||= diesNow();
        if (dies || now.answerLost) contextOf(tx).afterCommit.length = 0;
        return result;
      }, options);
      const result = await scope.guard(written);
      committed();
      if (dies) {
        die();
        return never;
      }
      if (now.answerLost) throw now.answerLost;
      return result;
    },
    close: async () => {},
  };
}
