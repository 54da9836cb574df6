// Runs operations to their end, whatever happens to the process: each step's record commits with its effect, or after it
// where the effect is outside; whoever finds an unleased operation goes on from its last record.

import type { Bus } from '#/platform/bus/bus.ts';
import { type Clock, newUuid, type Random, type Timer } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { nowMs, type Tx } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';
import { kindAsBegun } from '#/platform/operations/as-begun.ts';
import { createLeases, type Lease, LeaseLost, saveStep } from '#/platform/operations/leases.ts';
import type { OperationKind, Outside, Step } from '#/platform/operations/operation.ts';
import { attachHints, type OperationRow, table } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { reviveProblem, storeProblem } from '#/platform/problem/stored-problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';

/** What the engine asks of the hosts' plans and reports. */
export interface HostState {
  /** The host's plan may have changed: its agent is to look. @returns the plan's revision from here on */
  replan(tx: Tx, host: string): Promise<number>;
  /** Its agent is told once more to look. */
  wake(tx: Tx, host: string): void;
  /** What the host has said of an entry since it saw its plan's `revision`. */
  entry(tx: Tx, host: string, key: string, revision: number): Promise<EntryState>;
  /** True when the host has seen that revision and no longer holds the entry. */
  gone(tx: Tx, host: string, key: string, revision: number): Promise<boolean>;
}

export type EntryState =
  | { state: 'applied'; facts: Record<string, unknown> }
  | { state: 'pending' }
  | { state: 'failed'; problem: Problem }
  | { state: 'unplanned' };

export interface EngineOptions {
  db: Database;
  slots: Map<symbol, unknown>;
  bus: Bus;
  clock: Clock;
  random: Random;
  log: Logger;
  hosts: HostState;
  kinds: OperationKind[];
  /** Operations that run at the same time. */
  concurrency?: number;
  /** No other engine works on this database: what is leased was left by a process that died, and is taken up at once. */
  alone?: boolean;
}

export interface Engine {
  /** Takes up what is there and keeps going until `stop`. */
  start(): void;
  stop(): Promise<void>;
  /** True when nothing runs and nothing is due. */
  quiet(): boolean;
}

const sweepMs = 1_000;
/** While waiting for a host, look again this often even when no report wakes us; first sooner: whoever began may be dead. */
const lookAgainMs = 15_000;
const firstLookAgainMs = 2_000;
const triesBeforeUnwinding = 5;
/** No alarm is ever set further ahead: what is was set by a clock that was wrong, and does not count. */
const farthestMs = 300_000;

type Outcome = 'on' | 'rest' | 'lost';

