// A repository of Fernet keys, as Keystone keeps it: numbered files in a directory that only the service may read.
// 0 is staged (it becomes primary next), the highest is primary (it encrypts), those between still decrypt.

import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '#/platform/clock/clock.ts';
import { syncDirectorySync, writeWholeSync } from '#/platform/files/write-whole.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { FernetKey } from './fernet.ts';
import { newFernetKey, parseFernetKey, writeFernetKey } from './fernet.ts';
import { keyTexts } from './texts.ts';

export interface FernetKeys {
  primary: FernetKey;
  /** Those that decrypt: primary first, then the newer ones, staged last. */
  all: FernetKey[];
  /** Their numbers in the directory, in the same order. */
  numbers: number[];
}

/** Makes the directory with a staged and a primary key, unless it has keys already. */
export function setupFernetKeys(directory: string, random: Random): FernetKeys {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const numbers = numbersIn(directory);
  if (!numbers.some(number => number > 0)) writeKey(directory, 1, newFernetKey(random));
  if (!numbers.includes(0)) writeKey(directory, 0, newFernetKey(random));
  return loadFernetKeys(directory);
}

/** @throws Problem unavailable when there is none, or a file is no key: guessing would log everybody out */
export function loadFernetKeys(directory: string): FernetKeys {
  const numbers = numbersIn(directory).sort((a, b) => (a === 0 ? 1 : b === 0 ? -1 : b - a));
  const all = numbers.map(number => {
    const key = parseFernetKey(readFileSync(join(directory, String(number)), 'utf8'));
    if (!key) throw new Problem('unavailable', keyTexts.badKey, { file: join(directory, String(number)) });
    return key;
  });
  if (all.length === 0) throw new Problem('unavailable', keyTexts.noKeys, { directory });
  return { primary: all[0]!, all, numbers };
}

/**
 * Makes the staged key primary and stages a new one; the oldest beyond `maxActive` (at least 2, staged included) go, and
 * what they encrypted with them. A crash in between leaves a repository that works.
 */
export function rotateFernetKeys(directory: string, random: Random, maxActive = 3): FernetKeys {
  const before = setupFernetKeys(directory, random).numbers;
  // The new key is on disk before the staged one is taken; setup above stages one where a crash took it.
  const staged = join(directory, '.new');
  writeWholeSync(staged, writeFernetKey(newFernetKey(random)));
  renameSync(join(directory, '0'), join(directory, String(Math.max(...before) + 1)));
  renameSync(staged, join(directory, '0'));
  syncDirectorySync(directory);
  const retired = loadFernetKeys(directory).numbers.filter(number => number > 0);
  for (const number of retired.slice(Math.max(maxActive, 2) - 1)) rmSync(join(directory, String(number)));
  return loadFernetKeys(directory);
}

function numbersIn(directory: string): number[] {
  try {
    return readdirSync(directory)
      .filter(name => /^(0|[1-9]\d{0,8})$/.test(name))
      .map(Number);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw cause;
  }
}

function writeKey(directory: string, number: number, key: FernetKey): void {
  writeWholeSync(join(directory, String(number)), writeFernetKey(key));
}
