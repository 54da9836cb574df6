// No secret that a user sends or is given is written where others read: no log line at debug level, no event, no operation;
// and what is only compared (passwords, secrets, tokens) stands nowhere in the database. Failures are part of the story.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { type TestClient, type TestCloud, testCloud } from '../test-cloud.ts';

const lines: string[] = [];
let cloud: TestCloud;
before(async () => {
  cloud = await testCloud({ hosts: 1, seed: 31, logLevel: 'debug', logTo: line => void lines.push(line) });
  await story();
});
after(() => cloud[Symbol.asyncDispose]());

const sent = {
  password: 'Planted-Password-1',
  newPassword: 'Planted-Password-2',
  wrongPassword: 'Planted-Password-3',
  adminPass: 'Planted-AdminPass-4',
  userData: Buffer.from('#cloud-config planted user data 5').toString('base64'),
  personality: Buffer.from('planted personality 6').toString('base64'),
  blob: 'Planted-Blob-7',
  secret: 'Planted-Secret-8',
};

/** Secrets that the cloud made. */
const given: Record<string, string> = {};
let userId = '';

type Answer = Awaited<ReturnType<TestClient['request']>>;

async function login(password: string, status: number): Promise<Answer> {
  const answer = await cloud.anonymous().request('POST', '/identity/v3/auth/tokens', {
    body: { auth: { identity: { methods: ['password'], password: { user: { id: userId, password } } } } },
  });
  equal(answer.status, status);
  return answer;
}

async function story(): Promise<void> {
  const admin = cloud.as('admin');
  const member = cloud.as('member');
  given['memberToken'] = member.token;
  given['adminToken'] = admin.token;

  const { user } = await admin.post('/identity/v3/users', { user: { name: 'planted', password: sent.password } });
  userId = user.id;
  given['userToken'] = (await login(sent.password, 201)).headers['x-subject-token']!;
  await login(sent.wrongPassword, 401);
  await admin.request('POST', '/identity/v3/users', { body: { user: { name: 'planted', password: sent.password } } });
  await admin.request('POST', '/identity/v3/users', { raw: `{"user": {"password": "${sent.password}", oops` });
  await admin.request('POST', '/identity/v3/users', { body: { user: { name: 7, password: sent.password } } });
  const change = { user: { password: sent.newPassword, original_password: sent.password } };
  await cloud
    .anonymous()
    .with({ 'x-auth-token': given['userToken'] })
    .post(`/identity/v3/users/${userId}/password`, change, 204);
  const wrong = { user: { password: sent.newPassword, original_password: sent.wrongPassword } };
  await cloud.anonymous().request('POST', `/identity/v3/users/${userId}/password`, { body: wrong });
  await admin.patch(`/identity/v3/users/${userId}`, { user: { password: sent.password } });

  const own = `/identity/v3/users/${member.userId}`;
  const { application_credential: made } = await member.post(`${own}/application_credentials`, {
    application_credential: { name: 'one' },
  });
  given['applicationSecret'] = made.secret;
  await member.post(`${own}/application_credentials`, { application_credential: { name: 'two', secret: sent.secret } });
  const byCredential = (secret: string): Promise<Answer> =>
    cloud.anonymous().request('POST', '/identity/v3/auth/tokens', {
      body: {
        auth: {
          identity: { methods: ['application_credential'], application_credential: { id: made.id, secret } },
        },
      },
    });
  given['applicationToken'] = (await byCredential(made.secret)).headers['x-subject-token']!;
  equal((await byCredential(sent.secret)).status, 401);
  const credential = { type: 'cert', blob: sent.blob, user_id: member.userId };
  await member.post('/identity/v3/credentials', { credential });
  const ec2 = await member.post(`${own}/credentials/OS-EC2`, { tenant_id: member.projectId });
  given['ec2Secret'] = ec2.credential.secret;
  await admin.request('GET', '/identity/v3/auth/tokens', { headers: { 'x-subject-token': given['memberToken'] } });
  await admin.request('GET', `/identity/v3/auth/tokens?token=${given['memberToken']}`);
  await cloud.anonymous().request('GET', `/identity/v3/users?x-auth-token=${given['memberToken']}`);

  const { keypair } = await member.post('/compute/v2.1/os-keypairs', { keypair: { name: 'k' } }, 200);
  given['privateKey'] = keypair.private_key.split('\n')[1];
  const image = await member.post('/image/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare' });
  const headers = { 'content-type': 'application/octet-stream' };
  await member.request('PUT', `/image/v2/images/${image.id}/file`, { raw: Buffer.alloc(512, 1), headers });
  const ask = {
    name: 's',
    imageRef: image.id,
    flavorRef: '1',
    key_name: 'k',
    user_data: sent.userData,
    adminPass: sent.adminPass,
    personality: [{ path: '/x', contents: sent.personality }],
  };
  const { server } = await member.post('/compute/v2.1/servers', { server: ask }, 202);
  await cloud.settle();
  await member.request('POST', '/compute/v2.1/servers', { body: { server: { ...ask, flavorRef: 'none' } } });
  await member.request('POST', '/compute/v2.1/servers', { body: { server: { ...ask, surprise: 1 } } });
  const rebuild = { rebuild: { imageRef: image.id, adminPass: sent.adminPass } };
  await member.request('POST', `/compute/v2.1/servers/${server.id}/action`, { body: rebuild });
  await cloud.settle();
  const plain = await member.request('POST', '/compute/v2.1/servers', {
    body: { server: { name: 't', imageRef: image.id, flavorRef: '1' } },
  });
  given['madeAdminPass'] = plain.body.server?.adminPass;
  await cloud.settle();
  const consoles = member.with({ 'openstack-api-version': 'compute 2.6' });
  const opened = await consoles.request('POST', `/compute/v2.1/servers/${server.id}/remote-consoles`, {
    body: { remote_console: { protocol: 'vnc', type: 'novnc' } },
  });
  const token = /token(?:%3D|=)([\w-]+)/.exec(JSON.stringify(opened.body))?.[1];
  if (token) {
    given['consoleToken'] = token;
    await cloud.anonymous().request('GET', `/vnc_lite.html?path=%3Ftoken%3D${token}`);
    await cloud.anonymous().request('GET', `/?token=${token}`);
  }
  const { volume } = await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
  await cloud.settle();
  const transfer = await member.request('POST', '/volume/v3/{project}/os-volume-transfer', {
    body: { transfer: { volume_id: volume.id } },
  });
  given['transferKey'] = transfer.body.transfer?.auth_key;
  await member.delete(`/compute/v2.1/servers/${server.id}`);
  await cloud.settle();
}

