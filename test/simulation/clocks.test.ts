// Clocks that jump: what was good stays good, what has ended has ended, nobody is woken over and over, and work has one
// worker, whatever the clocks of the nodes say.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Node, simulatedCloud, type SimulatedCloud } from '#/simulation/cloud.ts';
import { createModel } from '#/simulation/model.ts';
import { inject } from '#/simulation/request.ts';
import { during } from '#/simulation/simulate.ts';
import { beginning, removeTemplate, template } from '#/simulation/template.ts';

after(removeTemplate);

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const year = 365 * 24 * hour;
const jumps = {
  'a second': second,
  'a leap of a minute': minute,
  'what nodes may be apart': 5 * minute,
  'the end of summer time': hour,
  'a day': 24 * hour,
  'to 2038': Date.UTC(2038, 0, 20) - beginning,
  'ten years': 10 * year,
};
const both = Object.entries(jumps).flatMap(([name, ms]): [string, number][] => [
  [`${name} ahead`, ms],
  [`${name} back`, -ms],
]);

async function open(seed: string): Promise<SimulatedCloud> {
  return simulatedCloud({ seed, template: await template(), hosts: 2, nodes: 3 });
}

async function statusAt(cloud: SimulatedCloud, node: Node, token: string): Promise<number> {
  const headers = { 'x-auth-token': token };
  const asked = inject(node.cloud!.server, { method: 'GET', path: '/compute/v2.1/os-keypairs', headers });
  return (await during(cloud, asked)).status;
}

test('a token is good until it ends, by the clock of whoever is asked, and for all others as before', async () => {
  const cloud = await open('tokens');
  const model = createModel(cloud);
  const [user] = cloud.template.members;
  const [wrong, ...right] = cloud.nodes;
  for (const [name, jump] of both) {
    const { token, expiresAt } = (await during(cloud, model.logIn(user!, user!.projectId)))!;
    wrong!.skewMs = jump;
    const ends = jump > 0 && cloud.time.now() + jump >= expiresAt;
    // To a clock that is further behind, it was made in the future.
    if (jump >= -5 * minute) equal(await statusAt(cloud, wrong!, token), ends ? 401 : 200, name);
    for (const node of right) equal(await statusAt(cloud, node, token), 200, `${name}: elsewhere`);
    wrong!.skewMs = 0;
    equal(await statusAt(cloud, wrong!, token), 200, `${name}: once it is over`);
  }
  const { token, expiresAt } = (await during(cloud, model.logIn(user!, user!.projectId)))!;
  const late = 5 * minute;
  await cloud.run(() => false, expiresAt - cloud.time.now() - 2 * second);
  for (const node of cloud.nodes) equal(await statusAt(cloud, node, token), 200, 'to its end');
  wrong!.skewMs = -late;
  await cloud.run(() => false, 4 * second);
  for (const node of right) equal(await statusAt(cloud, node, token), 401, 'ended');
  await cloud.run(() => false, late);
  equal(await statusAt(cloud, wrong!, token), 401, 'and nowhere later than clocks are apart');
  await cloud.close();
});

test('nobody is woken over and over', async () => {
  const cloud = await open('timers');
  let steps = 0;
  const { step } = cloud.time;
  cloud.time.step = limit => {
    steps++;
    return step(limit);
  };
  const inAMinute = async (): Promise<number> => {
    steps = 0;
    await cloud.run(() => false, minute);
    return steps;
  };
  const usual = await inAMinute();
  for (const [name, jump] of both) {
    cloud.nodes[0]!.skewMs = jump;
    const now = await inAMinute();
    ok(now < 1.5 * usual + 100, `${name}: ${now} timers instead of ${usual}`);
  }
  await cloud.close();
});

test('what a node works on no other takes over while it lives, whatever their clocks say', async () => {
  const running = { now: 0, most: 0, runs: 0 };
  const cloud = await simulatedCloud({
    seed: 'leases',
    template: await template(),
    hosts: 1,
    nodes: 3,
    mutation: {
      services: services =>
        services.map(service => ({
          ...service,
          operations: service.operations?.map(kind =>
            kind.kind !== 'image.remove-bytes'
              ? kind
              : {
                  ...kind,
                  steps: kind.steps.map(step => ({
                    ...step,
                    // Longer than many a lease.
                    async do({ clock }: { clock: { after(ms: number, call: () => void): unknown } }) {
                      running.runs++;
                      running.most = Math.max(running.most, ++running.now);
                      await new Promise<void>(resolve => void clock.after(2 * minute, resolve));
                      running.now--;
                    },
                  })) as typeof kind.steps,
                },
          ),
        })),
    },
  });
  const model = createModel(cloud);
  const [user] = cloud.template.members;
  for (const [at, [name, jump]] of both.entries()) {
    Object.assign(running, { now: 0, most: 0, runs: 0 });
    cloud.nodes[at % 3]!.skewMs = jump;
    const image = { name: 'one', disk_format: 'raw', container_format: 'bare' };
    const { body } = await during(cloud, model.ask(user!, 'POST', '/image/v2/images', image));
    await during(cloud, model.ask(user!, 'DELETE', `/image/v2/images/${body.id}`));
    await cloud.run(() => false, 4 * minute);
    equal(running.runs, 1, name);
    for (const node of cloud.nodes) node.skewMs = 0;
  }
  deepEqual(await cloud.rest(), []);
  await cloud.close();
});
