// The keys in directories as a running program sees them: read again when they have changed, by itself or by another.

import { statSync } from 'node:fs';
import type { FernetKeys } from '#/platform/access/fernet-keys.ts';
import { loadFernetKeys, rotateFernetKeys, setupFernetKeys } from '#/platform/access/fernet-keys.ts';
import {
  directoriesOfJwsKeys,
  type JwsKeys,
  loadJwsKeys,
  rotateJwsKeys,
  setupJwsKeys,
} from '#/platform/access/jws-keys.ts';
import { keyTexts } from '#/platform/access/texts.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface KeyRing<K = FernetKeys> {
  current(): K;
  /**
   * The staged key becomes primary, and the oldest goes: what was made with it is refused from then on.
   * @param when only if it holds for the keys as they are now, whoever has changed them
   */
  rotate(when?: (keys: K) => boolean): void;
}

const everyMs = 5_000;

export interface KeyRingOptions {
  directory: string;
  clock: Clock;
  /** How many are kept, the staged one included; 3 by default. */
  maxActive?: number;
  /** They are another machine's, which this one follows. */
  follows?: boolean;
}

/** Makes the first keys where there are none. */
export function openKeyRing(options: KeyRingOptions & { random: Random }): KeyRing {
  const { directory, random, clock, maxActive, follows = false } = options;
  return watchKeys({
    directories: [directory],
    clock,
    first: setupFernetKeys(directory, random),
    load: () => loadFernetKeys(directory),
    rotate: () => (follows ? refuse() : rotateFernetKeys(directory, random, maxActive)),
  });
}

/** The same of key pairs that sign. */
export function openJwsKeyRing({ directory, clock, maxActive, follows = false }: KeyRingOptions): KeyRing<JwsKeys> {
  return watchKeys({
    directories: directoriesOfJwsKeys(directory),
    clock,
    first: setupJwsKeys(directory),
    load: () => loadJwsKeys(directory),
    rotate: () => (follows ? refuse() : rotateJwsKeys(directory, maxActive)),
  });
}

/** @throws Problem unavailable */
function refuse(): never {
  throw new Problem('unavailable', keyTexts.keptElsewhere);
}

interface Watched<K> {
  directories: string[];
  clock: Clock;
  first: K;
  load(): K;
  rotate(): K;
}

function watchKeys<K>({ directories, clock, first, load, rotate }: Watched<K>): KeyRing<K> {
  let keys = first;
  let stamp = stampOf(directories);
  let lookedAt = clock.monotonic();
  return {
    current() {
      if (clock.monotonic() - lookedAt < everyMs) return keys;
      lookedAt = clock.monotonic();
      const now = stampOf(directories);
      if (now !== stamp) [keys, stamp] = [load(), now];
      return keys;
    },
    rotate(when) {
      keys = when && !when(load()) ? load() : rotate();
      stamp = stampOf(directories);
    },
  };
}

/** Keys come and go by renaming, which changes their directory. */
function stampOf(directories: string[]): string {
  return directories.map(directory => statSync(directory, { bigint: true }).mtimeNs).join(' ');
}
