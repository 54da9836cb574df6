// Crash, and crash again while it is being taken up: every pair of points of the longest kinds of operations.

import { deepEqual } from 'node:assert/strict';
import { after, test } from 'node:test';
import { removeAll } from '#/simulation/simulate.ts';
import { removeTemplate } from '#/simulation/template.ts';
import { openMatrix, sentences } from './matrix-cloud.ts';
import { scenarios } from './operation-scenarios.ts';
import { pairsOf } from './points.ts';

after(removeTemplate);

/** How many kinds count as the longest. */
const longest = 10;

const opened = await openMatrix('kinds');
await opened.cloud.close();
const kinds = opened.kinds.toSorted((a, b) => b.steps.length - a.steps.length).slice(0, longest);

for (const kind of kinds)
  test(`${kind.kind} survives two crashes`, async context => {
    const { cloud, trap, model, scene } = await openMatrix(`pairs ${kind.kind}`);
    const pairs = pairsOf(kind);
    let single = 0;
    for (const [place, [first, second]] of pairs.entries()) {
      const name = `${first.step}, ${first.mode}; ${second.step}, ${second.mode}`;
      const begin = await scenarios[kind.kind]!(scene);
      trap.armed = first;
      trap.next = second;
      await begin().catch(() => {});
      deepEqual(sentences(await cloud.rest()), [], name);
      // After the first, it may have been taken back before it came to the second.
      if (trap.armed) single++;
      trap.armed = trap.next = null;
      if (place % 8 === 7) deepEqual(sentences(await removeAll(cloud, model)), [], `all deleted after ${name}`);
    }
    deepEqual(sentences(await removeAll(cloud, model)), [], 'all deleted');
    context.diagnostic(`${pairs.length} pairs, ${single} of them with one crash only`);
    await cloud.close();
  });
