// Points of an operation at which something can go wrong, derived from its declaration: nobody writes them down.

import type { Service } from '#/platform/http/service.ts';
import type { OperationKind, Step } from '#/platform/operations/operation.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type Verb, verbs } from './interferences.ts';
import { platformTexts } from '#/platform/text/texts.ts';

/**
 * `crash before`, `crash inside` and `crash after` kill the node that drives the step; `fail` refuses it; `fail once` is
 * overcome by trying again; `undo fails once` refuses the step after it and, once, its own undo; `agents die` takes the
 * agents of all hosts away as it begins, `hosts away` keeps them away until every patience is over; `hang` never returns
 * the first time; `interference` has the user do something else meanwhile: what, says the point's `verb`.
 */
export type Mode =
  | 'crash before'
  | 'crash inside'
  | 'crash after'
  | 'fail'
  | 'fail once'
  | 'undo fails once'
  | 'agents die'
  | 'hosts away'
  | 'hang'
  | 'interference';

export interface Point {
  kind: string;
  step: string;
  mode: Mode;
  verb?: Verb;
}

/** Every point of an operation's kind. */
export function pointsOf({ kind, steps, onFailure }: OperationKind): Point[] {
  return steps.flatMap((step, at) => {
    const modes: Mode[] = ['crash before', 'crash inside', 'crash after', 'fail once', 'agents die', 'hosts away'];
    if (step.type === 'call') modes.push('hang');
    if (onFailure === 'unwind') modes.push('fail');
    const undone = (step.type === 'write' || step.type === 'call') && step.undo && at < steps.length - 1;
    if (onFailure === 'unwind' && undone) modes.push('undo fails once');
    return [
      ...modes.map(mode => ({ kind, step: step.name, mode })),
      ...verbs.map(verb => ({ kind, step: step.name, mode: 'interference' as const, verb })),
    ];
  });
}

export interface Trap {
  /** What is to happen next; null: nothing, or it has happened. */
  armed: Point | null;
  /** What is to happen once that has happened. */
  next: Point | null;
  /** Kills the node that drives the step: now, or once what it now writes has committed. */
  kill(afterCommit: boolean): void;
  killAgents(): void;
  /** The user does something, while all else goes on. */
  interfere(verb: Verb): void;
}

/** The same services, with the trap at every step of every operation. */
export function withTrap(services: Service[], trap: Trap): Service[] {
  return services.map(service => ({
    ...service,
    operations: service.operations?.map(kind => ({
      ...kind,
      steps: kind.steps.map((step, at) => trapped(kind, step, at, trap)),
    })),
  }));
}

function trapped(kind: OperationKind, step: Step, at: number, trap: Trap): Step {
  let undoFails = false;
  const here = (...modes: Mode[]): boolean =>
    trap.armed?.kind === kind.kind && trap.armed.step === step.name && modes.includes(trap.armed.mode);
  const spring = (): void => {
    trap.armed = trap.next;
    trap.next = null;
  };

  function before(): void {
    const { armed } = trap;
    if (armed?.mode === 'undo fails once' && armed.kind === kind.kind && kind.steps[at - 1]?.name === armed.step) {
      spring();
      throw new Problem('conflict', platformTexts.noSuchEntry, { host: 'trap', key: 'trap' });
    }
    if (here('undo fails once')) undoFails = true;
    else if (here('fail')) {
      spring();
      throw new Problem('conflict', platformTexts.noSuchEntry, { host: 'trap', key: 'trap' });
    } else if (here('fail once')) {
      spring();
      throw new Problem('unavailable', platformTexts.bug, { requestId: 'trap' });
    } else if (here('interference')) {
      const { verb } = armed!;
      spring();
      trap.interfere(verb!);
    } else if (here('agents die', 'hosts away')) {
      spring();
      trap.killAgents();
    } else if (here('crash before')) {
      spring();
      trap.kill(false);
    }
  }

  function after(): void {
    if (!here('crash inside', 'crash after')) return;
    const { mode } = trap.armed!;
    spring();
    trap.kill(mode === 'crash after');
  }

  function undoing(): void {
    if (!undoFails) return;
    undoFails = false;
    throw new Problem('unavailable', platformTexts.bug, { requestId: 'trap' });
  }

  switch (step.type) {
    case 'write':
    case 'call': {
      const { do: act, undo } = step as { do(by: unknown, state: unknown): Promise<unknown>; undo?: typeof act };
      return {
        ...step,
        async do(by: unknown, state: unknown) {
          if (here('hang')) {
            spring();
            return new Promise(() => {});
          }
          before();
          const added = await act(by, state);
          after();
          return added;
        },
        ...(undo && {
          async undo(by: unknown, state: unknown) {
            undoing();
            await undo(by, state);
          },
        }),
      } as Step;
    }
    case 'applied':
    case 'removed':
      return {
        ...step,
        where(state) {
          before();
          const keys = step.where(state);
          after();
          return keys;
        },
      };
  }
}

const crashes = ['crash before', 'crash inside', 'crash after'] as const;

/** Every crash of an operation, and every one that can follow while it is taken up again: at that step, unless it is done, or later. */
export function pairsOf({ kind, steps }: OperationKind): [Point, Point][] {
  const at = steps.flatMap((step, place) => crashes.map(mode => ({ place, point: { kind, step: step.name, mode } })));
  return at.flatMap(first =>
    at
      .filter(({ place }) => place > first.place || (place === first.place && first.point.mode !== 'crash after'))
      .map((second): [Point, Point] => [first.point, second.point]),
  );
}
