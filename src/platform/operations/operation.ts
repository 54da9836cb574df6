// Long work, declared: a kind and its named steps, each with what undoes it.

import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Problem } from '#/platform/problem/problem.ts';

/** A line of a host's plan: which host, and the entry's key there. */
export interface PlanKey {
  host: string;
  key: string;
}

/** What a step that reaches outside is given. It may run twice, so what it does says `ensure` or `remove`. */
export interface Outside {
  db: Database;
  bus: Bus;
  clock: Clock;
  log: Logger;
  /** The same for every try of this step: for receivers that must act once. */
  idempotencyKey: string;
  /** On whose behalf: calls of hosts pass it on, so that their logs name it. */
  requestId: string | null;
}

type State = Record<string, unknown>;
// biome-ignore lint: the engine holds operations of every state type
type Any = any;

export type Step =
  | {
      type: 'write';
      name: string;
      do(tx: Tx, state: Any): Promise<State | void>;
      undo?(tx: Tx, state: Any): Promise<void>;
    }
  | {
      type: 'applied';
      name: string;
      where(state: Any): PlanKey[];
      take?(facts: Any[], state: Any): State;
      timeoutMs: number;
    }
  | { type: 'removed'; name: string; where(state: Any): PlanKey[] }
  | {
      type: 'call';
      name: string;
      do(outside: Outside, state: Any): Promise<State | void>;
      undo?(outside: Outside, state: Any): Promise<void>;
      timeoutMs: number;
    };

export interface OperationKind {
  kind: string;
  steps: Step[];
  /**
   * `unwind`: a failed step undoes those before it, then `failed` runs. `persist`: a failed step is tried again until it
   * succeeds, as deleting must be; the operation then shows what it waits for.
   */
  onFailure: 'unwind' | 'persist';
  onFailed?(tx: Tx, state: Any, problem: Problem): Promise<void>;
}

/** An operation's declaration. `I` is what it starts with, `S` all that its steps have added so far. */
export interface Operation<I extends object, S extends object = I> extends OperationKind {
  /** Part of a transaction: commits together with the record that it was done, so it happens once. */
  write<R extends object | void>(
    name: string,
    step: { do(tx: Tx, state: S): Promise<R>; undo?(tx: Tx, state: S & Partial<Extra<R>>): Promise<void> },
  ): Operation<I, S & Extra<R>>;
  /** Waits until the hosts report these entries of their plans as true. `take` keeps facts that they reported, in order. */
  applied<R extends object = object>(
    name: string,
    where: (state: S) => PlanKey | PlanKey[],
    options?: { take?(facts: Any[], state: S): R; timeoutMs?: number },
  ): Operation<I, S & R>;
  /** Waits until the hosts report that they no longer hold these. */
  removed(name: string, where: (state: S) => PlanKey | PlanKey[]): Operation<I, S>;
  /** Reaches outside; may happen twice. */
  call<R extends object | void>(
    name: string,
    step: {
      do(outside: Outside, state: S): Promise<R>;
      undo?(outside: Outside, state: S & Partial<Extra<R>>): Promise<void>;
      timeoutMs?: number;
    },
  ): Operation<I, S & Extra<R>>;
  /** What is recorded when it could not be done, after all was undone; or when an operator gave it up by force. */
  failed(record: (tx: Tx, state: S, problem: Problem) => Promise<void>): Operation<I, S>;
}

type Extra<R> = R extends object ? R : object;

const minutes = 60_000;

/** Begins a declaration: `operation<{ volumeId: string }>('volume.create').write(…).applied(…)`. */
export function operation<I extends object>(
  kind: string,
  options: { onFailure?: OperationKind['onFailure'] } = {},
): Operation<I> {
  const steps: Step[] = [];
  const add = (step: Step): Any => {
    if (steps.some(known => known.name === step.name)) throw new Error(`${kind} has two steps named ${step.name}`);
    steps.push(step);
    return self;
  };
  const list =
    (where: (state: Any) => PlanKey | PlanKey[]) =>
    (state: Any): PlanKey[] => {
      const keys = where(state);
      return Array.isArray(keys) ? keys : [keys];
    };
  const self: Operation<I> = {
    kind,
    steps,
    onFailure: options.onFailure ?? 'unwind',
    write: (name, step) => add({ type: 'write', name, ...(step as object) } as Step),
    applied: (name, where, { take, timeoutMs = 10 * minutes } = {}) =>
      add({ type: 'applied', name, where: list(where), take: take as Any, timeoutMs }),
    removed: (name, where) => add({ type: 'removed', name, where: list(where) }),
    call: (name, { timeoutMs = 10 * minutes, ...step }) =>
      add({ type: 'call', name, timeoutMs, ...(step as object) } as Step),
    failed(record) {
      self.onFailed = record as Any;
      return self;
    },
  };
  return self;
}
