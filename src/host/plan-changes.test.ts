// Differences of a plan: what a host is told piece by piece is the same as the whole.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { planSubject } from '#/host/commands.ts';
import { replan } from '#/host/hosts.ts';
import { type Plan, wholePlan } from '#/host/plan.ts';
import { changedKeys } from '#/host/plan-changes.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { systemClock } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { testCloud } from '../../test/test-cloud.ts';

const entry = (id: string, hash: string) => ({ entry: { key: `network/${id}` } as never, hash });

test('a plan and what was told since make a whole plan', () => {
  const held: Plan = { revision: 4, entries: [entry('a', '1'), entry('b', '1')], requests: { a: 'req-1' } };
  const change = { revision: 6, entries: [entry('b', '2'), entry('c', '1')], requests: { c: 'req-2' } };
  deepEqual(wholePlan(held, { ...change, since: { revision: 4, removed: ['network/a', 'network/x'] } }), {
    revision: 6,
    entries: [entry('b', '2'), entry('c', '1')],
    requests: { a: 'req-1', c: 'req-2' },
  });
  deepEqual(wholePlan(held, change), change);
});

test('where anything may have changed, no keys are named', async () => {
  await using cloud = await testCloud({ hosts: 1 });
  const { db } = cloud;
  const host = cloud.hosts[0]!.name;
  const from = await db.write(tx => replan(tx, host));
  await db.write(tx => replan(tx, host, 'server/1'));
  const to = await db.write(async tx => {
    await replan(tx, host, 'server/2');
    return replan(tx, host, 'server/1');
  });
  const keys = (a: number, b: number) => db.read(tx => changedKeys(tx, host, a, b));
  deepEqual((await keys(from, to))?.toSorted(), ['server/1', 'server/2']);
  deepEqual((await keys(to - 1, to))?.toSorted(), ['server/1', 'server/2']);
  deepEqual(await keys(to, to), []);
  equal(await keys(from - 1, to), null);
  equal(await keys(-1, to), null);
  equal(await keys(to, from), null);
  const last = await db.write(async tx => {
    await replan(tx, host, 'server/3');
    await replan(tx, host);
    return replan(tx, host, 'server/4');
  });
  equal(last, to + 1);
  equal(await keys(to, last), null);
});

test('of a new server its host is told alone, of others it knows; the whole is the same', async () => {
  const answers: Plan[] = [];
  const shared = memoryBus({ clock: systemClock(), log: createLogger('test', 'silent') });
  const bus: Bus = {
    ...shared,
    async request(subject, message, options) {
      const answer = await shared.request(subject, message, options);
      if (answer && subject.startsWith(planSubject)) answers.push(answer as unknown as Plan);
      return answer;
    },
  };
  await using cloud = await testCloud({ hosts: 1, join: () => ({ bus, leave() {} }) });
  const host = cloud.hosts[0]!.name;
  const member = cloud.as('member').with({ 'openstack-api-version': 'compute 2.96' });
  const { images } = await member.get('/image/v2/images');
  const ask = { name: 's', flavorRef: '1', imageRef: images[0].id, networks: 'none' };
  const create = async (): Promise<string> => {
    const { server } = await member.post('/compute/v2.1/servers', { server: ask }, 202);
    await cloud.settle();
    return `server/${server.id}`;
  };
  await create();
  let held = answers.reduce(wholePlan, { revision: -1, entries: [] });
  for (let round = 0; round < 3; round++) {
    answers.length = 0;
    const key = await create();
    ok(answers.length > 0);
    for (const answer of answers) {
      equal(answer.since?.revision, held.revision);
      deepEqual(
        answer.entries.map(planned => planned.entry.key).filter(one => one.startsWith('server/')),
        [key],
      );
      held = wholePlan(held, answer);
    }
  }
  const whole = (await shared.request(`${planSubject}.${host}`, { host, revision: -1 }, {})) as unknown as Plan;
  equal(whole.since, undefined);
  // The password of a first start goes from the plan at the next change of it.
  const content = ({ entries }: Plan): string[] =>
    entries
      .map(({ entry: one }) => JSON.stringify(one, (name, value) => (name === 'admin_pass' ? undefined : value)))
      .toSorted();
  deepEqual(content(held), content(whole));
  equal(cloud.hosts[0]!.machine.guests.size, 4);
});
