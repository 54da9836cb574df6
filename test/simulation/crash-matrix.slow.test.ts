// The crash matrix: every kind of operation, every step of it, everything that can happen there. The points are read off
// the declarations; a kind that nobody says how to begin fails the test.

import { deepEqual, equal } from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { simulatedCloud, type SimulatedCloud } from '#/simulation/cloud.ts';
import { createModel, type Model } from '#/simulation/model.ts';
import { during, pathsOf, removeAll } from '#/simulation/simulate.ts';
import { removeTemplate, type SimulatedUser, template } from '#/simulation/template.ts';
import { type Scene, scenarios } from './operation-scenarios.ts';
import { type Point, pointsOf, type Trap, withTrap } from './points.ts';

after(removeTemplate);

async function open(seed: string): Promise<{ cloud: SimulatedCloud; trap: Trap; points: Point[]; kinds: string[] }> {
  const trap: Trap = {
    armed: null,
    kill(afterCommit) {
      const [node] = cloud.nodes;
      if (afterCommit) node!.diesNow = true;
      else node!.kill();
    },
    killAgents: () => cloud.hosts.forEach(host => host.stopAgent()),
    interfere() {},
  };
  const points = new Map<string, Point[]>();
  const cloud = await simulatedCloud({
    seed,
    template: await template(),
    hosts: 2,
    nodes: 1,
    mutation: {
      services(services) {
        for (const kind of services.flatMap(service => service.operations ?? [])) points.set(kind.kind, pointsOf(kind));
        return withTrap(services, trap);
      },
    },
  });
  // Images are real files, whatever else is simulated.
  const directory = join((await template()).directory, 'images');
  mkdirSync(directory, { recursive: true });
  await cloud.db.write(tx =>
    tx.withTables<{ imageStores: { directory: string } }>().updateTable('imageStores').set({ directory }).execute(),
  );
  return { cloud, trap, points: [...points.values()].flat(), kinds: [...points.keys()] };
}

function sceneOf(cloud: SimulatedCloud, model: Model): Scene {
  const [user] = cloud.template.members;
  const as =
    (by: SimulatedUser): Scene['ask'] =>
    async (method, path, sent) => {
      const whole = path.replaceAll('{project}', user!.projectId);
      const { status, body } = await during(cloud, model.ask(by, method, whole, sent));
      if (status >= 300) throw new Error(`${method} ${whole}: ${status} ${JSON.stringify(body)}`);
      return body;
    };
  return {
    cloud,
    model,
    user: user!,
    ask: as(user!),
    askAdmin: as(cloud.template.admin),
    settle: async () => void (await cloud.run(() => false, 4_000)),
  };
}

/** Longer than any step waits. */
const patienceMs = 11 * 60_000;

async function deleteAll(model: Model, user: SimulatedUser): Promise<void> {
  for (const kind of ['server', 'snapshot', 'volume', 'port', 'image'] as const)
    for (const path of await pathsOf(model, user, kind)) await model.ask(user, 'DELETE', path);
}

const opened = await open('kinds');
await opened.cloud.close();

test('every kind of operation can be begun', () => {
  deepEqual(
    opened.kinds.filter(kind => !scenarios[kind]),
    [],
  );
});

for (const kind of opened.kinds.filter(one => scenarios[one]))
  test(`${kind} survives everything at each of its steps`, async context => {
    const { cloud, trap, points } = await open(kind);
    const model = createModel(cloud);
    const scene = sceneOf(cloud, model);
    trap.interfere = () => void deleteAll(model, scene.user);
    let count = 0;
    for (const point of points.filter(one => one.kind === kind)) {
      const name = `${point.step}, ${point.mode}`;
      const begin = await scenarios[kind]!(scene);
      trap.armed = point;
      // The answer may be lost with the node; whether it was is no matter here.
      await begin().catch(() => {});
      await cloud.run(() => trap.armed === null, 120_000);
      equal(trap.armed, null, `${name}: not reached`);
      if (point.mode === 'hosts away' || point.mode === 'hang') await cloud.run(() => false, patienceMs);
      const found = await cloud.rest();
      deepEqual(
        found.map(violation => violation.sentence.en),
        [],
        name,
      );
      count++;
      if (count % 4 === 0) deepEqual(sentences(await removeAll(cloud, model)), [], `all deleted after ${name}`);
    }
    deepEqual(sentences(await removeAll(cloud, model)), [], 'all deleted');
    context.diagnostic(`${count} points`);
    await cloud.close();
  });

test('how many points there are', context => context.diagnostic(`${opened.points.length} points`));

function sentences(violations: { sentence: { en: string } }[]): string[] {
  return violations.map(({ sentence }) => sentence.en);
}
