// A cloud whose control plane and hosts meet over NATS, and what becomes of it while NATS is away.

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Bus } from '#/platform/bus/bus.ts';
import { natsBus } from '#/platform/bus/nats/nats-bus.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { testCloud } from '../test-cloud.ts';
import { hasNats, natsServer } from './server.ts';

const skip = hasNats() ? false : 'nats-server is not installed';
const log = createLogger('test', 'silent');

test('NATS away: reads and accepted writes go on, and the work is done once it is back', { skip }, async () => {
  await using server = await natsServer(['host-1', 'host-2']);
  const ends: Bus[] = [];
  const join = (node: string) => {
    const name = node.startsWith('node') ? 'control' : node;
    const parts = { clock: systemClock(), random: systemRandom(), log };
    const bus = natsBus({ servers: [server.url], name, tls: server.tls(name), ...parts });
    ends.push(bus);
    return { bus, leave: () => void bus.close() };
  };
  const cloud = await testCloud({ hosts: 2, realClock: true, join });
  try {
    const member = cloud.as('member');
    const make = async (): Promise<string> =>
      (await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202)).volume.id;
    const statusOf = async (id: string): Promise<string> =>
      (await member.get(`/volume/v3/{project}/volumes/${id}`)).volume.status;
    const before = await make();
    await cloud.settle(30_000);
    equal(await statusOf(before), 'available');
    await server.stop();
    const meanwhile = [await make(), await make(), await make()];
    equal(await statusOf(meanwhile[0]!), 'creating');
    await new Promise(resolve => setTimeout(resolve, 1_000));
    await server.start();
    for (const id of meanwhile)
      for (let tries = 0; (await statusOf(id)) !== 'available'; tries++) {
        if (tries > 300) throw new Error(`${id} is ${await statusOf(id)}`);
        await new Promise(resolve => setTimeout(resolve, 100));
      }
  } finally {
    await cloud[Symbol.asyncDispose]();
    await Promise.all(ends.map(bus => bus.close()));
  }
});
