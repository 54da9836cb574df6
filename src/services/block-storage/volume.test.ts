import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  beginDetach,
  createForServer,
  deleteForServer,
  dropAttachment,
  finishAttach,
  reserveForServer,
  volumeById,
} from '#/services/block-storage/contract.ts';
import { type TestClient, type TestCloud, testCloud } from '../../../test/test-cloud.ts';

const path = '/volume/v3/{project}/volumes';
const newest = { 'openstack-api-version': 'volume 3.71' };

async function newVolume(cloud: TestCloud, client: TestClient, ask: object = {}) {
  const { volume } = await client.post(path, { volume: { size: 1, ...ask } }, 202);
  await cloud.settle();
  return (await client.get(`${path}/${volume.id}`)).volume;
}

function disksOf(cloud: TestCloud) {
  return new Map(cloud.hosts.flatMap(host => [...host.machine.disks]));
}

async function rawImage(client: TestClient): Promise<string> {
  const ask = { name: 'i', disk_format: 'raw', container_format: 'bare', colour: 'red' };
  const { id } = await client.post('/image/v2/images', ask, 201);
  const headers = { 'content-type': 'application/octet-stream' };
  equal((await client.request('PUT', `/image/v2/images/${id}/file`, { raw: Buffer.alloc(2048), headers })).status, 204);
  return id;
}

test('a new volume becomes available on a host and leaves nothing when it is deleted', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 7 });
  const member = cloud.as('member');
  const { volume } = await member.post(path, { volume: { size: 1, name: 'a', metadata: { k: 'v' } } }, 202);
  equal(volume.status, 'creating');
  await cloud.settle();
  const shown = (await member.get(`${path}/${volume.id}`)).volume;
  equal(shown.status, 'available');
  equal(shown.bootable, 'false');
  deepEqual(shown.metadata, { k: 'v' });
  equal(disksOf(cloud).get(`volume/${volume.id}`)?.sizeGib, 1);
  await cloud.as('other').get(`/volume/v3/${member.projectId}/volumes/${volume.id}`, 404);
  await cloud.as('reader').delete(`${path}/${volume.id}`, 403);
  await member.delete(`${path}/${volume.id}`, 202);
  await cloud.settle();
  await member.get(`${path}/${volume.id}`, 404);
  equal(disksOf(cloud).size, 0);
});

test('what cannot be asked for is refused', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 7 });
  const member = cloud.as('member');
  for (const size of ['x', 0, -1, 1.5, null, {}]) await member.post(path, { volume: { size } }, 400);
  await member.post(path, { volume: { size: 1, availability_zone: 'moon' } }, 400);
  await member.post(path, { volume: { size: 1, volume_type: 'nope' } }, 404);
  await member.post(path, { volume: { size: 1, imageRef: 'nope' } }, 400);
  await member.post(path, { volume: { size: 1, snapshot_id: 'nope' } }, 404);
  await member.post(path, { volume: { size: 1, source_volid: 'nope' } }, 404);
  const refused = await member.post(path, { volume: { size: 2000 } }, 413);
  equal(refused.overLimit.code, 413);
  await member.get(`${path}?limit=x`, 400);
  await member.get(`${path}?sort_key=x`, 400);
  await member.get(`${path}/nope`, 404);
});

test('a volume that no host can take ends in error', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 7 });
  const member = cloud.as('member');
  const volume = await newVolume(cloud, member);
  equal(volume.status, 'error');
  await member.delete(`${path}/${volume.id}`, 202);
  await cloud.settle();
  await member.get(`${path}/${volume.id}`, 404);
});

