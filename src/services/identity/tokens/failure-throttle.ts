// How many failures are told of: whoever tries passwords by the million shall not fill the event log. Those left out are
// counted, and the next one told says how many they were.

import type { Clock } from '#/platform/clock/clock.ts';

export const failureLimits = {
  /** From one address, and at once; it recovers over a minute. */
  perAddress: 20,
  /** From everywhere. */
  inAll: 300,
  /** Addresses that are remembered. */
  addresses: 1_000,
};

interface Bucket {
  left: number;
  filledAt: number;
  leftOut: number;
}

export interface FailureThrottle {
  /** Null: not to be told; else how many before it were not. */
  take(address: string): number | null;
}

const minuteMs = 60_000;

export function failureThrottle(clock: Clock, limits = failureLimits): FailureThrottle {
  const now = (): number => clock.monotonic();
  const all: Bucket = { left: limits.inAll, filledAt: now(), leftOut: 0 };
  const byAddress = new Map<string, Bucket>();

  function bucketOf(address: string): Bucket {
    const known = byAddress.get(address);
    if (known) return known;
    if (byAddress.size >= limits.addresses) byAddress.delete(byAddress.keys().next().value!);
    const made = { left: limits.perAddress, filledAt: now(), leftOut: 0 };
    byAddress.set(address, made);
    return made;
  }

  return {
    take(address) {
      const own = bucketOf(address);
      refill(own, limits.perAddress, now());
      refill(all, limits.inAll, now());
      if (own.left < 1 || all.left < 1) {
        own.leftOut++;
        return null;
      }
      own.left--;
      all.left--;
      const { leftOut } = own;
      own.leftOut = 0;
      return leftOut;
    },
  };
}

function refill(bucket: Bucket, most: number, now: number): void {
  bucket.left = Math.min(most, bucket.left + ((now - bucket.filledAt) / minuteMs) * most);
  bucket.filledAt = now;
}
