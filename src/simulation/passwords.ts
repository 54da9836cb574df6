// Passwords without threads: what is hashed elsewhere would come back at a moment that no seed decides.

import { createHash } from 'node:crypto';
import type { Random } from '#/platform/clock/clock.ts';
import type { Passwords } from '#/platform/access/passwords.ts';

/** For simulations only. */
export function simulatedPasswords(random: Random): Passwords {
  const digest = (salt: string, password: string): string =>
    createHash('sha256').update(salt).update(password).digest('hex');
  return {
    async hash(password) {
      const salt = random.bytes(8).toString('hex');
      return `$simulated$${salt}$${digest(salt, password)}`;
    },
    async verify(hash, password) {
      const [, , salt = '', expected] = hash?.split('$') ?? [];
      return { matches: expected !== undefined && digest(salt, password) === expected, stale: false };
    },
  };
}
