// A real guest moves between two machines as it runs, and stopped, and keeps its session, addresses and disk.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../scenarios/haneul.ts';
import { guestsOn, moveLive, movingGuest } from './moving-guest.ts';
import { testBed } from './testbed.ts';

test('a guest keeps its ssh session while it moves', { timeout: 600_000 }, async () => {
  await using bed = await testBed('migration');
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const [one, two] = [await bed.machine('one'), await bed.machine('two')];
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  await two.haneul('join', (await one.haneul('invite')).stdout.trim(), '--detach');
  await using guest = await movingGuest(one, [one, two], 'one');
  const addresses = async () => (await guest.admin.get(`/compute/v2.1/servers/${guest.id}`)).server.addresses;
  const [before, boot] = [await addresses(), await guest.inGuest('cat /proc/sys/kernel/random/boot_id')];
  await guest.inGuest('echo kept > kept; sync');
  for (const [to, from, name] of [
    [two, one, 'two'],
    [one, two, 'one'],
  ] as const) {
    const silent = await moveLive(guest, name);
    say(`moved to ${name}; the session was silent for ${Math.round(silent)} ms at most`);
    ok(guest.session.alive());
    await eventually(async () => deepEqual([guestsOn(to), guestsOn(from)], [[guest.id], []]), 20_000);
    deepEqual(await addresses(), before);
    equal(await guest.inGuest('cat /proc/sys/kernel/random/boot_id; cat kept'), `${boot}\nkept`);
  }
  await guest.admin.post(`/compute/v2.1/servers/${guest.id}/action`, { migrate: { host: 'two' } });
  await eventually(async () => {
    const { server } = await guest.admin.get(`/compute/v2.1/servers/${guest.id}`);
    equal(server.status, 'VERIFY_RESIZE');
  }, 120_000);
  await guest.admin.post(`/compute/v2.1/servers/${guest.id}/action`, { confirmResize: null });
  match(await eventually(() => guest.inGuest('cat kept'), 180_000), /^kept$/);
  await eventually(async () => deepEqual([guestsOn(two), guestsOn(one)], [[guest.id], []]), 20_000);
});
