// Stories of servers that change their size or their host: each ends with one guest, and nothing left behind.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { path, ready } from '../../../../test/moving-server.ts';

test('a resize stays on its host, waits to be confirmed, and keeps the old disk until then', async () => {
  await using at = await ready();
  const host = (await at.show())['OS-EXT-SRV-ATTR:host'];
  const { disk } = at.guestOn(host)!;
  await at.act({ resize: { flavorRef: 'large' } });
  const server = await at.show();
  deepEqual(
    [server.status, server.flavor.original_name, server['OS-EXT-SRV-ATTR:host'], at.guestOn(host)!.entry.memoryMib],
    ['VERIFY_RESIZE', 'large', host, 512],
  );
  equal(at.guestOn(host)!.kept?.disk, disk);
  await at.sound();
  await at.act({ confirmResize: null }, 204);
  equal((await at.show()).status, 'ACTIVE');
  deepEqual([at.guestOn(host)!.kept, at.running()], [null, [host]]);
  await at.sound();
  const { migrations } = await at.admin.get('/compute/v2.1/os-migrations');
  deepEqual(
    migrations.map((one: Record<string, unknown>) => [one['migration_type'], one['status'], one['dest_compute']]),
    [['resize', 'confirmed', host]],
  );
});

test('a reverted resize has its old disk and flavor again', async () => {
  await using at = await ready();
  const host = (await at.show())['OS-EXT-SRV-ATTR:host'];
  const { disk } = at.guestOn(host)!;
  await at.act({ resize: { flavorRef: 'large' } });
  at.guestOn(host)!.disk = 'written meanwhile';
  await at.act({ revertResize: null });
  const server = await at.show();
  deepEqual([server.status, server.flavor.original_name, at.guestOn(host)!.disk], ['ACTIVE', 'small', disk]);
  await at.sound();
});

test('a cold migration takes the disk along, and back when it is reverted', async () => {
  await using at = await ready();
  const source = (await at.show())['OS-EXT-SRV-ATTR:host'];
  const { disk } = at.guestOn(source)!;
  await at.act({ migrate: null }, 403);
  await at.act({ migrate: null }, 202, at.admin);
  const server = await at.show();
  const dest = server['OS-EXT-SRV-ATTR:host'];
  deepEqual([server.status, dest === source, at.running()], ['VERIFY_RESIZE', false, [dest]]);
  equal(at.guestOn(dest)!.disk, disk);
  await at.sound();
  await at.act({ revertResize: null });
  deepEqual([(await at.show())['OS-EXT-SRV-ATTR:host'], at.running(), at.guestOn(dest)], [source, [source], undefined]);
  await at.sound();
  await at.act({ migrate: { host: dest } }, 202, at.admin);
  await at.act({ confirmResize: null }, 204);
  deepEqual([(await at.show())['OS-EXT-SRV-ATTR:host'], at.running(), at.guestOn(source)], [dest, [dest], undefined]);
  await at.sound();
  await at.member.delete(`${path}/${at.id}`);
  await at.cloud.settle();
  await at.sound();
});

test('a stopped server stays stopped, and one that is deleted while it waits leaves nothing', async () => {
  await using at = await ready();
  await at.act({ 'os-stop': null });
  await at.act({ migrate: null }, 202, at.admin);
  deepEqual([(await at.show()).status, at.running()], ['VERIFY_RESIZE', []]);
  await at.act({ confirmResize: null }, 204);
  equal((await at.show()).status, 'SHUTOFF');
  await at.act({ migrate: null }, 202, at.admin);
  await at.member.delete(`${path}/${at.id}`);
  await at.cloud.settle();
  for (const { machine } of at.cloud.hosts) equal(machine.guests.size, 0);
  await at.sound();
});

test('a host that cannot take the disk leaves the server as it was', async () => {
  await using at = await ready();
  const source = (await at.show())['OS-EXT-SRV-ATTR:host'];
  const dest = at.cloud.hosts.find(host => host.name !== source)!;
  dest.machine.faults.sometimes(1, ['fail'], ['hypervisor.ensureGuest']);
  await at.act({ migrate: null }, 202, at.admin);
  await at.cloud.advance(20_000);
  dest.machine.faults.clear();
  await at.cloud.settle();
  const server = await at.show();
  deepEqual([server.status, server['OS-EXT-SRV-ATTR:host'], at.running()], ['ACTIVE', source, [source]]);
  await at.sound();
  const { instanceActions } = await at.member.get(`${path}/${at.id}/os-instance-actions`);
  match(instanceActions[0].message, /failed on purpose/);
});

test('what cannot be resized is refused with its reason', async () => {
  await using at = await ready({ hosts: 1 });
  match((await at.act({ resize: { flavorRef: 'small' } }, 400)).badRequest!.message, /must change flavor/);
  match((await at.act({ resize: { flavorRef: 'none' } }, 400)).badRequest!.message, /none/);
  match((await at.act({ confirmResize: null }, 409)).conflictingRequest!.message, /vm_state active/);
  match((await at.act({ migrate: null }, 400, at.admin)).badRequest!.message, /OtherHost refused 1 of 1/);
  await at.act({ resize: { flavorRef: 'large' } });
  await at.act({ confirmResize: null }, 204);
  match((await at.act({ resize: { flavorRef: 'small' } }, 400)).badRequest!.message, /only grow/);
  await at.admin.put(`/compute/v2.1/os-quota-sets/${at.member.projectId}`, { quota_set: { cores: 2 } });
  await at.admin.post(
    '/compute/v2.1/flavors',
    { flavor: { id: 'huge', name: 'huge', ram: 512, vcpus: 4, disk: 2 } },
    200,
  );
  await at.act({ resize: { flavorRef: 'huge' } }, 403);
  await at.sound();
});

test('a resize that nobody confirms is confirmed after its time', async () => {
  await using at = await ready({ config: { resize_confirm_window_seconds: 600 } });
  await at.act({ resize: { flavorRef: 'large' } });
  await at.cloud.advance(800_000);
  await at.cloud.settle();
  equal((await at.show()).status, 'ACTIVE');
  ok((await at.show()).flavor.original_name === 'large');
  await at.sound();
});
