// A clock that stands still until it is told to go on.

import type { Clock, Timer } from '#/platform/clock/clock.ts';

export interface VirtualClock extends Clock {
  /** Moves to the next timer and calls it. @returns false when none waits before `limit` */
  next(limit?: number): boolean;
  /** Moves on by so many milliseconds, calling what comes due. Yields between calls, so that promises settle. */
  advance(ms: number): Promise<void>;
}

/** @param rest lets everything run that what came due has begun */
export function virtualClock(start = Date.UTC(2026, 0, 1), rest = settled): VirtualClock {
  let at = 0;
  let counter = 0;
  const waiting: { due: number; order: number; call: () => void }[] = [];
  const clock: VirtualClock = {
    now: () => start + at,
    monotonic: () => at,
    after(ms, call): Timer {
      const entry = { due: at + Math.max(0, ms), order: counter++, call };
      const place = waiting.findIndex(other => other.due > entry.due);
      waiting.splice(place < 0 ? waiting.length : place, 0, entry);
      return { cancel: () => void (waiting.includes(entry) && waiting.splice(waiting.indexOf(entry), 1)) };
    },
    next(limit = Number.POSITIVE_INFINITY) {
      const entry = waiting[0];
      if (!entry || entry.due > limit) return false;
      waiting.shift();
      at = Math.max(at, entry.due);
      entry.call();
      return true;
    },
    async advance(ms) {
      const end = at + ms;
      await rest();
      while (clock.next(end)) await rest();
      at = end;
      await rest();
    },
  };
  return clock;
}

/** Lets promises and immediate work run. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
