// Who may work on an operation. A step that reaches outside is done under a lease, which its engine renews; every commit of
// a step names the operation's epoch, which each lease and each commit raises. So an engine that was away for too long,
// paused or cut off, has lost what others took over, and nothing that it still does counts.

import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { now, nowMs, type Tx } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';
import { type OperationRow, table } from '#/platform/operations/operation.store.ts';

/** Work of a process that died is taken over once its lease was seen unrenewed for so long. */
export const leaseMs = 5_000;
const renewMs = leaseMs / 4;
/** Of a longer time between two looks no more counts: the database may have been away, for the lease's owner too. */
const longestLookMs = 0.4 * leaseMs;

/** Others have the operation, or it has ended: nothing more is done for it here. */
export class LeaseLost extends Error {
  override name = 'LeaseLost';
}

export interface Lease {
  /** The row as it is under the lease. */
  row: OperationRow;
  /** What a step reaches the outside with: it refuses once the lease may be another's. */
  db: Database;
  bus: Bus;
  /** Rejects with LeaseLost when it is. */
  lost: Promise<never>;
  /** No longer renewed. */
  end(): void;
}

export interface Leases {
  /** Nobody else has it, as far as the row tells. */
  mayTake(row: OperationRow): boolean;
  /** Nobody took it over or ended it since `row` was read: asked in the transaction that commits a step. */
  stillOurs(tx: Tx, row: OperationRow): Promise<boolean>;
  /** @returns null when it is another's or has ended */
  take(row: OperationRow): Promise<Lease | null>;
  /** Of these operations and no others the leases are still watched. */
  watchOnly(ids: Set<string>): void;
}

export interface LeasesOptions {
  owner: string;
  db: Database;
  bus: Bus;
  clock: Clock;
  log: Logger;
}

/** Writes a change that only whoever read the row like this may make. @throws LeaseLost otherwise */
export async function saveStep(tx: Tx, { id, epoch }: OperationRow, change: Partial<OperationRow>): Promise<void> {
  const { numUpdatedRows } = await table(tx)
    .updateTable('operations')
    .set({ ...change, epoch: epoch + 1, updatedAt: now(tx) })
    .where('id', '=', id)
    .where('epoch', '=', epoch)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n) throw new LeaseLost(id);
}

export function createLeases({ owner, db, bus, clock, log }: LeasesOptions): Leases {
  /** Leases of others as they were last seen, and for how long they have been so, by a clock that never jumps. */
  const seen = new Map<string, { stamp: string; lookedAt: number; unchangedMs: number }>();

  function mayTake(row: OperationRow): boolean {
    const under = row.phase === 'forward' || row.phase === 'undo';
    return under && (row.leaseOwner === null || row.leaseOwner === owner || isOver(row));
  }

  /** What a lease says of its end was said by another's clock: it is over when it has stayed as it is for too long. */
  function isOver({ id, leaseOwner, leaseUntil, epoch }: OperationRow): boolean {
    const stamp = `${leaseOwner} ${leaseUntil} ${epoch}`;
    const at = clock.monotonic();
    const known = seen.get(id);
    const unchangedMs = known?.stamp === stamp ? known.unchangedMs + Math.min(at - known.lookedAt, longestLookMs) : 0;
    seen.set(id, { stamp, lookedAt: at, unchangedMs });
    return unchangedMs > leaseMs;
  }

  async function stillOurs(tx: Tx, row: OperationRow): Promise<boolean> {
    const current = await table(tx)
      .selectFrom('operations')
      .select(['phase', 'step', 'leaseOwner', 'leaseUntil', 'epoch'])
      .where('id', '=', row.id)
      .executeTakeFirst();
    if (!current || current.phase !== row.phase || current.step !== row.step || current.epoch !== row.epoch)
      return false;
    return row.leaseOwner === owner ? current.leaseOwner === owner : mayTake({ ...row, ...current });
  }

  return {
    mayTake,
    stillOurs,
    watchOnly(ids) {
      for (const id of seen.keys()) if (!ids.has(id)) seen.delete(id);
    },
    async take(row) {
      const told = { requestId: row.requestId };
      const terms = (tx: Tx) => ({ leaseUntil: nowMs(tx) + leaseMs, wakeAt: nowMs(tx) + leaseMs });
      // From before the commit: others count from after it.
      let confirmedAt = clock.monotonic();
      const taken = await db.write(async tx => {
        if (!(await stillOurs(tx, row))) return null;
        const change = { leaseOwner: owner, ...terms(tx) };
        await saveStep(tx, row, change);
        return { ...row, ...change, epoch: row.epoch + 1 };
      }, told);
      if (!taken) return null;

      let over = false;
      let renewal: Timer;
      const { promise: lost, reject } = Promise.withResolvers<never>();
      lost.catch(() => {});
      const check = (): void => {
        if (over || clock.monotonic() - confirmedAt >= leaseMs) throw new LeaseLost(row.id);
      };
      const renew = async (): Promise<void> => {
        const at = clock.monotonic();
        try {
          const { numUpdatedRows } = await db.write(
            tx =>
              table(tx)
                .updateTable('operations')
                .set(terms(tx))
                .where('id', '=', taken.id)
                .where('epoch', '=', taken.epoch)
                .where('leaseOwner', '=', owner)
                .executeTakeFirstOrThrow(),
            told,
          );
          if (numUpdatedRows === 1n) confirmedAt = at;
          else end(new LeaseLost(row.id));
        } catch (error) {
          log.warn({ operation: row.id, error }, 'lease not renewed');
        }
        if (!over) renewal = clock.after(renewMs, () => void renew());
      };
      const end = (why?: LeaseLost): void => {
        over = true;
        renewal.cancel();
        if (why) reject(why);
      };
      renewal = clock.after(renewMs, () => void renew());

      const write: Database['write'] = (work, options) => {
        check();
        return db.write(async tx => {
          if (!(await stillOurs(tx, taken))) throw new LeaseLost(row.id);
          return work(tx);
        }, options);
      };
      return {
        row: taken,
        db: { ...db, write: async (work, options) => write(work, options) },
        bus: {
          ...bus,
          publish: (...said) => (check(), bus.publish(...said)),
          request: async (...asked) => (check(), bus.request(...asked)),
        },
        lost,
        end: () => end(),
      };
    },
  };
}
