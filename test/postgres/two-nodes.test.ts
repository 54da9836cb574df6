// Two control planes over one PostgreSQL: what one takes the other sees, what one leaves the other takes over.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '#/platform/log/log.ts';
import { sleep, systemClock } from '#/platform/clock/clock.ts';
import { runWhenDue } from '#/platform/operations/chores.ts';
import { createEngine, type EngineOptions } from '#/platform/operations/engine.ts';
import { operation } from '#/platform/operations/operation.ts';
import { operationsOf, start } from '#/platform/operations/operation.store.ts';
import { systemRandom } from '#/platform/clock/clock.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { testCloud } from '../test-cloud.ts';
import { testServer } from './test-database.ts';

const skip = testServer() ? false : 'it needs PostgreSQL: ./haneul test postgres';

test('names that must be unique are given once', { skip }, async () => {
  await using cloud = await testCloud({ hosts: 0, nodes: 2 });
  const admin = cloud.as('admin');
  const all = async (path: string, body: unknown): Promise<Record<string, number>> => {
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await admin.request('POST', path, { body })).status),
    );
    const groups = Object.entries(Object.groupBy(statuses, status => String(status)));
    return Object.fromEntries(groups.map(([status, of]) => [status, of!.length]));
  };
  const once = { 201: 1, 409: 19 };
  deepEqual(await all('/identity/v3/projects', { project: { name: 'p', domain_id: 'default' } }), once);
  deepEqual(await all('/identity/v3/users', { user: { name: 'u', domain_id: 'default' } }), once);
  deepEqual(await all('/compute/v2.1/flavors', { flavor: { name: 'f', id: 'f', ram: 64, vcpus: 1, disk: 1 } }), {
    200: 1,
    409: 19,
  });
});

test('a host holds what fits, whoever places it', { skip }, async () => {
  await using cloud = await testCloud({ hosts: 1, nodes: 2 });
  const admin = cloud.as('admin');
  const { hypervisors } = await admin
    .with({ 'openstack-api-version': 'compute 2.53' })
    .get('/compute/v2.1/os-hypervisors/detail');
  const free = hypervisors[0].free_ram_mb as number;
  const { flavor } = await admin.post(
    '/compute/v2.1/flavors',
    { flavor: { name: 'quarter', ram: Math.floor(free / 4), vcpus: 1, disk: 1 } },
    200,
  );
  await admin.put(`/compute/v2.1/os-quota-sets/${admin.projectId}`, {
    quota_set: { instances: -1, cores: -1, ram: -1 },
  });
  const image = await admin.post('/image/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare' });
  const headers = { 'content-type': 'application/octet-stream' };
  await admin.request('PUT', `/image/v2/images/${image.id}/file`, { raw: Buffer.alloc(512, 1), headers });
  const modern = admin.with({ 'openstack-api-version': 'compute 2.37' });
  const statuses = await Promise.all(
    Array.from({ length: 16 }, async (_, at) => {
      const server = { name: `s${at}`, imageRef: image.id, flavorRef: flavor.id, networks: 'none' };
      return (await modern.request('POST', '/compute/v2.1/servers', { body: { server } })).status;
    }),
  );
  ok(
    statuses.every(status => status < 500),
    statuses.join(),
  );
  await cloud.settle();
  const { servers } = await admin.get('/compute/v2.1/servers/detail');
  const active = servers.filter(({ status }: { status: string }) => status === 'ACTIVE');
  ok(active.length === 4 || active.length === 3, `${active.length} of ${statuses.join()}`);
  const { violations } = (await admin.get('/haneul/audit')) as { violations: unknown[] };
  deepEqual(violations, []);
});

