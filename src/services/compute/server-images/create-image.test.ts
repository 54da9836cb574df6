import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type TestClient, type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const newest = { 'openstack-api-version': 'compute 2.79' };

async function open() {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-server-image-'));
  const cloud = await testCloud({ hosts: 1, seed: 21, directory });
  const member = cloud.as('member').with(newest);
  return {
    cloud,
    member,
    machine: cloud.hosts[0]!.machine,
    files: () => readdirSync(join(directory, 'images')).sort(),
    async [Symbol.asyncDispose]() {
      await cloud[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

async function newServer(member: TestClient, imageRef?: string): Promise<string> {
  const { images } = await member.get('/image/v2/images');
  const asked = { name: 'one', imageRef: imageRef ?? images[0].id, flavorRef: '42', networks: 'none' };
  return `/compute/v2.1/servers/${(await member.post('/compute/v2.1/servers', { server: asked }, 202)).server.id}`;
}

/** The bytes are written by the real disk, in its own time. */
async function stored(cloud: TestCloud, member: TestClient, id: string) {
  for (;;) {
    await cloud.settle();
    const image = await member.get(`/image/v2/images/${id}`);
    if (image.status !== 'queued' && image.status !== 'saving') return image;
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

test('an image is made of a server in each state, and a server of the image', async () => {
  await using at = await open();
  const { cloud, member, machine } = at;
  const path = await newServer(member);
  await cloud.settle();
  const act = (body: object, status = 202) => member.post(`${path}/action`, body, status);
  for (const [name, before] of [
    ['active', null],
    ['paused', { pause: null }],
    ['stopped', { 'os-stop': null }],
  ] as const) {
    if (before) await act(before);
    await cloud.settle();
    const { image_id: id } = await act({ createImage: { name, metadata: { purpose: 'test', distro: 'own' } } });
    const image = await stored(cloud, member, id);
    deepEqual(
      [image.status, image.visibility, image.image_type, image.instance_uuid, image.purpose, image.distro],
      ['active', 'private', 'snapshot', path.split('/').at(-1), 'test', 'own'],
    );
    ok(image.size > 0 && image.os_hash_value.length === 128 && image.checksum.length === 32);
    await cloud.settle();
    equal((await member.get(path)).server['OS-EXT-STS:task_state'], null);
    const [last] = (await member.get(`${path}/os-instance-actions`)).instanceActions;
    deepEqual([last.action, last.message], ['createImage', null]);
    if (name === 'active') {
      const made = await newServer(member, id);
      await cloud.settle();
      equal((await member.get(made)).server.status, 'ACTIVE');
    } else if (name === 'paused') {
      await act({ unpause: null });
      await cloud.settle();
    }
  }
  for (const { copies } of machine.guests.values()) equal(copies.size, 0, 'hosts keep no copy');
});

test('older versions answer with a location; what is asked amiss is refused', async () => {
  await using at = await open();
  const { cloud, member } = at;
  const path = await newServer(member);
  await cloud.settle();
  const old = member.with({ 'openstack-api-version': 'compute 2.44' });
  const raw = JSON.stringify({ createImage: { name: 'old' } });
  const headers = { 'content-type': 'application/json' };
  const answer = await old.request('POST', `${path}/action`, { raw, headers });
  equal(answer.status, 202);
  equal(answer.bytes.length, 0);
  match(String(answer.headers['location']), /\/image\/v2\/images\/[0-9a-f-]{36}$/);
  await stored(cloud, member, String(answer.headers['location']).split('/').at(-1)!);
  for (const bad of [{ name: '' }, {}, { name: 'a', metadata: { '': 'x' } }, { name: 'x'.repeat(256) }])
    await member.post(`${path}/action`, { createImage: bad }, 400);
  const many = Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`k${index}`, 'v']));
  await member.post(`${path}/action`, { createImage: { name: 'a', metadata: many } }, 403);
  await cloud
    .as('other')
    .with(newest)
    .post(`${path}/action`, { createImage: { name: 'a' } }, 404);
});

test('a copy that fails leaves neither image nor task, and says why', async () => {
  await using at = await open();
  const { cloud, member, machine } = at;
  const path = await newServer(member);
  await cloud.settle();
  machine.faults.next('fail', 'hypervisor.copyDisk', 100);
  const before = at.files();
  const { image_id: id } = await member.post(`${path}/action`, { createImage: { name: 'a' } }, 202);
  await cloud.settle();
  await cloud.advance(600_000);
  await cloud.settle();
  await member.get(`/image/v2/images/${id}`, 404);
  equal((await member.get(path)).server['OS-EXT-STS:task_state'], null);
  const [last] = (await member.get(`${path}/os-instance-actions`)).instanceActions;
  ok(last.message);
  deepEqual(at.files(), before);
});

test('deleting the server, or the image, while the copy is made leaves nothing behind', async () => {
  await using at = await open();
  const { cloud, member, machine } = at;
  const before = at.files();
  for (const what of ['server', 'image']) {
    const path = await newServer(member);
    await cloud.settle();
    machine.faults.next('hang', 'hypervisor.copyDisk');
    const { image_id: id } = await member.post(`${path}/action`, { createImage: { name: 'a' } }, 202);
    await cloud.advance(1_000);
    equal((await member.get(path)).server['OS-EXT-STS:task_state'], 'image_pending_upload');
    equal((await member.get(`/image/v2/images/${id}`)).status, 'queued');
    const busy = await member.post(`${path}/action`, { createImage: { name: 'second' } }, 409);
    match(JSON.stringify(busy), /task_state image_pending_upload/);
    await member.delete(what === 'server' ? path : `/image/v2/images/${id}`);
    await cloud.settle();
    await cloud.advance(120_000);
    await cloud.settle();
    await member.get(`/image/v2/images/${id}`, 404);
    if (what === 'server') await member.get(path, 404);
    else equal((await member.get(path)).server['OS-EXT-STS:task_state'], null);
    deepEqual(at.files(), before);
  }
});

test('a server that boots from a volume becomes an image that names snapshots, and servers start from those', async () => {
  await using at = await open();
  const { cloud, member } = at;
  const { images } = await member.get('/image/v2/images');
  const root = { uuid: images[0].id, source_type: 'image', destination_type: 'volume', volume_size: 1, boot_index: 0 };
  const asked = { name: 'one', flavorRef: '42', networks: 'none', block_device_mapping_v2: [root] };
  const { server } = await member.post('/compute/v2.1/servers', { server: asked }, 202);
  await cloud.settle();
  const path = `/compute/v2.1/servers/${server.id}`;
  equal((await member.get(path)).server.status, 'ACTIVE');
  const { image_id: id } = await member.post(`${path}/action`, { createImage: { name: 'whole' } }, 202);
  const image = await member.get(`/image/v2/images/${id}`);
  deepEqual([image.status, image.size, image.root_device_name, image.bdm_v2], ['active', 0, '/dev/vda', 'True']);
  await member.get(`/image/v2/images/${id}/file`, 204);
  const [device] = JSON.parse(image.block_device_mapping);
  deepEqual([device.source_type, device.boot_index, device.volume_size], ['snapshot', 0, 1]);
  await cloud.settle();
  const { snapshot } = await member.get(`/volume/v3/{project}/snapshots/${device.snapshot_id}`);
  deepEqual([snapshot.status, snapshot.name], ['available', 'snapshot for whole']);

  const two = { name: 'two', flavorRef: '42', networks: 'none', imageRef: id };
  const made = await member.post('/compute/v2.1/servers', { server: two }, 202);
  await cloud.settle();
  const second = (await member.get(`/compute/v2.1/servers/${made.server.id}`)).server;
  equal(second.status, 'ACTIVE', JSON.stringify(second.fault));
  const [attached] = second['os-extended-volumes:volumes_attached'];
  const { volume } = await member.get(`/volume/v3/{project}/volumes/${attached.id}`);
  deepEqual([volume.snapshot_id, volume.status], [device.snapshot_id, 'in-use']);

  // Users write properties, too: what says nothing that can be is refused.
  const patch = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
  const other = [{ source_type: 'image', destination_type: 'local', uuid: images[0].id, boot_index: 0 }];
  for (const text of ['{', '[]', '[{}]', JSON.stringify(other), JSON.stringify([{ ...device, snapshot_id: 'none' }])]) {
    const raw = JSON.stringify([{ op: 'replace', path: '/block_device_mapping', value: text }]);
    equal((await member.request('PATCH', `/image/v2/images/${id}`, { raw, headers: patch })).status, 200);
    await member.post('/compute/v2.1/servers', { server: two }, 400);
  }
});
