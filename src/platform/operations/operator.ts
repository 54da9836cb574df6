// What an operator may do to an operation: have it tried at once, or end it.

import { now, nowMs, type Tx } from '#/platform/database/tx.ts';
import type { OperationKind } from '#/platform/operations/operation.ts';
import { hint, type OperationRow, table } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { storeProblem } from '#/platform/problem/stored-problem.ts';
import { operatorTexts as t } from '#/platform/operations/texts.ts';

/**
 * Its next try is now. One that was given up by force and whose resource is left as it was goes on where it stopped.
 * @throws Problem conflict when it has ended otherwise
 */
export async function retryNow(tx: Tx, row: OperationRow, kind: OperationKind | undefined): Promise<void> {
  const goesOn = row.phase === 'abandoned' && kind !== undefined && !kind.onFailed;
  if (!goesOn) mustRun(row);
  // One that is being done right now keeps its lease: it is its owner's.
  if (isLeased(tx, row)) return;
  const again = goesOn ? { phase: 'forward' as const, attempts: 0, problem: null, stepStartedAt: nowMs(tx) } : {};
  await table(tx)
    .updateTable('operations')
    .set({ ...again, wakeAt: nowMs(tx), updatedAt: now(tx) })
    .where('id', '=', row.id)
    .execute();
  hint(tx, row.id);
}

/** `unwinding`: it takes back what it has done. `ended`: it stops where it is. */
export type Abandoned = 'unwinding' | 'ended';

/**
 * Gives an operation up. Without `force` nothing is lost: what was done is taken back step by step, and its resource then
 * says that it failed. With `force` it ends at once: nothing is taken back, and the resource is marked as failed where its
 * kind of operation knows how; where not, it stays as it is until the operation is tried again.
 * @throws Problem conflict when it has ended, or when only `force` can end it; its sentence says what would be lost
 */
export async function abandon(
  tx: Tx,
  row: OperationRow,
  kind: OperationKind | undefined,
  force: boolean,
): Promise<Abandoned> {
  mustRun(row);
  if (!force) {
    if (!kind) throw new Problem('conflict', t.unknownKindNeedsForce, { id: row.id, kind: row.kind });
    if (kind.onFailure === 'persist')
      throw new Problem('conflict', t.persistNeedsForce, { id: row.id, kind: row.kind });
    if (row.phase === 'undo')
      throw new Problem('conflict', t.undoNeedsForce, { id: row.id, step: kind.steps[row.step]?.name });
    if (isLeased(tx, row))
      throw new Problem('conflict', t.leasedNeedsForce, { id: row.id, step: kind.steps[row.step]?.name });
    await end(tx, row, {
      phase: 'undo',
      step: row.step - 1,
      attempts: 0,
      problem: storeProblem(new Problem('conflict', t.abandoned)),
      wakeAt: nowMs(tx),
    });
    hint(tx, row.id);
    return 'unwinding';
  }
  const problem = new Problem('conflict', t.abandoned);
  await kind?.onFailed?.(tx, JSON.parse(row.state), problem);
  await end(tx, row, { phase: 'abandoned', problem: storeProblem(problem) });
  return 'ended';
}

async function end(tx: Tx, row: OperationRow, change: Partial<OperationRow>): Promise<void> {
  const nothing = { waitHost: null, waitKeys: null, waitRevisions: null, leaseOwner: null };
  await table(tx)
    .updateTable('operations')
    .set({ ...nothing, ...change, epoch: row.epoch + 1, updatedAt: now(tx) })
    .where('id', '=', row.id)
    .execute();
}

function isLeased(tx: Tx, row: OperationRow): boolean {
  return row.leaseOwner !== null && row.leaseUntil > nowMs(tx);
}

function mustRun({ id, phase }: OperationRow): void {
  if (phase !== 'forward' && phase !== 'undo') throw new Problem('conflict', t.hasEnded, { id, phase });
}
