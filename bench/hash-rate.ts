// How many passwords a second all cores can hash at our cost, with nothing else to do.

import { availableParallelism } from 'node:os';
import { createPasswords } from '#/platform/access/passwords.ts';
import { systemRandom } from '#/platform/clock/clock.ts';

const passwords = createPasswords({ random: systemRandom() });
const forMs = Number(process.argv[2]);
const started = performance.now();
let count = 0;
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    while (performance.now() - started < forMs) {
      await passwords.hash('a password');
      count++;
    }
  }),
);
process.stdout.write(String((count / (performance.now() - started)) * 1000));
