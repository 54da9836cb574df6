// Two machines from the first hour to a rejoin: guests on both hear one another, one moves while it runs, the worker dies at
// work, and a machine that lost its power and its certificate comes back and is used again.

import { equal } from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../scenarios/haneul.ts';
import { type Api, apiOf, boot } from './api.ts';
import { type Machine, testBed } from './testbed.ts';

/** All limits are those of a slow machine that does other things too; a fast one waits for none of them. */
const patienceMs = 180_000;

test('two machines: guests on both, a live move, a dead worker, a rejoin', { timeout: 900_000 }, async t => {
  await using bed = await testBed('journey');
  const started = performance.now();
  const say = (text: string): void => t.diagnostic(`${((performance.now() - started) / 1000).toFixed(0)} s: ${text}`);
  const [one, two] = [await bed.machine('one'), await bed.machine('two')];
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  await two.haneul('join', (await one.haneul('invite')).stdout.trim(), '--detach');
  say('two has joined');
  const api = await apiOf(one);
  const [here, there] = [await boot(one, 'one', 'here'), await boot(one, 'two', 'there')];
  const addresses = [here, there].map(server => server.addresses.private[0].addr as string);
  equal(await hostOf(api, here.id), 'one');
  equal(await hostOf(api, there.id), 'two');
  for (const machine of [one, two])
    for (const address of addresses) await eventually(() => hears(machine, address), patienceMs);
  say('guests on both are heard from both');

  await move(api, there.id, 'one');
  for (const machine of [one, two]) await eventually(() => hears(machine, addresses[1]!), patienceMs);
  say('one has moved while it ran');

  await (await apiOf(one, 'demo')).delete(`/compute/v2.1/servers/${here.id}`);
  await one.kill('control');
  await eventually(async () => {
    const { servers } = await api.get('/compute/v2.1/servers?all_tenants=1');
    equal(servers.length, 1);
  }, patienceMs);
  await eventually(() => hears(one, addresses[1]!), patienceMs);
  say('the worker died at work, and another ended it');

  await two.powerOff();
  await eventually(() => isUp(api, 'two', false), patienceMs);
  await two.powerOn();
  rmSync(join(two.data, 'host', 'cluster'), { recursive: true });
  const token = (await one.haneul('invite', '--rejoin', 'two')).stdout.trim();
  await two.haneul('join', token, '--detach');
  await eventually(() => isUp(api, 'two', true), patienceMs);
  await move(api, there.id, 'two');
  await eventually(() => hears(one, addresses[1]!), patienceMs);
  say('two has lost its power and its certificate, joined again, and runs the guest');
});

/** From a machine's own side of a network: its DHCP server's, wherever the guest is. */
async function hears(machine: Machine, address: string): Promise<void> {
  const { stdout } = await machine.run(['ip', 'netns', 'list']);
  for (const line of stdout.split('\n').filter(Boolean)) {
    const inside = ['ip', 'netns', 'exec', line.split(' ')[0]!];
    const ping = [...inside, 'ping', '-c', '1', '-W', '2', address];
    if ((await machine.run(ping, { allow: true })).status === 0) return;
  }
  throw new Error(`${machine.name} does not reach ${address} from any of: ${stdout}`);
}

async function hostOf(api: Api, id: string): Promise<string> {
  return (await api.get(`/compute/v2.1/servers/${id}`)).server['OS-EXT-SRV-ATTR:host'];
}

async function isUp(api: Api, name: string, up: boolean): Promise<void> {
  const { hosts } = await api.get('/haneul/hosts');
  equal(hosts.find((host: { name: string }) => host.name === name).up, up);
}

/** As it runs, with its disk. */
async function move(api: Api, id: string, to: string): Promise<void> {
  const ask = { 'os-migrateLive': { block_migration: 'auto', host: to } };
  await api.post(`/compute/v2.1/servers/${id}/action`, ask);
  await eventually(async () => {
    const { server } = await api.get(`/compute/v2.1/servers/${id}`);
    const { migrations } = await api.get(`/compute/v2.1/os-migrations?instance_uuid=${id}`);
    const seen = [server.status, server['OS-EXT-SRV-ATTR:host'], migrations[0]?.status].join(' ');
    equal(seen, `ACTIVE ${to} completed`);
  }, patienceMs);
}
