// A cloud whose control plane and hosts meet over NATS, and what becomes of it while NATS is away.

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bus } from '#/platform/bus/bus.ts';
import { natsBus } from '#/platform/bus/nats/nats-bus.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { testCloud } from '../test-cloud.ts';
import { hasNats, natsCluster, type NatsServer, natsServer } from './server.ts';

const skip = hasNats() ? false : 'nats-server is not installed';
const log = createLogger('test', 'silent');

/** How long all of them are away. */
const awayMs = Number(process.env['HANEUL_TEST_AWAY_MS'] ?? 4_000);

test('NATS away: reads and accepted writes go on, and the work is done once it is back', { skip }, async t => {
  await using server = await natsServer(['host-1', 'host-2']);
  await withCloud([server], async ({ make, statusOf, available }) => {
    const before = await make();
    await available(before);
    await server.stop();
    const meanwhile = [await make(), await make(), await make()];
    equal(await statusOf(meanwhile[0]!), 'creating');
    await pause(1_000);
    await server.start();
    const began = performance.now();
    for (const id of meanwhile) await available(id);
    t.diagnostic(`${Math.round(performance.now() - began)} ms after its return`);
  });
});

test('a cluster of three: one dies without effect, and all may be away', { skip, timeout: 300_000 }, async t => {
  const servers = await natsCluster(['host-1', 'host-2'], 3);
  await using all = new AsyncDisposableStack();
  for (const server of servers) all.use(server);
  await withCloud(servers, async ({ make, statusOf, available }) => {
    const waits: number[] = [];
    for (const server of servers) {
      await server.stop();
      for (let turn = 0; turn < 3; turn++) {
        const began = performance.now();
        await available(await make());
        waits.push(performance.now() - began);
      }
      await server.start();
    }
    t.diagnostic(`with one dead: at most ${Math.round(Math.max(...waits))} ms`);
    for (const server of servers) await server.stop();
    const meanwhile: string[] = [];
    let asked = 0;
    for (const end = performance.now() + awayMs; performance.now() < end; asked++) {
      meanwhile.push(await make());
      equal(await statusOf(meanwhile[0]!), 'creating');
      await pause(awayMs / 20);
    }
    for (const server of servers) await server.start();
    const began = performance.now();
    for (const id of meanwhile) await available(id);
    const resumedMs = performance.now() - began;
    t.diagnostic(`${asked} accepted in ${awayMs} ms without; done ${Math.round(resumedMs)} ms after their return`);
    // On a quiet machine within 5 seconds.
    ok(resumedMs < 20_000, `${resumedMs} ms`);
  });
});

interface Volumes {
  make(): Promise<string>;
  statusOf(id: string): Promise<string>;
  available(id: string): Promise<void>;
}

/** A cloud whose control plane and two hosts meet over these servers. */
async function withCloud(servers: NatsServer[], work: (volumes: Volumes) => Promise<void>): Promise<void> {
  const ends: Bus[] = [];
  const join = (node: string) => {
    const name = node.startsWith('node') ? 'control' : node;
    const parts = { clock: systemClock(), random: systemRandom(), log };
    const bus = natsBus({ servers: servers.map(({ url }) => url), name, tls: servers[0]!.tls(name), ...parts });
    ends.push(bus);
    return { bus, leave: () => void bus.close() };
  };
  const cloud = await testCloud({ hosts: 2, realClock: true, join });
  try {
    const member = cloud.as('member');
    const statusOf = async (id: string): Promise<string> =>
      (await member.get(`/volume/v3/{project}/volumes/${id}`)).volume.status;
    await cloud.as('admin').put(`/volume/v3/${cloud.as('admin').projectId}/os-quota-sets/${member.projectId}`, {
      quota_set: { volumes: -1, gigabytes: -1 },
    });
    await work({
      make: async () => (await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202)).volume.id,
      statusOf,
      async available(id) {
        for (let tries = 0; (await statusOf(id)) !== 'available'; tries++) {
          if (tries > 1_200) throw new Error(`${id} is ${await statusOf(id)}`);
          await pause(25);
        }
      },
    });
  } finally {
    await cloud[Symbol.asyncDispose]();
    await Promise.all(ends.map(bus => bus.close()));
  }
}
