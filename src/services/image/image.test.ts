import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { imageForUse, keepForUse, releaseUse } from '#/services/image/contract.ts';
import { type TestClient, testCloud } from '../../../test/test-cloud.ts';

const octets = { 'content-type': 'application/octet-stream' };

async function newImage(client: TestClient, more: object = {}) {
  return client.post('/image/v2/images', { name: 'a', disk_format: 'raw', container_format: 'bare', ...more }, 201);
}

async function upload(client: TestClient, id: string, raw: Buffer, status = 204) {
  const answer = await client.request('PUT', `/image/v2/images/${id}/file`, { raw, headers: octets });
  equal(answer.status, status, answer.bytes.toString());
}

async function patch(client: TestClient, id: string, changes: object[], status = 200) {
  const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
  const answer = await client.request('PATCH', `/image/v2/images/${id}`, { raw: JSON.stringify(changes), headers });
  equal(answer.status, status, answer.bytes.toString());
  return answer.body;
}

function scratch(): { directory: string; [Symbol.dispose](): void } {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-image-test-'));
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}

test('an image is registered, uploaded, downloaded and deleted', async () => {
  using at = scratch();
  await using cloud = await testCloud({ hosts: 0, seed: 7, directory: at.directory });
  const member = cloud.as('member');
  const image = await newImage(member, { tags: ['b', 'a'], distro: 'x', min_disk: 1 });
  equal(image.status, 'queued');
  equal(image.visibility, 'shared');
  equal(image.distro, 'x');
  deepEqual(image.tags, ['a', 'b']);
  equal((await member.request('GET', `/image/v2/images/${image.id}/file`)).status, 204);
  const bytes = Buffer.alloc(300_000, 'data');
  await upload(member, image.id, bytes);
  await upload(member, image.id, bytes, 409);
  const shown = await member.get(`/image/v2/images/${image.id}`);
  equal(shown.status, 'active');
  equal(shown.size, bytes.length);
  equal(shown.checksum, createHash('md5').update(bytes).digest('hex'));
  equal(shown.os_hash_value, createHash('sha512').update(bytes).digest('hex'));
  const whole = await member.request('GET', `/image/v2/images/${image.id}/file`);
  equal(whole.status, 200);
  ok(whole.bytes.equals(bytes));
  equal(whole.headers['content-md5'], shown.checksum);
  const part = await member.request('GET', `/image/v2/images/${image.id}/file`, { headers: { range: 'bytes=10-19' } });
  equal(part.status, 206);
  equal(part.headers['content-range'], `bytes 10-19/${bytes.length}`);
  equal(part.bytes.length, 10);
  const beyond = { headers: { range: 'bytes=999999-' } };
  equal((await member.request('GET', `/image/v2/images/${image.id}/file`, beyond)).status, 416);
  ok(existsSync(join(at.directory, 'images', image.id)));
  await member.delete(`/image/v2/images/${image.id}`, 204);
  await cloud.settle();
  deepEqual(readdirSync(join(at.directory, 'images')), []);
  await member.get(`/image/v2/images/${image.id}`, 404);
});

test('bytes that are not what they say, or that are hostile, are refused and leave nothing', async () => {
  using at = scratch();
  await using cloud = await testCloud({ hosts: 0, seed: 7, directory: at.directory });
  const member = cloud.as('member');
  const backed = Buffer.alloc(70_000);
  backed.write('QFI\xfb', 'latin1');
  backed.writeUInt32BE(3, 4);
  backed.writeBigUInt64BE(512n, 8);
  for (const [disk_format, bytes] of [
    ['raw', backed],
    ['qcow2', backed],
    ['qcow2', Buffer.alloc(1000)],
    ['vmdk', Buffer.from('# Disk DescriptorFile\nRW 2048 FLAT "/etc/passwd" 0\n')],
  ] as const) {
    const image = await newImage(member, { disk_format });
    await upload(member, image.id, bytes, 415);
    equal((await member.get(`/image/v2/images/${image.id}`)).status, 'queued');
  }
  deepEqual(readdirSync(join(at.directory, 'images')), []);
  const odd = await newImage(member, { disk_format: 'vmdk' });
  await upload(member, odd.id, Buffer.alloc(100, 'x'));
  const caller = { projectId: odd.owner, isAdmin: false } as never;
  await cloud.db.read(async tx => {
    const thrown = await imageForUse(tx, caller, odd.id).catch((error: { kind: string }) => error.kind);
    equal(thrown, 'invalid', 'stored, but nothing opens it');
  });
});