test('a token that one node ends is refused by the other within a second', { skip }, async () => {
  await using cloud = await testCloud({ hosts: 0, nodes: 2, realClock: true });
  const { token } = cloud.as('member');
  const [one, other] = cloud.nodes.map(({ url }) => async () => {
    const { status, body } = await fetch(`${url}/identity/v3/auth/tokens`, {
      headers: { 'x-auth-token': token, 'x-subject-token': token },
    });
    await body?.cancel();
    return status;
  });
  equal(await one!(), 200);
  equal(await other!(), 200);
  await cloud.as('admin').request('DELETE', '/identity/v3/auth/tokens', { headers: { 'x-subject-token': token } });
  await sleep(systemClock(), 1_050);
  equal(await one!(), 401);
  equal(await other!(), 401);
});

test('a chore runs once per period, whoever is first', { skip }, async () => {
  await using cloud = await testCloud({ hosts: 0, nodes: 2 });
  const runs: string[] = [];
  const chore = (node: string) => ({ name: 'test', everyMs: 60_000, run: async () => void runs.push(node) });
  const all = async (): Promise<number> => {
    const asked = [...cloud.nodes, ...cloud.nodes].map(({ db }, at) => runWhenDue(db, chore(`node-${at % 2}`)));
    return (await Promise.all(asked)).filter(Boolean).length;
  };
  equal(await all(), 0, 'the first look only records when it was');
  for (let period = 1; period <= 3; period++) {
    await cloud.advance(60_000);
    equal(await all(), 1);
  }
  // A transaction that was tried again ran it more often than it counted.
  ok(runs.length >= 3);
});

test('what a dead node held is taken over within ten seconds', { skip }, async () => {
  await using cloud = await testCloud({ hosts: 0, nodes: 2, realClock: true });
  const log = createLogger('test', 'silent');
  const seen: string[] = [];
  const hosts = {
    replan: async () => 1,
    wake() {},
    entry: async () => ({ state: 'pending' as const }),
    gone: async () => false,
  };
  const engineOf = (node: string, at: number) => {
    const kind = operation<object>('test.long')
      .call('wait', {
        async do() {
          seen.push(node);
          // The first never ends: its process is killed in the middle.
          if (node === 'first') await new Promise(() => {});
        },
      })
      .write('finish', { do: async () => void seen.push(`${node} finishes`) });
    let dead = false;
    const clock = systemClock();
    const options: EngineOptions = {
      db: cloud.nodes[at]!.db,
      slots: new Map(),
      bus: memoryBus({ clock, log }),
      clock: { ...clock, after: (ms, call) => clock.after(ms, () => !dead && call()) },
      random: systemRandom(),
      log,
      hosts,
      kinds: [kind],
    };
    return { kind, engine: createEngine(options), kill: () => void (dead = true) };
  };
  const first = engineOf('first', 1);
  first.engine.start();
  await cloud.nodes[1]!.db.write(tx => start(tx, first.kind, {}, { resourceId: 'r' }));
  while (!seen.length) await sleep(systemClock(), 50);
  const second = engineOf('second', 0);
  second.engine.start();
  await sleep(systemClock(), 4_000);
  deepEqual(seen, ['first']);
  first.kill();
  const died = performance.now();
  while (!seen.includes('second finishes')) await sleep(systemClock(), 50);
  ok(performance.now() - died < 10_000, `${performance.now() - died} ms`);
  deepEqual(seen, ['first', 'second', 'second finishes']);
  equal((await cloud.db.read(tx => operationsOf(tx, 'r')))[0]?.phase, 'done');
  await second.engine.stop();
});

test('servers that a dead node was making are made by the other', { skip }, async () => {
  await using cloud = await testCloud({ hosts: 2, nodes: 2, realClock: true });
  const member = cloud.as('member');
  const volumes: string[] = [];
  for (let at = 0; at < 6; at++)
    volumes.push((await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202)).volume.id);
  cloud.nodes[1]!.kill();
  const left = async (): Promise<number> => {
    const all = (await member.get('/volume/v3/{project}/volumes/detail')).volumes as { id: string; status: string }[];
    return volumes.filter(id => all.find(volume => volume.id === id)?.status !== 'available').length;
  };
  // What the dead one held is nobody's work until it counts as dead.
  const end = performance.now() + 60_000;
  while ((await left()) > 0 && performance.now() < end) await sleep(systemClock(), 100);
  equal(await left(), 0);
});
