// All chance of a simulation, from one seed. Not for secrets.

import { createHash } from 'node:crypto';
import type { Random } from '#/platform/clock/clock.ts';

export interface Dice extends Random {
  /** 0 ≤ n < 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  /** One of these. @throws Error when there are none */
  pick<T>(from: readonly T[]): T;
  /** A stream of its own, so that more use of one leaves the others as they were. */
  fork(name: string): Dice;
}

/** sfc32 (Chris Doty-Humphrey's small fast counter), its state filled from a hash of the seed. */
export function createDice(seed: string): Dice {
  const start = createHash('sha256').update(seed).digest();
  let [a, b, c, counter] = [0, 4, 8, 12].map(at => start.readUInt32LE(at) | 0) as [number, number, number, number];
  const word = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return sum >>> 0;
  };
  const dice: Dice = {
    bytes(length) {
      const bytes = Buffer.allocUnsafe(length);
      let at = 0;
      for (; at + 4 <= length; at += 4) bytes.writeUInt32LE(word(), at);
      if (at < length) for (let rest = word(); at < length; rest >>>= 8) bytes[at++] = rest & 0xff;
      return bytes;
    },
    next: () => word() / 2 ** 32,
    between: (low, high) => low + Math.floor(dice.next() * (high - low + 1)),
    chance: probability => dice.next() < probability,
    pick(from) {
      if (from.length === 0) throw new Error('nothing to pick from');
      return from[Math.floor(dice.next() * from.length)]!;
    },
    fork: name => createDice(`${seed}/${name}`),
  };
  return dice;
}