test('half an upload makes the image queued again', async () => {
  using at = scratch();
  await using cloud = await testCloud({ hosts: 0, seed: 7, directory: at.directory });
  const member = cloud.as('member');
  const image = await newImage(member);
  const url = new URL(`${cloud.url}/image/v2/images/${image.id}/file`);
  await new Promise<void>(resolve => {
    const half = request(url, {
      method: 'PUT',
      headers: { ...octets, 'x-auth-token': member.token, 'content-length': 1_000_000 },
    });
    half.on('error', () => resolve());
    half.write(Buffer.alloc(400_000), () => setTimeout(() => half.destroy(), 50));
  });
  for (let tries = 0; tries < 100; tries++) {
    if ((await member.get(`/image/v2/images/${image.id}`)).status === 'queued') break;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  equal((await member.get(`/image/v2/images/${image.id}`)).status, 'queued');
  deepEqual(readdirSync(join(at.directory, 'images')), []);
  await upload(member, image.id, Buffer.alloc(10));
});

test('an image of a server stays on disk until the server lets go of it', async () => {
  using at = scratch();
  await using cloud = await testCloud({ hosts: 0, seed: 7, directory: at.directory });
  const member = cloud.as('member');
  const image = await newImage(member);
  await upload(member, image.id, Buffer.alloc(10));
  await cloud.db.write(tx => keepForUse(tx, image.id, 'server/1'));
  await member.delete(`/image/v2/images/${image.id}`, 204);
  await cloud.settle();
  await member.get(`/image/v2/images/${image.id}`, 404);
  ok(existsSync(join(at.directory, 'images', image.id)));
  await cloud.db.write(tx => releaseUse(tx, image.id, 'server/1'));
  await cloud.settle();
  deepEqual(readdirSync(join(at.directory, 'images')), []);
});

test('a patch sets, replaces and removes; what is not the user’s to say is refused', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 7 });
  const member = cloud.as('member');
  const { id } = await newImage(member, { colour: 'red' });
  const changed = await patch(member, id, [
    { op: 'replace', path: '/name', value: 'b' },
    { op: 'add', path: '/a~1b', value: 'c' },
    { op: 'remove', path: '/colour' },
  ]);
  equal(changed.name, 'b');
  equal(changed['a/b'], 'c');
  equal(changed.colour, undefined);
  await patch(member, id, [{ op: 'replace', path: '/status', value: 'active' }], 403);
  await patch(member, id, [{ op: 'add', path: '/os_glance_x', value: '1' }], 403);
  await patch(member, id, [{ op: 'replace', path: '/visibility', value: 'public' }], 403);
  await patch(member, id, [{ op: 'replace', path: '/owner', value: 'x' }], 403);
  await patch(member, id, [{ op: 'replace', path: '/nothing', value: 'x' }], 409);
  await patch(member, id, [{ op: 'replace', path: '/name', value: 3 }], 400);
  await patch(member, id, [{ op: 'move', path: '/name', value: 'x' }], 400);
  const wrong = await member.request('PATCH', `/image/v2/images/${id}`, { body: [] });
  equal(wrong.status, 415);
  await patch(member, id, [{ op: 'replace', path: '/protected', value: true }]);
  await member.delete(`/image/v2/images/${id}`, 403);
  await member.post('/image/v2/images', { name: 'x', os_glance_foo: 'y' }, 403);
  await member.post('/image/v2/images', { disk_format: 'xx' }, 400);
  await member.post('/image/v2/images', { name: 'x', visibility: 'public' }, 403);
});

