// A few seeds, and that a seed says the same every time.

import { deepEqual, equal } from 'node:assert/strict';
import { after, test } from 'node:test';
import { simulate } from '#/simulation/simulate.ts';
import { removeTemplate } from '#/simulation/template.ts';

after(removeTemplate);

for (const seed of [1, 2])
  test(`seed ${seed} keeps every promise`, async () => {
    const { violations } = await simulate({ seed, actions: 100, hosts: 3 });
    deepEqual(
      violations.map(({ sentence }) => sentence.en),
      [],
    );
  });

test('the same seed has the same trace, another has another', async () => {
  const run = async (seed: number): Promise<string> => (await simulate({ seed, actions: 40, hosts: 2 })).trace;
  const first = await run(11);
  equal(await run(11), first);
  equal((await run(12)) === first, false);
});
