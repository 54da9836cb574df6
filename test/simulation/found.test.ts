// What simulations found, each told as a short story.

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type TestCloud, testCloud } from '../test-cloud.ts';

const servers = '/compute/v2.1/servers';

async function createServer(cloud: TestCloud): Promise<string> {
  const member = cloud.as('member');
  const flavor = { name: 'small', ram: 64, vcpus: 1, disk: 1 };
  const { flavor: made } = await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
  const { id: imageRef } = await member.post('/image/v2/images', {
    name: 'blank',
    disk_format: 'raw',
    container_format: 'bare',
  });
  await member.request('PUT', `/image/v2/images/${imageRef}/file`, {
    raw: Buffer.alloc(1_024),
    headers: { 'content-type': 'application/octet-stream' },
  });
  const sent = { server: { name: 'one', flavorRef: made.id, imageRef, networks: 'none' } };
  const { server } = await member.with({ 'openstack-api-version': 'compute 2.90' }).post(servers, sent, 202);
  return server.id;
}

test('a server that its host never began can be deleted', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 3 });
  cloud.hosts[0]!.machine.faults.sometimes(1, ['fail'], ['hypervisor.ensureImage']);
  const id = await createServer(cloud);
  await cloud.advance(700);
  await cloud.as('member').delete(`${servers}/${id}`);
  await cloud.settle();
  await cloud.as('member').get(`${servers}/${id}`, 404);
});

test('a call of a driver that hangs does not hold its server for ever', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 4 });
  cloud.hosts[0]!.machine.faults.next('hang', 'hypervisor.ensureGuest');
  const id = await createServer(cloud);
  await cloud.advance(6 * 60_000);
  await cloud.settle();
  equal((await cloud.as('member').get(`${servers}/${id}`)).server.status, 'ACTIVE');
});

test('a guest whose end nobody was told of is found stopped', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 5 });
  const [host] = cloud.hosts;
  const id = await createServer(cloud);
  await cloud.settle();
  const guest = host!.machine.guests.get(`server/${id}`)!;
  guest.power = 'crashed';
  guest.exitReason = 'It ended while its agent was away.';
  await cloud.advance(125_000);
  await cloud.settle();
  equal((await cloud.as('member').get(`${servers}/${id}`)).server.status, 'SHUTOFF');
});

test('a volume whose growth failed after its disk had grown is still usable', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 6 });
  const member = cloud.as('member');
  const [host] = cloud.hosts;
  const { volume } = await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
  await cloud.settle();
  const path = `/volume/v3/{project}/volumes/${volume.id}`;
  host!.machine.faults.sometimes(1, ['loseAnswer'], ['volume.ensure']);
  await member.post(`${path}/action`, { 'os-extend': { new_size: 3 } }, 202);
  await cloud.advance(700_000);
  host!.machine.faults.clear();
  await cloud.settle();
  const { volume: after } = await member.get(path);
  equal(after.status, 'error_extending');
  equal(after.size, 1);
  await member.delete(path, 202);
  await cloud.settle();
  await member.get(path, 404);
});

test('a volume that a server has is not taken from it behind its back', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 7 });
  const id = await createServer(cloud);
  await cloud.settle();
  const member = cloud.as('member').with({ 'openstack-api-version': 'compute 2.90, volume 3.60' });
  const { volume } = await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
  await cloud.settle();
  const path = `/volume/v3/{project}/volumes/${volume.id}`;
  await member.post(`${servers}/${id}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } }, 200);
  await cloud.settle();
  const { attachments } = await member.get('/volume/v3/{project}/attachments');
  await member.delete(`/volume/v3/{project}/attachments/${attachments[0].id}`, 409);
  await member.post(`${path}/action`, { 'os-detach': {} }, 409);
  const admin = cloud.as('admin');
  const adminPath = `/volume/v3/{project}/volumes/${volume.id}/action`;
  await admin.post(adminPath, { 'os-force_detach': {} }, 409);
  await admin.post(adminPath, { 'os-force_delete': {} }, 409);
  await admin.post(adminPath, { 'os-reset_status': { attach_status: 'detached' } }, 409);
  equal((await member.get(path)).volume.status, 'in-use');
  await member.delete(`${servers}/${id}/os-volume_attachments/${volume.id}`, 202);
  await cloud.settle();
  equal((await member.get(path)).volume.status, 'available');
});

test('a volume that goes with its server stays for the sake of its snapshots', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 8 });
  const id = await createServer(cloud);
  await cloud.settle();
  const member = cloud.as('member').with({ 'openstack-api-version': 'compute 2.90' });
  const { volume } = await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
  await cloud.settle();
  const volumeAttachment = { volumeId: volume.id, delete_on_termination: true };
  await member.post(`${servers}/${id}/os-volume_attachments`, { volumeAttachment }, 200);
  await cloud.settle();
  const sent = { snapshot: { volume_id: volume.id, force: true } };
  const { snapshot } = await member.post('/volume/v3/{project}/snapshots', sent, 202);
  await cloud.settle();
  await member.delete(`${servers}/${id}`);
  await cloud.settle();
  equal((await member.get(`/volume/v3/{project}/snapshots/${snapshot.id}`)).snapshot.status, 'available');
  equal((await member.get(`/volume/v3/{project}/volumes/${volume.id}`)).volume.status, 'available');
});