test('volumes are made from images, snapshots and volumes, on the host of their source', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 7 });
  const member = cloud.as('member');
  const imageId = await rawImage(member);
  const booted = await newVolume(cloud, member, { imageRef: imageId });
  equal(booted.status, 'available');
  equal(booted.bootable, 'true');
  equal(booted.volume_image_metadata.colour, 'red');
  await member.delete(`/image/v2/images/${imageId}`, 204);
  const snapshots = '/volume/v3/{project}/snapshots';
  const { snapshot } = await member.post(snapshots, { snapshot: { volume_id: booted.id, name: 's' } }, 202);
  await cloud.settle();
  equal((await member.get(`${snapshots}/${snapshot.id}`)).snapshot.status, 'available');
  ok(disksOf(cloud).get(`volume/${booted.id}`)?.snapshots.has(snapshot.id));
  await member.delete(`${path}/${booted.id}`, 400);
  await member.post(path, { volume: { size: 1, snapshot_id: snapshot.id, imageRef: imageId } }, 400);
  const restored = await newVolume(cloud, member, { size: undefined, snapshot_id: snapshot.id });
  equal(restored.status, 'available');
  equal(restored.bootable, 'true');
  const copied = await newVolume(cloud, member, { size: 2, source_volid: booted.id });
  equal(copied.size, 2);
  const admin = cloud.as('admin');
  const hostOf = async (id: string) => {
    const answer = await admin.get(`/volume/v3/{project}/volumes/${id}`);
    return answer.volume['os-vol-host-attr:host'];
  };
  equal(await hostOf(restored.id), await hostOf(booted.id));
  equal(await hostOf(copied.id), await hostOf(booted.id));
  await member.delete(`${snapshots}/${snapshot.id}`, 202);
  await cloud.settle();
  await member.get(`${snapshots}/${snapshot.id}`, 404);
  equal(disksOf(cloud).get(`volume/${booted.id}`)?.snapshots.size, 0);
  await member.post(snapshots, { snapshot: { volume_id: booted.id } }, 202);
  await cloud.settle();
  await member.delete(`${path}/${booted.id}?cascade=true`, 202);
  await cloud.settle();
  deepEqual((await member.get(snapshots)).snapshots, []);
});

test('a volume grows, never shrinks, and counts', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 7 });
  const member = cloud.as('member');
  const { id } = await newVolume(cloud, member);
  const action = (body: object, status: number) => member.post(`${path}/${id}/action`, body, status);
  for (const size of [1, 0, 'x', null]) await action({ 'os-extend': { new_size: size } }, 400);
  await action({ 'os-extend': { new_size: 5000 } }, 413);
  await action({ 'os-extend': { new_size: 3 } }, 202);
  await cloud.settle();
  const { volume } = await member.get(`${path}/${id}`);
  equal(volume.size, 3);
  equal(volume.status, 'available');
  equal(disksOf(cloud).get(`volume/${id}`)?.sizeGib, 3);
  equal((await member.get('/volume/v3/{project}/limits')).limits.absolute.totalGigabytesUsed, 3);
  await action({ 'os-nonsense': {} }, 400);
  await action({ 'os-set_bootable': { bootable: true } }, 200);
  await action({ 'os-update_readonly_flag': { readonly: true } }, 202);
  equal((await member.get(`${path}/${id}`)).volume.metadata.readonly, 'True');
  await action({ 'os-reset_status': { status: 'error' } }, 403);
});

test('a server reserves a volume, uses it and lets go of it', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 7 });
  const member = cloud.as('member');
  const { id } = await newVolume(cloud, member);
  const caller = { projectId: member.projectId, userId: 'u', isAdmin: false } as never;
  const ask = { volumeId: id, host: 'host-1', serverId: 's1', device: null };
  const { attachmentId } = await cloud.db.write(tx => reserveForServer(tx, caller, ask));
  await cloud.settle();
  equal((await member.get(`${path}/${id}`)).volume.status, 'reserved');
  equal(disksOf(cloud).get(`volume/${id}`)?.exported, true);
  await cloud.db.write(tx => finishAttach(tx, attachmentId, '/dev/vdb'));
  const { volume } = await member.get(`${path}/${id}`);
  equal(volume.status, 'in-use');
  equal(volume.attachments[0].server_id, 's1');
  await member.delete(`${path}/${id}`, 400);
  await cloud.db.write(tx => beginDetach(tx, caller, id, 's1'));
  equal((await member.get(`${path}/${id}`)).volume.status, 'detaching');
  await cloud.db.write(tx => dropAttachment(tx, attachmentId));
  await cloud.settle();
  equal((await member.get(`${path}/${id}`)).volume.status, 'available');
  equal(disksOf(cloud).get(`volume/${id}`)?.exported, false);
  const made = await cloud.db.write(tx => createForServer(tx, caller, { sizeGib: 1, host: 'host-1', serverId: 's2' }));
  await cloud.settle();
  equal((await cloud.db.read(tx => volumeById(tx, made.id)))?.status, 'reserved');
  await cloud.db.write(tx => deleteForServer(tx, made.id));
  await cloud.settle();
  equal(await cloud.db.read(tx => volumeById(tx, made.id)), undefined);
});

