// Two hosts and guests on both: they hear one another, one moves while it runs, and a host is emptied.

import { equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../scenarios/haneul.ts';
import { apiOf, boot } from './api.ts';
import { type Machine, testBed } from './testbed.ts';

/** From a machine's own side of a network: its DHCP server's, wherever it is. */
async function hears(machine: Machine, address: string): Promise<void> {
  const { stdout } = await machine.run(['ip', 'netns', 'list']);
  for (const line of stdout.split('\n').filter(Boolean)) {
    const inside = ['ip', 'netns', 'exec', line.split(' ')[0]!];
    const ping = [...inside, 'ping', '-c', '1', '-W', '1', address];
    if ((await machine.run(ping, { allow: true })).status === 0) return;
  }
  throw new Error(`${machine.name} does not reach ${address} from any of: ${stdout}`);
}

test('two hosts: guests on both, a live move, an emptied host', { timeout: 400_000 }, async () => {
  await using bed = await testBed('journey');
  const [one, two] = [await bed.machine('one'), await bed.machine('two')];
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  await two.haneul('join', (await one.haneul('invite')).stdout.trim(), '--detach');
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const [here, there] = [await boot(one, 'one', 'here'), await boot(one, 'two', 'there')];
  const addressOf = (server: any): string => server.addresses.private[0].addr;
  const api = await apiOf(one);
  const admin = async (id: string) => (await api.get(`/compute/v2.1/servers/${id}`)).server;
  equal((await admin(here.id))['OS-EXT-SRV-ATTR:host'], 'one');
  equal((await admin(there.id))['OS-EXT-SRV-ATTR:host'], 'two');
  await eventually(() => hears(one, addressOf(here)), 60_000);
  await eventually(() => hears(one, addressOf(there)), 60_000);
  say('guests on both hosts are heard from one');

  const drained = await one.tryHaneul('hosts', 'drain', 'two', '--reason', 'maintenance');
  say(drained.stdout.trim());
  equal(drained.status, 0, drained.stdout + drained.stderr);
  match(drained.stdout, /there has moved; 0 left/);
  const moved = await admin(there.id);
  equal(moved['OS-EXT-SRV-ATTR:host'], 'one');
  equal(moved.status, 'ACTIVE');
  await eventually(() => hears(one, addressOf(there)), 30_000);
  ok((await one.haneul('hosts')).stdout.includes('maintenance'));
  await eventually(async () => void (await one.haneul('hosts', 'remove', 'two')), 60_000);
});
