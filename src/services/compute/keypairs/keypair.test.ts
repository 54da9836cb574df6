import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { makeKey, readPublicKey } from '#/services/compute/keypairs/ssh-key.ts';
import { seededRandom } from '../../../../test/seeded-random.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const path = '/compute/v2.1/os-keypairs';

test('a key that was made reads back, and its private part names the same key', () => {
  const { publicKey, privateKey, fingerprint } = makeKey(seededRandom(3), 'me');
  deepEqual(readPublicKey(publicKey), { publicKey, fingerprint });
  match(fingerprint, /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
  const file = Buffer.from(privateKey.split('\n').slice(1, -2).join(''), 'base64');
  equal(file.toString('latin1', 0, 15), 'openssh-key-v1\0');
  ok(file.includes(Buffer.from(publicKey.split(' ')[1]!, 'base64')));
});

test('what is no public key is refused', () => {
  const { publicKey } = makeKey(seededRandom(3), 'me');
  const [type, data] = publicKey.split(' ') as [string, string];
  for (const text of [
    '',
    'ssh-rsa',
    `ssh-rsa ${data}`,
    `${type} ${data.slice(4)}`,
    `${type} !!!!`,
    `${publicKey}\n${publicKey}`,
    'ssh-rsa JUNK',
  ])
    equal(readPublicKey(text), null, text);
});

test('keypairs of a user: made, imported, listed, shown, deleted', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const member = cloud.as('member');
  const newer = member.with({ 'openstack-api-version': 'compute 2.10' });
  const { keypair } = await member.post(path, { keypair: { name: 'made' } }, 200);
  match(keypair.private_key, /BEGIN OPENSSH PRIVATE KEY/);
  await newer.post(path, { keypair: { name: 'imported', type: 'ssh', public_key: keypair.public_key } }, 201);
  await newer.post(path, { keypair: { name: 'imported', public_key: keypair.public_key } }, 409);
  await newer.post(path, { keypair: { name: 'bad', public_key: 'ssh-rsa JUNK' } }, 400);
  await newer.post(path, { keypair: { name: 'bad/name' } }, 400);
  const { keypairs } = await newer.get(path);
  deepEqual(
    keypairs.map((one: { keypair: { name: string } }) => one.keypair.name),
    ['imported', 'made'],
  );
  equal((await newer.get(`${path}/imported`)).keypair.fingerprint, keypair.fingerprint);
  await cloud.as('other').get(`${path}/imported`, 404);
  const admin = cloud.as('admin').with({ 'openstack-api-version': 'compute 2.10' });
  equal((await admin.get(`${path}?user_id=${member.userId}`)).keypairs.length, 2);
  await newer.get(`${path}?user_id=${admin.userId}`, 403);
  await newer.delete(`${path}/imported`, 204);
  await member.delete(`${path}/made`, 202);
  await member.with({ 'openstack-api-version': 'compute 2.92' }).post(path, { keypair: { name: 'none' } }, 400);
});
