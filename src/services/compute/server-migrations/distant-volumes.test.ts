// Stories of servers whose volumes are on other hosts: they come, go along and are given back, and one guest writes to each.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { path, ready } from '../../../../test/moving-server.ts';

type At = Awaited<ReturnType<typeof ready>>;

/** A server on host-2 with a volume of host-1. */
async function withVolume() {
  const at = await ready({ hosts: 3 });
  const move = async (host: string) => {
    await at.act({ 'os-migrateLive': { block_migration: 'auto', host } }, 202, at.admin);
    equal(await hostOf(at), host);
  };
  if ((await hostOf(at)) !== 'host-2') await move('host-2');
  const { volume } = await at.member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
  await at.cloud.settle();
  const volumeId = volume.id as string;
  await at.member.post(`${path}/${at.id}/os-volume_attachments`, { volumeAttachment: { volumeId } }, 200);
  await at.cloud.settle();
  const machine = (name: string) => at.cloud.hosts.find(host => host.name === name)!.machine;
  const disk = () => machine('host-1').disks.get(`volume/${volumeId}`)!;
  equal(disk().exported, true);
  return {
    ...at,
    move,
    machine,
    disk,
    volumeId,
    show: at.show,
    wayFrom: (name: string) => at.guestOn(name)?.entry.disks[0]?.connection,
    statusOf: async () => (await at.member.get(`/volume/v3/{project}/volumes/${volumeId}`)).volume.status as string,
    /** Nobody ever wrote beside another, and all is as the rows say. */
    async good() {
      await at.sound();
      for (const { machine: one } of at.cloud.hosts) deepEqual([[...one.doubles], [...one.contested]], [[], []]);
    },
    [Symbol.asyncDispose]: () => at[Symbol.asyncDispose](),
  };
}

async function hostOf(at: Pick<At, 'show'>): Promise<string> {
  return (await at.show())['OS-EXT-SRV-ATTR:host'];
}

test('a volume of another host is reached by a ticket that only the server’s host has', async () => {
  await using at = await withVolume();
  const way = at.wayFrom('host-2');
  ok(way?.kind === 'nbd-host');
  deepEqual([way.host, at.disk().tickets], ['host-1', [way.ticket]]);
  await at.good();
  await at.member.delete(`${path}/${at.id}/os-volume_attachments/${at.volumeId}`, 202);
  await at.cloud.settle();
  deepEqual([at.disk().exported, at.disk().tickets, await at.statusOf()], [false, [], 'available']);
  await at.good();
});

test('a server goes live to where its volume is, and away again; each way is its own', async () => {
  await using at = await withVolume();
  const first = at.disk().tickets;
  await at.move('host-1');
  deepEqual([at.wayFrom('host-1')?.kind, at.disk().tickets, at.running()], ['simulated', [], ['host-1']]);
  await at.good();
  await at.move('host-3');
  equal(at.disk().tickets.length, 1);
  equal(first.includes(at.disk().tickets[0]!), false, 'what was taken back is never good again');
  await at.good();
});

test('a live migration that fails leaves the volume to the source', async () => {
  await using at = await withVolume();
  at.machine('host-2').faults.sometimes(1, ['fail'], ['hypervisor.sendGuest']);
  await at.admin.post(
    `${path}/${at.id}/action`,
    { 'os-migrateLive': { block_migration: 'auto', host: 'host-3' } },
    202,
  );
  await at.cloud.settle();
  equal(at.disk().tickets.length, 2, 'both may reach it while one is about to go over');
  const { migrations } = await at.admin.get(`${path}/${at.id}/migrations`);
  await at.admin.delete(`${path}/${at.id}/migrations/${migrations[0].id}`, 202);
  at.machine('host-2').faults.clear();
  await at.cloud.advance(60_000);
  await at.cloud.settle();
  const way = at.wayFrom('host-2');
  deepEqual([at.running(), way?.kind === 'nbd-host' && [way.ticket]], [['host-2'], at.disk().tickets]);
  await at.good();
});