test('a shared image is listed once its member accepted it; others see nothing', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 7 });
  const member = cloud.as('member');
  const other = cloud.as('other');
  const { id } = await newImage(member);
  await other.get(`/image/v2/images/${id}`, 404);
  const path = `/image/v2/images/${id}/members`;
  const shared = await member.post(path, { member: other.projectId }, 200);
  equal(shared.status, 'pending');
  await member.post(path, { member: other.projectId }, 409);
  await other.get(`/image/v2/images/${id}`);
  deepEqual((await other.get('/image/v2/images')).images, []);
  equal((await other.get('/image/v2/images?member_status=pending&visibility=shared')).images.length, 1);
  await member.put(`${path}/${other.projectId}`, { status: 'accepted' }, 403);
  await other.put(`${path}/${other.projectId}`, { status: 'nonsense' }, 400);
  await other.put(`${path}/${other.projectId}`, { status: 'accepted' }, 200);
  equal((await other.get('/image/v2/images')).images.length, 1);
  await other.delete(`/image/v2/images/${id}`, 403);
  await member.delete(`${path}/${other.projectId}`, 204);
  await other.get(`/image/v2/images/${id}`, 404);
});

test('lists filter, sort and page', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 7 });
  const member = cloud.as('member');
  const names = ['c', 'a', 'b'];
  for (const name of names) await newImage(member, { name, tags: [name], [`key_${name}`]: 'v' });
  const listed = async (query: string) =>
    (await member.get(`/image/v2/images?${query}`)).images.map((image: { name: string }) => image.name);
  deepEqual(await listed('sort=name:asc'), ['a', 'b', 'c']);
  deepEqual(await listed('sort_key=name&sort_dir=desc'), ['c', 'b', 'a']);
  deepEqual(await listed('name=in:a,"c"&sort=name:asc'), ['a', 'c']);
  deepEqual(await listed('tag=b'), ['b']);
  deepEqual(await listed('key_a=v'), ['a']);
  deepEqual(await listed('status=active'), []);
  deepEqual(await listed('created_at=gt:2999-01-01T00:00:00Z'), []);
  equal((await listed('created_at=lt:2999-01-01T00:00:00Z')).length, 3);
  const first = await member.get('/image/v2/images?limit=2&sort=name:asc');
  equal(first.first, '/v2/images?limit=2&sort=name%3Aasc');
  const second = await member.get(`/image${first.next}`);
  deepEqual(
    second.images.map((image: { name: string }) => image.name),
    ['c'],
  );
  equal(second.next, undefined);
  for (const bad of ['limit=x', 'size_min=x', 'visibility=x', 'sort=x', 'marker=x', 'created_at=x', 'os_hidden=x'])
    await member.get(`/image/v2/images?${bad}`, 400);
});

test('deactivated images are not for download; staged data is imported', async () => {
  using at = scratch();
  await using cloud = await testCloud({ hosts: 0, seed: 7, directory: at.directory });
  const member = cloud.as('member');
  const { id } = await newImage(member);
  const staged = await member.request('PUT', `/image/v2/images/${id}/stage`, { raw: Buffer.alloc(9), headers: octets });
  equal(staged.status, 204);
  equal((await member.get(`/image/v2/images/${id}`)).status, 'uploading');
  await member.post(`/image/v2/images/${id}/import`, { method: { name: 'glance-direct' } }, 202);
  await cloud.settle();
  equal((await member.get(`/image/v2/images/${id}`)).status, 'active');
  equal((await member.get(`/image/v2/images/${id}/tasks`)).tasks[0].status, 'success');
  await member.post(`/image/v2/images/${id}/actions/deactivate`, undefined, 204);
  equal((await member.request('GET', `/image/v2/images/${id}/file`)).status, 403);
  await member.post(`/image/v2/images/${id}/actions/reactivate`, undefined, 204);
  equal((await member.request('GET', `/image/v2/images/${id}/file`)).status, 200);
  const page = await member.request('GET', '/image/v2/images/none', { headers: { accept: '*/*' } });
  match(page.bytes.toString(), /404 Not Found/);
});