export function createEngine(options: EngineOptions): Engine {
  const { db, bus, clock, random, log, hosts } = options;
  const owner = newUuid(random);
  const kinds = new Map(options.kinds.map(kind => [kind.kind, kind]));
  const running = new Map<string, Promise<void>>();
  const queued = new Set<string>();
  const leases = createLeases({ owner, db, bus, clock, log });
  const concurrency = options.concurrency ?? 32;
  let stopped = true;
  let timer: Timer | undefined;
  attachHints(options.slots, id => {
    if (stopped) return;
    queued.add(id);
    pump();
  });

  function pump(): void {
    for (const id of queued) {
      if (stopped || running.size >= concurrency) return;
      if (running.has(id)) continue;
      queued.delete(id);
      const work = drive(id)
        .catch((error: unknown) => log.error({ operation: id, error }, 'operation engine'))
        .finally(() => {
          running.delete(id);
          pump();
        });
      running.set(id, work);
    }
  }

  async function takeOver(): Promise<void> {
    try {
      await db.write(tx =>
        table(tx)
          .updateTable('operations')
          .set(eb => ({ leaseOwner: null, epoch: eb('epoch', '+', 1), wakeAt: nowMs(tx) }))
          .where('phase', 'in', ['forward', 'undo'])
          .where('leaseOwner', 'is not', null)
          .where('leaseOwner', '!=', owner)
          .execute(),
      );
    } catch (error) {
      log.error({ error }, 'leases of a process before this one run out by themselves');
    }
  }

  async function sweep(): Promise<void> {
    try {
      const due = await db.read(tx =>
        table(tx)
          .selectFrom('operations')
          .select('id')
          .where('phase', 'in', ['forward', 'undo'])
          .where(eb =>
            eb.or([
              eb('wakeAt', '<=', nowMs(tx)),
              eb('wakeAt', '>', nowMs(tx) + farthestMs),
              // Looked at all the time, to see whether it is renewed.
              eb.and([eb('leaseOwner', 'is not', null), eb('leaseOwner', '!=', owner)]),
            ]),
          )
          .orderBy('wakeAt')
          .limit(500)
          .execute(),
      );
      const ids = new Set(due.map(({ id }) => id));
      leases.watchOnly(ids);
      for (const id of ids) if (!running.has(id)) queued.add(id);
      pump();
    } catch (error) {
      log.error({ error }, 'operation sweep');
    }
    if (!stopped) timer = clock.after(sweepMs, () => void sweep());
  }

  async function drive(id: string): Promise<void> {
    let outcome: Outcome = 'on';
    while (outcome === 'on' && !stopped) outcome = await advance(id);
  }

  /** One step, forward or back. */
  async function advance(id: string): Promise<Outcome> {
    const row = await db.read(tx =>
      table(tx).selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirst(),
    );
    if (!row || !leases.mayTake(row)) return 'lost';
    const kind = kindAsBegun(kinds, row);
    if (!kind) {
      log.error({ operation: id, kind: row.kind }, 'an operation that only another version knows');
      return 'lost';
    }
    const step = kind.steps[row.step];
    const reaches = step?.type === 'call' && (row.phase === 'forward' || step.undo !== undefined);
    const lease = reaches ? await leases.take(row) : undefined;
    if (lease === null) return 'lost';
    try {
      return await oneStep(lease?.row ?? row, kind, step, lease);
    } catch (thrown) {
      if (thrown instanceof LeaseLost) return 'lost';
      throw thrown;
    } finally {
      lease?.end();
    }
  }

  async function oneStep(
    row: OperationRow,
    kind: OperationKind,
    step: Step | undefined,
    lease: Lease | undefined,
  ): Promise<Outcome> {
    if (row.phase === 'undo') return undoOne(row, kind, step, lease);
    if (!step) return db.write(tx => save(tx, row, { phase: 'done', leaseOwner: null }, 'rest'), asked(row));
    try {
      return await doOne(row, step, lease);
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw thrown;
      return failedStep(row, kind, step, thrown);
    }
  }

  async function doOne(row: OperationRow, step: Step, lease: Lease | undefined): Promise<Outcome> {
    const state = JSON.parse(row.state) as Record<string, unknown>;
    switch (step.type) {
      case 'write':
        return db.write(async tx => {
          if (!(await leases.stillOurs(tx, row))) return 'lost';
          const added = await step.do(tx, state);
          return goOn(tx, row, { ...state, ...added });
        }, asked(row));
      case 'applied':
      case 'removed':
        return db.write(tx => look(tx, row, step, state), asked(row));
      case 'call': {
        const added = await inTime(step.do(outside(lease!, step), state), step, lease!);
        return db.write(async tx => {
          if (!(await leases.stillOurs(tx, row))) return 'lost';
          return goOn(tx, row, { ...state, ...added });
        }, asked(row));
      }
    }
  }

  async function look(
    tx: Tx,
    row: OperationRow,
    step: Step & { type: 'applied' | 'removed' },
    state: Record<string, unknown>,
  ): Promise<Outcome> {
    if (!(await leases.stillOurs(tx, row))) return 'lost';
    const wanted = step.where(state);
    const revisions = row.waitRevisions ? (JSON.parse(row.waitRevisions) as Record<string, number>) : {};
    for (const { host } of wanted) revisions[host] ??= await hosts.replan(tx, host);
    const facts: Record<string, unknown>[] = [];
    let missing: { host: string; key: string } | undefined;
    for (const { host, key } of wanted) {
      if (step.type === 'removed') {
        if (!(await hosts.gone(tx, host, key, revisions[host]!))) missing ??= { host, key };
        continue;
      }
      const entry = await hosts.entry(tx, host, key, revisions[host]!);
      if (entry.state === 'failed') throw entry.problem;
      if (entry.state === 'unplanned') throw new Problem('conflict', platformTexts.noSuchEntry, { host, key });
      if (entry.state === 'applied') facts.push(entry.facts);
      else missing ??= { host, key };
    }
    if (!missing) {
      const added = step.type === 'applied' ? step.take?.(facts, state) : undefined;
      return goOn(tx, row, { ...state, ...added });
    }
    const at = nowMs(tx);
    const startedAt = row.stepStartedAt > at + farthestMs ? at : row.stepStartedAt;
    if (step.type === 'applied' && at - startedAt > step.timeoutMs)
      throw new Problem('unavailable', platformTexts.hostLate, {
        ...missing,
        seconds: Math.round(step.timeoutMs / 1000),
      });
    const again = row.waitHost !== null;
    if (again) hosts.wake(tx, missing.host);
    const waitKeys = wanted.map(key => key.key).join('\n');
    return save(
      tx,
      row,
      {
        stepStartedAt: startedAt,
        waitHost: missing.host,
        waitKeys,
        waitRevisions: JSON.stringify(revisions),
        wakeAt: at + (again ? lookAgainMs : firstLookAgainMs),
        leaseOwner: null,
      },
      'rest',
    );
  }

  /** A step that threw: a refusal unwinds at once, anything else is tried again first. */
  async function failedStep(row: OperationRow, kind: OperationKind, step: Step, thrown: unknown): Promise<Outcome> {
    const refused = thrown instanceof Problem && thrown.kind !== 'unavailable';
    const problem =
      thrown instanceof Problem
        ? thrown
        : new Problem('unavailable', platformTexts.bug, { requestId: row.requestId }, { cause: thrown });
    const attempts = row.attempts + 1;
    log.warn(
      { operation: row.id, kind: row.kind, step: step.name, attempts, requestId: row.requestId, error: thrown },
      'step failed',
    );
    const late = step.type === 'applied';
    const giveUp = kind.onFailure === 'unwind' && (refused || late || attempts >= triesBeforeUnwinding);
    return db.write(async tx => {
      if (!(await leases.stillOurs(tx, row))) return 'lost';
      const stored = storeProblem(problem);
      if (giveUp)
        return save(
          tx,
          row,
          {
            phase: 'undo',
            step: row.step - 1,
            attempts: 0,
            problem: stored,
            waitHost: null,
            waitKeys: null,
            waitRevisions: null,
          },
          'on',
        );
      return save(
        tx,
        row,
        { attempts, problem: stored, wakeAt: nowMs(tx) + backoffMs(attempts), leaseOwner: null },
        'rest',
      );
    }, asked(row));
  }

  async function undoOne(
    row: OperationRow,
    kind: OperationKind,
    step: Step | undefined,
    lease: Lease | undefined,
  ): Promise<Outcome> {
    const state = JSON.parse(row.state) as Record<string, unknown>;
    try {
      if (!step) {
        return await db.write(async tx => {
          if (!(await leases.stillOurs(tx, row))) return 'lost';
          await kind.onFailed?.(tx, state, reviveProblem(row.problem!));
          return save(tx, row, { phase: 'failed', leaseOwner: null }, 'rest');
        }, asked(row));
      }
      if (lease && step.type === 'call') await inTime(step.undo!(outside(lease, step), state), step, lease);
      return await db.write(async tx => {
        if (!(await leases.stillOurs(tx, row))) return 'lost';
        if (step.type === 'write') await step.undo?.(tx, state);
        return save(tx, row, { step: row.step - 1, attempts: 0 }, 'on');
      }, asked(row));
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw thrown;
      log.warn(
        { operation: row.id, kind: row.kind, step: step?.name, error: thrown },
        'undo failed; it will be tried again',
      );
      return db.write(async tx => {
        if (!(await leases.stillOurs(tx, row))) return 'lost';
        const attempts = row.attempts + 1;
        return save(tx, row, { attempts, wakeAt: nowMs(tx) + backoffMs(attempts), leaseOwner: null }, 'rest');
      }, asked(row));
    }
  }

  async function save(tx: Tx, row: OperationRow, change: Partial<OperationRow>, outcome: Outcome): Promise<Outcome> {
    await saveStep(tx, row, change);
    return outcome;
  }

  /** The step is done; with the last one, the operation is. */
  function goOn(tx: Tx, row: OperationRow, state: object): Promise<Outcome> {
    const at = nowMs(tx);
    const last = row.step + 1 === kindAsBegun(kinds, row)!.steps.length;
    const change: Partial<OperationRow> = {
      ...(last ? { phase: 'done', leaseOwner: null } : {}),
      state: JSON.stringify(state),
      step: row.step + 1,
      attempts: 0,
      problem: null,
      stepStartedAt: at,
      wakeAt: at,
      waitHost: null,
      waitKeys: null,
      waitRevisions: null,
    };
    return save(tx, row, change, last ? 'rest' : 'on');
  }

  /** What reaches outside may never answer: then it is tried again. */
  async function inTime<T>(
    work: Promise<T>,
    { name, timeoutMs }: Step & { type: 'call' },
    { lost }: Lease,
  ): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const late = new Problem('unavailable', platformTexts.stepLate, {
      step: name,
      seconds: Math.round(timeoutMs / 1000),
    });
    const timer = clock.after(timeoutMs, () => reject(late));
    try {
      return await Promise.race([work, promise, lost]);
    } finally {
      timer.cancel();
    }
  }

  function outside({ row, db: fenced, bus: guarded }: Lease, step: Step): Outside {
    const { id, requestId } = row;
    return { db: fenced, bus: guarded, clock, log, idempotencyKey: `${id}/${step.name}`, requestId };
  }

  return {
    start() {
      stopped = false;
      void (options.alone ? takeOver() : Promise.resolve()).then(sweep);
    },
    async stop() {
      stopped = true;
      timer?.cancel();
      await Promise.allSettled(running.values());
    },
    quiet: () => running.size === 0 && queued.size === 0,
  };
}

function asked(row: OperationRow): { requestId: string | null } {
  return { requestId: row.requestId };
}

/** 0.5 s, 1 s, 2 s … 60 s. */
function backoffMs(attempts: number): number {
  return Math.min(60_000, 250 * 2 ** Math.min(attempts, 10));
}
