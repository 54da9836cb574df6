// An agent's timers: all of them end with it.

import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Problem } from '#/platform/problem/problem.ts';

export interface Timers {
  after(ms: number, call: () => void): Timer;
  /** `late` fails with the problem unless `over` is called in time. */
  limit(ms: number, problem: () => Problem): { late: Promise<never>; over(): void };
  /** Ends them all, and whatever is set from here on. */
  end(): void;
}

export function createTimers(clock: Clock): Timers {
  const running = new Set<Timer>();
  let ended = false;

  function after(ms: number, call: () => void): Timer {
    const timer = clock.after(ms, () => {
      running.delete(timer);
      if (!ended) call();
    });
    running.add(timer);
    return timer;
  }

  return {
    after,
    limit(ms, problem) {
      const { promise, reject } = Promise.withResolvers<never>();
      const timer = after(ms, () => reject(problem()));
      return {
        late: promise,
        over() {
          timer.cancel();
          running.delete(timer);
        },
      };
    },
    end() {
      ended = true;
      for (const timer of running) timer.cancel();
    },
  };
}