function secrets(): [string, string][] {
  return [...Object.entries(sent), ...Object.entries(given)].filter(([, value]) => value);
}

/** The names of the secrets that a text shows, as they are or in base64. */
function shown(text: string, among = secrets()): string[] {
  return among
    .filter(
      ([, value]) => text.includes(value) || text.includes(Buffer.from(value).toString('base64').replace(/=+$/, '')),
    )
    .map(([name]) => name);
}

test('the story was told, and written about', () => {
  ok(
    secrets().length >= 14,
    secrets()
      .map(([name]) => name)
      .join(),
  );
  ok(lines.length > 50);
  deepEqual(
    Object.entries(given).filter(([, value]) => !value),
    [],
  );
});

test('no log line shows a secret', () => {
  const leaks = lines.flatMap(line => shown(line).map(name => `${name}: ${line.slice(0, 300)}`));
  deepEqual(leaks, []);
});

test('no event and no operation holds a secret', async () => {
  const leaks = (await rowsOf(['events', 'operations'])).flatMap(({ table, text }) =>
    shown(text).map(name => `${table} holds ${name}: ${text.slice(0, 200)}`),
  );
  deepEqual(leaks, []);
});

test('what is only compared stands nowhere in the database', async () => {
  const compared = ['password', 'newPassword', 'wrongPassword', 'secret', 'applicationSecret', 'privateKey'];
  const tokens = ['memberToken', 'adminToken', 'userToken', 'applicationToken', 'blob', 'ec2Secret'];
  const among = secrets().filter(([name]) => [...compared, ...tokens].includes(name));
  const leaks = (await rowsOf()).flatMap(({ table, text }) => shown(text, among).map(name => `${table} holds ${name}`));
  deepEqual([...new Set(leaks)], []);
});

async function rowsOf(only?: string[]): Promise<{ table: string; text: string }[]> {
  return cloud.db.read(async tx => {
    const { rows } = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(tx);
    const found: { table: string; text: string }[] = [];
    for (const { name } of rows) {
      if (only && !only.includes(name)) continue;
      const all = await sql<Record<string, unknown>>`select * from ${sql.table(name)}`.execute(tx);
      for (const row of all.rows) {
        const values = Object.values(row).map(value =>
          value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
        );
        found.push({ table: name, text: JSON.stringify(values) });
      }
    }
    return found;
  });
}
