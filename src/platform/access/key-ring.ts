// The keys in a directory as a running program sees them: read again when they have changed, by itself or by another.

import { statSync } from 'node:fs';
import type { FernetKeys } from '#/platform/access/fernet-keys.ts';
import { loadFernetKeys, rotateFernetKeys, setupFernetKeys } from '#/platform/access/fernet-keys.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';

export interface KeyRing {
  current(): FernetKeys;
  /** The staged key becomes primary, and the oldest goes: what it encrypted is refused from then on. */
  rotate(): void;
}

const everyMs = 5_000;

/** Makes the first keys where there are none. @param maxActive how many are kept, the staged one included */
export function openKeyRing({
  directory,
  random,
  clock,
  maxActive = 3,
}: {
  directory: string;
  random: Random;
  clock: Clock;
  maxActive?: number;
}): KeyRing {
  let keys = setupFernetKeys(directory, random);
  let stamp = stampOf(directory);
  let lookedAt = clock.monotonic();
  return {
    current() {
      if (clock.monotonic() - lookedAt < everyMs) return keys;
      lookedAt = clock.monotonic();
      const now = stampOf(directory);
      if (now !== stamp) [keys, stamp] = [loadFernetKeys(directory), now];
      return keys;
    },
    rotate() {
      keys = rotateFernetKeys(directory, random, maxActive);
      stamp = stampOf(directory);
    },
  };
}

/** Keys come and go by renaming, which changes the directory. */
function stampOf(directory: string): bigint {
  return statSync(directory, { bigint: true }).mtimeNs;
}
