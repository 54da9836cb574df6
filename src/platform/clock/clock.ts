// Time and randomness, passed in: nothing else in the program may call Date.now, setTimeout or
// crypto.randomUUID for a decision, so that a whole cloud can be run from a seed in virtual time.

import { randomBytes } from 'node:crypto';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Monotonic milliseconds, for leases and durations; never jumps. */
  monotonic(): number;
  /** Calls back once after `ms`. The real clock's timers do not keep the process alive. */
  after(ms: number, call: () => void): Timer;
}

export interface Random {
  bytes(length: number): Buffer;
}

/** The machine's clock. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(ms, call) {
      const timer = setTimeout(call, ms);
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

const pooledBytes = 8_192;

/** The machine's entropy, fetched in larger pieces: each fetch costs more than a request's id does otherwise. */
export function systemRandom(): Random {
  let pool = Buffer.alloc(0);
  return {
    bytes(length) {
      if (length > 64) return randomBytes(length);
      if (pool.length < length) pool = randomBytes(pooledBytes);
      const bytes = Buffer.from(pool.subarray(0, length));
      // Handed out once, and kept nowhere else.
      pool.fill(0, 0, length);
      pool = pool.subarray(length);
      return bytes;
    },
  };
}

/** Waits `ms` on a clock, or until the signal aborts (then it returns at once). */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve();
    const timer = clock.after(ms, done);
    function done(): void {
      signal?.removeEventListener('abort', done);
      timer.cancel();
      resolve();
    }
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** A random UUID, version 4 (RFC 9562), with dashes. */
export function newUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
