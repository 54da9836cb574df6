// The simulation tests the program; this tests the simulation: every broken variant is noticed within a few seeds.

import { ok } from 'node:assert/strict';
import { after, test } from 'node:test';
import { simulate } from '#/simulation/simulate.ts';
import { removeTemplate } from '#/simulation/template.ts';
import { mutations } from './mutations.ts';

after(removeTemplate);

/** A broken variant that hides for longer than this is not noticed. */
const seeds = 12;

for (const [name, mutate] of Object.entries(mutations))
  test(`noticed: ${name}`, async context => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations } = await simulate({ seed, actions: 500, hosts: 3, mutation: mutate() });
      if (violations.length === 0) continue;
      context.diagnostic(`seed ${seed}: ${violations[0]!.sentence.en}`);
      return;
    }
    ok(false, `${seeds} seeds passed`);
  });
