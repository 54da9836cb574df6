// Stories of servers with volumes: hot plugging, and booting from them.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { someImage, someNetwork } from '../../../../test/image-and-network.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const path = '/compute/v2.1/servers';

async function ready() {
  const cloud = await testCloud({ seed: 7 });
  const admin = cloud.as('admin').with({ 'openstack-api-version': 'compute 2.89' });
  const member = cloud.as('member').with({ 'openstack-api-version': 'compute 2.89' });
  const imageRef = await someImage(admin);
  const network = await someNetwork(member);
  const create = async (more: Record<string, unknown>): Promise<string> => {
    const { server } = await member.post(
      path,
      { server: { name: 's', imageRef, flavorRef: 'tiny', networks: [{ uuid: network }], ...more } },
      202,
    );
    await cloud.settle();
    return server.id as string;
  };
  const newVolume = async (size = 1): Promise<string> => {
    const { volume } = await member.post('/volume/v3/{project}/volumes', { volume: { size } }, 202);
    await cloud.settle();
    return volume.id as string;
  };
  const statusOf = async (volumeId: string): Promise<string> =>
    (await member.get(`/volume/v3/{project}/volumes/${volumeId}`)).volume.status;
  const guest = (id: string) => cloud.hosts[0]!.machine.guests.get(`server/${id}`)!.entry;
  return {
    cloud,
    admin,
    member,
    imageRef,
    create,
    newVolume,
    statusOf,
    guest,
    [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose](),
  };
}

test('a volume is attached to a running server, and detached again', async () => {
  await using at = await ready();
  const id = await at.create({});
  const volumeId = await at.newVolume();
  const { volumeAttachment } = await at.member.post(
    `${path}/${id}/os-volume_attachments`,
    { volumeAttachment: { volumeId, tag: 'data' } },
    200,
  );
  deepEqual([volumeAttachment.device, volumeAttachment.volumeId, volumeAttachment.tag], ['/dev/vdb', volumeId, 'data']);
  await at.cloud.settle();
  deepEqual(
    at.guest(id).disks.map(disk => [disk.volumeId, disk.device]),
    [[volumeId, 'vdb']],
  );
  equal(await at.statusOf(volumeId), 'in-use');
  await at.member.post(`${path}/${id}/os-volume_attachments`, { volumeAttachment: { volumeId } }, 400);
  deepEqual((await at.member.get(`${path}/${id}`)).server['os-extended-volumes:volumes_attached'], [
    { id: volumeId, delete_on_termination: false },
  ]);
  await at.member.put(
    `${path}/${id}/os-volume_attachments/${volumeId}`,
    { volumeAttachment: { volumeId, delete_on_termination: true } },
    202,
  );
  equal(
    (await at.member.get(`${path}/${id}/os-volume_attachments/${volumeId}`)).volumeAttachment.delete_on_termination,
    true,
  );
  await at.member.delete(`${path}/${id}/os-volume_attachments/${volumeId}`, 202);
  await at.cloud.settle();
  deepEqual([at.guest(id).disks, await at.statusOf(volumeId)], [[], 'available']);
  await at.member.get(`${path}/${id}/os-volume_attachments/${volumeId}`, 404);
});

test('a server boots from a volume made of an image, which ends with it when so asked', async () => {
  await using at = await ready();
  const boot = {
    source_type: 'image',
    uuid: at.imageRef,
    destination_type: 'volume',
    boot_index: 0,
    volume_size: 2,
    delete_on_termination: true,
  };
  const data = await at.newVolume();
  const id = await at.create({
    imageRef: '',
    block_device_mapping_v2: [boot, { source_type: 'volume', uuid: data, destination_type: 'volume' }],
  });
  const { server } = await at.member.get(`${path}/${id}`);
  deepEqual([server.status, server.image], ['ACTIVE', ''], JSON.stringify(server.fault));
  deepEqual(
    [at.guest(id).root, at.guest(id).disks.map(disk => [disk.device, disk.bootIndex])],
    [
      null,
      [
        ['vda', 0],
        ['vdb', null],
      ],
    ],
  );
  const root = server['os-extended-volumes:volumes_attached'][0].id as string;
  deepEqual([await at.statusOf(root), await at.statusOf(data)], ['in-use', 'in-use']);
  await at.member.delete(`${path}/${id}/os-volume_attachments/${root}`, 409);
  await at.member.delete(`${path}/${id}`);
  await at.cloud.settle();
  await at.member.get(`/volume/v3/{project}/volumes/${root}`, 404);
  equal(await at.statusOf(data), 'available');
});

test('a server that cannot be started gives its volumes back, and those made for it go', async () => {
  await using at = await ready();
  const data = await at.newVolume();
  const before = (await at.member.get('/volume/v3/{project}/volumes')).volumes.length;
  const { machine } = at.cloud.hosts[0]!;
  machine.faults.sometimes(1, ['fail'], ['hypervisor.ensureGuest']);
  const id = await at.create({
    block_device_mapping_v2: [
      { source_type: 'volume', uuid: data, destination_type: 'volume' },
      { source_type: 'blank', destination_type: 'volume', volume_size: 1 },
    ],
  });
  await at.cloud.advance(700_000);
  machine.faults.clear();
  await at.cloud.settle();
  equal((await at.member.get(`${path}/${id}`)).server.status, 'ERROR');
  equal(await at.statusOf(data), 'available');
  equal((await at.member.get('/volume/v3/{project}/volumes')).volumes.length, before);
});

test('a volume is as good on another host than the server’s', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 7 });
  const admin = cloud.as('admin');
  const imageRef = await someImage(admin);
  const network = await someNetwork(admin);
  const { volume } = await admin.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
  await cloud.settle();
  for (const host of ['host-1', 'host-2']) {
    const ask = {
      name: host,
      imageRef,
      flavorRef: 'tiny',
      networks: [{ uuid: network }],
      availability_zone: `nova:${host}`,
    };
    const { server } = await admin.post(path, { server: ask }, 202);
    await cloud.settle();
    await admin.post(`${path}/${server.id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } }, 200);
    await cloud.settle();
    equal((await admin.get(`/volume/v3/{project}/volumes/${volume.id}`)).volume.status, 'in-use');
    await admin.delete(`${path}/${server.id}`);
    await cloud.settle();
  }
});