test('attachments of the API, and the older actions', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 7 });
  const member = cloud.as('member').with(newest);
  const { id } = await newVolume(cloud, member);
  const at = '/volume/v3/{project}/attachments';
  const uuid = '00000000-0000-4000-8000-000000000001';
  const { attachment } = await member.post(at, { attachment: { volume_uuid: id, instance_uuid: uuid } }, 200);
  equal(attachment.status, 'reserved');
  const connector = { host: 'h', ip: '1.2.3.4' };
  await member.put(`${at}/${attachment.id}`, { attachment: { connector } }, 200);
  equal((await member.get(`${path}/${id}`)).volume.status, 'attaching');
  await member.post(`${at}/${attachment.id}/action`, { 'os-complete': {} }, 204);
  equal((await member.get(`${path}/${id}`)).volume.status, 'in-use');
  equal((await member.get(`${at}?volume_id=${id}`)).attachments.length, 1);
  await member.delete(`${at}/${attachment.id}`, 200);
  equal((await member.get(`${path}/${id}`)).volume.status, 'available');
  const action = (body: object, status = 202) => member.post(`${path}/${id}/action`, body, status);
  await action({ 'os-reserve': {} });
  await action({ 'os-reserve': {} }, 400);
  await action({ 'os-unreserve': {} });
  await action({ 'os-attach': { instance_uuid: uuid, mountpoint: '/dev/vdc' } });
  equal((await member.get(`${path}/${id}`)).volume.attachments[0].device, '/dev/vdc');
  await action({ 'os-detach': {} });
  equal((await member.get(`${path}/${id}`)).volume.status, 'available');
});

test('lists filter, sort and page; metadata, types and transfers', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 7 });
  const member = cloud.as('member').with(newest);
  for (const name of ['c', 'a', 'b'])
    await member.post(path, { volume: { size: 1, name, metadata: { n: name } } }, 202);
  await cloud.settle();
  const listed = async (query: string) =>
    (await member.get(`${path}/detail?${query}`)).volumes.map((one: { name: string }) => one.name);
  deepEqual(await listed('sort=name:asc'), ['a', 'b', 'c']);
  deepEqual(await listed(`metadata=${encodeURIComponent("{'n': 'b'}")}`), ['b']);
  deepEqual(await listed('name=a&status=available'), ['a']);
  deepEqual(await listed('limit=0'), []);
  const page = await member.get(`${path}?limit=2&sort=name:asc`);
  equal(page.volumes.length, 2);
  const next = new URL(page.volumes_links[0].href);
  deepEqual(
    (await member.get(next.pathname + next.search)).volumes.map((one: { name: string }) => one.name),
    ['c'],
  );
  await member.get(`${path}?marker=nope`, 404);
  equal((await member.get(`${path}/summary`))['volume-summary'].total_count, 3);
  const { id } = page.volumes[0];
  await member.post(`${path}/${id}/metadata`, { metadata: { x: 'y' } }, 200);
  await member.put(`${path}/${id}/metadata/x`, { meta: { x: 'z' } }, 200);
  equal((await member.get(`${path}/${id}/metadata/x`)).meta.x, 'z');
  await member.delete(`${path}/${id}/metadata/x`, 200);
  await member.get(`${path}/${id}/metadata/x`, 404);
  const admin = cloud.as('admin').with(newest);
  const types = '/volume/v3/{project}/types';
  const ask = { volume_type: { name: 'fast', 'os-volume-type-access:is_public': false } };
  const { volume_type: type } = await admin.post(types, ask, 200);
  await member.get(`${types}/${type.id}`, 404);
  await admin.post(`${types}/${type.id}/action`, { addProjectAccess: { project: member.projectId } }, 202);
  await member.get(`${types}/${type.id}`);
  const transfers = '/volume/v3/{project}/volume-transfers';
  const { transfer } = await member.post(transfers, { transfer: { volume_id: id } }, 202);
  const other = cloud.as('other').with(newest);
  await other.post(`${transfers}/${transfer.id}/accept`, { accept: { auth_key: 'x' } }, 400);
  await other.post(`${transfers}/${transfer.id}/accept`, { accept: { auth_key: transfer.auth_key } }, 202);
  await member.get(`${path}/${id}`, 404);
  equal((await other.get(`${path}/${id}`)).volume.status, 'available');
});
