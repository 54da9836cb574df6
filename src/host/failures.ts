// What failed on a host and when it is tried again: after half a second, one, two, and so on up to a minute.

import type { Timers } from '#/host/timers.ts';
import type { Timer } from '#/platform/clock/clock.ts';

export interface Failures {
  /** Notes one. @param hash of what was tried @returns how often that has failed by now */
  note(key: string, hash: string | null): number;
  /** It went well. */
  forget(key: string): void;
  /** It failed, and its time has not come. */
  waits(key: string, hash: string | null): boolean;
  /** Nobody waits any longer. */
  endWaits(): void;
}

/** @param retry called when the time of one has come */
export function createFailures(timers: Timers, retry: () => void): Failures {
  const failures = new Map<string, { count: number; hash: string | null; retry: Timer | null }>();
  return {
    note(key, hash) {
      const before = failures.get(key);
      const count = before?.hash === hash ? before.count + 1 : 1;
      const failure: { count: number; hash: string | null; retry: Timer | null } = { count, hash, retry: null };
      failure.retry = timers.after(Math.min(60_000, 500 * 2 ** count), () => {
        failure.retry = null;
        retry();
      });
      failures.set(key, failure);
      return count;
    },
    forget: key => void failures.delete(key),
    waits(key, hash) {
      const failure = failures.get(key);
      return failure !== undefined && failure.hash === hash && failure.retry !== null;
    },
    endWaits() {
      for (const failure of failures.values()) {
        failure.retry?.cancel();
        failure.retry = null;
      }
    },
  };
}
