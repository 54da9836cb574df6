// Hosts ask all at once when the control plane starts. A few are answered at a time, and one that has waited so long that it
// will ask again is not: work for somebody who no longer listens would keep the others from ever being answered.

import type { Clock } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';

const t = texts('host.turns', {
  busy: {
    en: 'Too many hosts ask at once; ask again.',
    ko: '너무 많은 호스트가 한꺼번에 묻고 있습니다. 다시 물어보십시오.',
  },
});

export interface TurnOptions {
  atOnce: number;
  /** How long whoever asks waits for its turn. */
  patienceMs: number;
}

/** @returns runs work when it is its turn @throws Problem unavailable (what it returns does) when that came too late */
export function createTurns(
  clock: Clock,
  { atOnce, patienceMs }: TurnOptions,
): <T>(work: () => Promise<T>) => Promise<T> {
  // A set gives up its first in no time, however many wait.
  const waiting = new Set<{ since: number; go(): void; refuse(problem: Problem): void }>();
  let working = 0;

  function next(): void {
    working--;
    for (const one of waiting) {
      waiting.delete(one);
      if (clock.monotonic() - one.since <= patienceMs) return one.go();
      one.refuse(new Problem('unavailable', t.busy));
    }
  }

  return async work => {
    if (working >= atOnce)
      await new Promise<void>((go, refuse) => waiting.add({ since: clock.monotonic(), go, refuse }));
    working++;
    try {
      return await work();
    } finally {
      next();
    }
  };
}
