// The crash matrix: every kind of operation, every step of it, everything that can happen there. The points are read off
// the declarations; a kind that nobody says how to begin fails the test.

import { deepEqual, equal } from 'node:assert/strict';
import { after, test } from 'node:test';
import { removeAll } from '#/simulation/simulate.ts';
import { removeTemplate } from '#/simulation/template.ts';
import { interferences } from './interferences.ts';
import { openMatrix, sentences } from './matrix-cloud.ts';
import { scenarios } from './operation-scenarios.ts';
import { pointsOf } from './points.ts';

after(removeTemplate);

/** Longer than any step waits. */
const patienceMs = 11 * 60_000;

const opened = await openMatrix('kinds');
await opened.cloud.close();
const kinds = opened.kinds.map(kind => kind.kind);
const points = opened.kinds.flatMap(pointsOf);

test('every kind of operation can be begun', () => {
  deepEqual(
    kinds.filter(kind => !scenarios[kind]),
    [],
  );
});

for (const kind of kinds.filter(one => scenarios[one]))
  test(`${kind} survives everything at each of its steps`, async context => {
    const { cloud, trap, model, scene } = await openMatrix(kind);
    trap.interfere = verb => void interferences[verb](scene);
    let count = 0;
    for (const point of points.filter(one => one.kind === kind)) {
      const name = `${point.step}, ${point.verb ?? point.mode}`;
      const begin = await scenarios[kind]!(scene);
      trap.armed = point;
      // The answer may be lost with the node; whether it was is no matter here.
      await begin().catch(() => {});
      await cloud.run(() => trap.armed === null, 120_000);
      equal(trap.armed, null, `${name}: not reached`);
      if (point.mode === 'hosts away' || point.mode === 'hang') await cloud.run(() => false, patienceMs);
      deepEqual(sentences(await cloud.rest()), [], name);
      count++;
      if (count % 4 === 0) deepEqual(sentences(await removeAll(cloud, model)), [], `all deleted after ${name}`);
    }
    deepEqual(sentences(await removeAll(cloud, model)), [], 'all deleted');
    context.diagnostic(`${count} points`);
    await cloud.close();
  });

test('how many points there are', context => context.diagnostic(`${points.length} points`));
