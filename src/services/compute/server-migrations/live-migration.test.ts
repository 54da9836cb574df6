// Stories of guests that move as they run, and of those whose host died.

import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { path, ready } from '../../../../test/moving-server.ts';

const live = { 'os-migrateLive': { block_migration: 'auto', host: null } };

test('a live migration keeps the guest, its disk and its ports, and it runs on one host', async () => {
  await using at = await ready();
  const before = await at.show();
  const source = before['OS-EXT-SRV-ATTR:host'];
  const { disk, starts } = at.guestOn(source)!;
  await at.act(live, 403);
  await at.act(live, 202, at.admin);
  const server = await at.show();
  const dest = server['OS-EXT-SRV-ATTR:host'];
  deepEqual([server.status, dest === source, at.running(), at.guestOn(source)], ['ACTIVE', false, [dest], undefined]);
  deepEqual([at.guestOn(dest)!.disk, at.guestOn(dest)!.starts, starts], [disk, 0, 1]);
  deepEqual(server.addresses, before.addresses);
  await at.sound();
  const { migrations } = await at.admin.get('/compute/v2.1/os-migrations?migration_type=live-migration');
  deepEqual(
    [migrations[0].status, migrations[0].source_compute, migrations[0].dest_compute],
    ['completed', source, dest],
  );
  deepEqual((await at.admin.get(`${path}/${at.id}/migrations`)).migrations, []);
  await at.act({ 'os-migrateLive': { block_migration: true, host: source } }, 202, at.admin);
  deepEqual([(await at.show())['OS-EXT-SRV-ATTR:host'], at.running()], [source, [source]]);
  await at.sound();
});

test('a paused guest stays paused', async () => {
  await using at = await ready();
  await at.act({ pause: null });
  await at.act(live, 202, at.admin);
  const server = await at.show();
  deepEqual([server.status, at.guestOn(server['OS-EXT-SRV-ATTR:host'])!.power, at.running()], ['PAUSED', 'paused', []]);
  await at.act({ unpause: null });
  equal(at.running().length, 1);
  await at.sound();
});

test('a migration that is aborted, or whose guest is not sent, leaves the guest where it runs', async () => {
  await using at = await ready();
  const source = (await at.show())['OS-EXT-SRV-ATTR:host'];
  const { machine } = at.cloud.hosts.find(host => host.name === source)!;
  // While the source does not answer, the migration can be seen.
  machine.faults.sometimes(1, ['fail'], ['hypervisor.sendGuest']);
  await at.admin.post(`${path}/${at.id}/action`, live, 202);
  await at.cloud.settle();
  const { migrations } = await at.admin.get(`${path}/${at.id}/migrations`);
  equal((await at.show()).status, 'MIGRATING');
  await at.admin.delete(`${path}/${at.id}/migrations/${migrations[0].id}`, 202);
  machine.faults.clear();
  await at.cloud.advance(60_000);
  await at.cloud.settle();
  deepEqual([(await at.show()).status, at.running()], ['ACTIVE', [source]]);
  const listed = (await at.admin.get('/compute/v2.1/os-migrations')).migrations;
  equal(listed[0].status, 'cancelled');
  await at.sound();
});

test('a live migration that cannot be is refused', async () => {
  await using at = await ready();
  const shared = { 'os-migrateLive': { block_migration: false, host: null } };
  match((await at.act(shared, 400, at.admin)).badRequest!.message, /not shared/);
  await at.act({ 'os-stop': null });
  await at.act(live, 409, at.admin);
  await at.act({ 'os-migrateLive': { block_migration: 'auto', host: 'nowhere' } }, 409, at.admin);
});

test('a server is evacuated from a host that is down, and the host lets go of it when it returns', async () => {
  await using at = await ready();
  const source = (await at.show())['OS-EXT-SRV-ATTR:host'];
  const host = at.cloud.hosts.find(one => one.name === source)!;
  match((await at.act({ evacuate: {} }, 409, at.admin)).conflictingRequest!.message, /answers/);
  await host.agent.stop();
  host.machine.reboot();
  await at.cloud.advance(15_000);
  await at.admin.post(`${path}/${at.id}/action`, { evacuate: {} }, 200);
  await at.cloud.advance(5_000);
  const server = await at.show();
  const dest = server['OS-EXT-SRV-ATTR:host'];
  deepEqual([server.status, dest === source, at.running()], ['ACTIVE', false, [dest]]);
  await host.restartAgent();
  await at.cloud.settle();
  deepEqual([at.running(), at.guestOn(source)], [[dest], undefined]);
  await at.sound();
  const { migrations } = await at.admin.get('/compute/v2.1/os-migrations');
  deepEqual([migrations[0].migration_type, migrations[0].status], ['evacuation', 'done']);
});

test('a host that lost a server to another does not begin it anew when it returns and reaches nobody', async () => {
  await using at = await ready({ ends: true });
  const source = (await at.show())['OS-EXT-SRV-ATTR:host'];
  const host = at.cloud.hosts.find(one => one.name === source)!;
  await host.agent.stop();
  host.machine.reboot();
  await at.cloud.advance(15_000);
  await at.admin.post(`${path}/${at.id}/action`, { evacuate: {} }, 200);
  await at.cloud.advance(5_000);
  const [dest] = at.running();
  at.cloud.cut(source);
  await host.restartAgent();
  await at.cloud.advance(300_000);
  deepEqual(at.running(), [dest]);
});
