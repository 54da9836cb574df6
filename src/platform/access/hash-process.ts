// The process that hashes passwords for another one, with a thread for every core and a priority below all others'; see
// passwords-apart.ts. It ends with the line to whoever started it.

import { setPriority } from 'node:os';
import { systemRandom } from '#/platform/clock/clock.ts';
import { type FromHashProcess, priority, type ToHashProcess, work } from './passwords-apart.ts';
import { createPasswords } from './passwords.ts';

// Before the first hash: each thread takes over the priority of the one that makes it.
setPriority(priority);
const passwords = createPasswords({ random: systemRandom() });

process.on('disconnect', () => process.exit());
process.on('message', ({ id, ...job }: ToHashProcess) => {
  const say = (said: Omit<FromHashProcess, 'id'>): boolean => process.send!({ id, ...said } satisfies FromHashProcess);
  work(passwords, job).then(
    answer => say({ answer }),
    (failed: unknown) => say({ failed: String(failed) }),
  );
});