test('a cold migration takes the volume along, and a revert brings it back', async () => {
  await using at = await withVolume();
  await at.act({ migrate: { host: 'host-3' } }, 202, at.admin);
  deepEqual([(await at.show()).status, await hostOf(at), at.running()], ['VERIFY_RESIZE', 'host-3', ['host-3']]);
  await at.good();
  await at.act({ revertResize: null });
  deepEqual([(await at.show()).status, at.running(), at.disk().tickets.length], ['ACTIVE', ['host-2'], 1]);
  await at.good();
  await at.act({ migrate: { host: 'host-1' } }, 202, at.admin);
  // Its new host may ask for its disks before its old one has heard that it may give them.
  await at.cloud.advance(5_000);
  await at.cloud.settle();
  await at.act({ confirmResize: null }, 204);
  deepEqual([(await at.show()).status, at.running(), at.disk().tickets], ['ACTIVE', ['host-1'], []]);
  await at.good();
});

test('after an evacuation what still runs on the old host reaches the volume no more, and ends when that host is back', async () => {
  await using at = await withVolume();
  const host = at.cloud.hosts.find(one => one.name === 'host-2')!;
  // Only its agent is gone: the guest runs on.
  await host.agent.stop();
  await at.cloud.advance(15_000);
  const stale = at.disk().tickets;
  await at.admin.post(`${path}/${at.id}/action`, { evacuate: { host: 'host-3' } }, 200);
  await at.cloud.advance(5_000);
  await at.cloud.settle();
  const server = await at.show();
  deepEqual([server.status, server['OS-EXT-SRV-ATTR:host']], ['ACTIVE', 'host-3']);
  deepEqual(at.running(), ['host-2', 'host-3'], 'nobody could end it');
  equal(
    at.disk().tickets.some(ticket => stale.includes(ticket)),
    false,
  );
  for (const { machine } of at.cloud.hosts) deepEqual([...machine.contested], []);
  await host.restartAgent();
  await at.cloud.settle();
  deepEqual([at.running(), at.guestOn('host-2')], [['host-3'], undefined]);
  await at.sound();
});

test('a server that is deleted while its host is away leaves a volume that nobody writes to', async () => {
  await using at = await withVolume();
  const host = at.cloud.hosts.find(one => one.name === 'host-2')!;
  await host.agent.stop();
  await at.cloud.advance(15_000);
  await at.member.delete(`${path}/${at.id}`);
  await at.cloud.settle();
  deepEqual([await at.statusOf(), at.disk().exported, at.running()], ['available', false, ['host-2']]);
  await host.restartAgent();
  await at.cloud.settle();
  deepEqual(at.running(), []);
  await at.good();
});

test('where the volume’s host is down, a move is refused with that reason', async () => {
  await using at = await withVolume();
  const storage = at.cloud.hosts.find(one => one.name === 'host-1')!;
  await storage.agent.stop();
  await at.cloud.advance(15_000);
  for (const [action, status] of [
    [{ 'os-migrateLive': { block_migration: 'auto', host: 'host-3' } }, 409],
    [{ migrate: { host: 'host-3' } }, 409],
  ] as const)
    match((await at.act(action, status, at.admin)).conflictingRequest!.message, /Volume .* is on host host-1/);
  const host = at.cloud.hosts.find(one => one.name === 'host-2')!;
  await host.agent.stop();
  host.machine.reboot();
  await at.cloud.advance(15_000);
  match((await at.act({ evacuate: {} }, 409, at.admin)).conflictingRequest!.message, /is on host host-1/);
  await storage.restartAgent();
  await at.cloud.settle();
  await at.admin.post(`${path}/${at.id}/action`, { evacuate: { host: 'host-3' } }, 200);
  await at.cloud.advance(5_000);
  await at.cloud.settle();
  deepEqual(at.running(), ['host-3']);
  await host.restartAgent();
  await at.cloud.settle();
  await at.good();
});
