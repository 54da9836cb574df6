// Delegation: application credentials, their access rules, trusts, and the secrets that they must not reach.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { coversCall } from '#/services/identity/application-credentials/access-rule.rules.ts';
import { type TestClient, type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const v3 = '/identity/v3';
// biome-ignore lint: bodies are asserted where they are read
type Json = any;

async function logIn(cloud: TestCloud, auth: unknown): Promise<{ status: number; client: TestClient; token: Json }> {
  const { status, headers, body } = await cloud.anonymous().request('POST', `${v3}/auth/tokens`, { body: { auth } });
  return {
    status,
    token: body.token,
    client: cloud.anonymous().with({ 'x-auth-token': headers['x-subject-token'] ?? '' }),
  };
}

function byCredential(credential: { id: string; secret: string }, scope?: unknown) {
  const { id, secret } = credential;
  return {
    identity: { methods: ['application_credential'], application_credential: { id, secret } },
    ...(scope ? { scope } : {}),
  };
}

test('an application credential logs in with some of the roles, and ends with them', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const path = `${v3}/users/${member.userId}/application_credentials`;
  const made = (await member.post(path, { application_credential: { name: 'a', roles: [{ name: 'reader' }] } }))
    .application_credential;
  equal(made.project_id, member.projectId);
  equal((await member.get(`${path}/${made.id}`)).application_credential.secret, undefined);
  const { status, client, token } = await logIn(cloud, byCredential(made));
  equal(status, 201);
  deepEqual(
    token.roles.map((role: { name: string }) => role.name),
    ['reader'],
  );
  equal(token.application_credential.restricted, true);
  await client.get(`${v3}/auth/projects`);
  await client.post(path, { application_credential: { name: 'b' } }, 403);
  await client.delete(`${path}/${made.id}`, 403);
  equal((await logIn(cloud, byCredential({ ...made, secret: 'wrong' }))).status, 401);
  equal((await logIn(cloud, byCredential(made, { project: { id: admin.projectId } }))).status, 401);
  equal((await logIn(cloud, byCredential(made, { system: { all: true } }))).status, 401);
  await member.post(path, { application_credential: { name: 'a' } }, 409);
  await member.post(path, { application_credential: { name: 'c', roles: [{ name: 'admin' }] } }, 400);
  await member.post(path, { application_credential: { name: 'd', expires_at: '2001-01-01T00:00:00' } }, 400);
  const { roles } = await admin.get(`${v3}/roles?name=member`);
  await admin.delete(`${v3}/projects/${member.projectId}/users/${member.userId}/roles/${roles[0].id}`);
  await client.get(`${v3}/auth/projects`, 401);
  equal((await logIn(cloud, byCredential(made))).status, 401);
});

test('an application credential ends at its time, and its tokens with it', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const member = cloud.as('member');
  const path = `${v3}/users/${member.userId}/application_credentials`;
  const expires_at = new Date(cloud.clock.now() + 60_000).toISOString();
  const made = (await member.post(path, { application_credential: { name: 'a', expires_at } })).application_credential;
  const { client } = await logIn(cloud, byCredential(made));
  await client.get(`${v3}/auth/projects`);
  await cloud.advance(61_000);
  await client.get(`${v3}/auth/projects`, 401);
  equal((await logIn(cloud, byCredential(made))).status, 401);
});

test('access rules confine the calls', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const member = cloud.as('member');
  const path = `${v3}/users/${member.userId}/application_credentials`;
  const access_rules = [{ service: 'identity', method: 'GET', path: '/v3/auth/*' }];
  const made = (await member.post(path, { application_credential: { name: 'a', access_rules } }))
    .application_credential;
  const { client } = await logIn(cloud, byCredential(made));
  await client.get(`${v3}/auth/projects`);
  await client.get(`${v3}/regions`, 401);
  const rules = `${v3}/users/${member.userId}/access_rules`;
  const { access_rules: listed } = await member.get(rules);
  equal(listed.length, 1);
  await member.delete(`${rules}/${listed[0].id}`, 403);
  await member.delete(`${path}/${made.id}`);
  await member.delete(`${rules}/${listed[0].id}`);
});

test('which calls a rule covers', () => {
  const rule = (path: string) => [{ service: 'compute', method: 'GET', path }];
  const call = (path: string) => ({ services: ['compute'], method: 'GET', path });
  for (const [pattern, path, covered] of [
    ['/v2.1/servers', '/v2.1/servers', true],
    ['/v2.1/servers', '/v2.1/servers/1', false],
    ['/v2.1/servers/*', '/v2.1/servers/1', true],
    ['/v2.1/servers/*', '/v2.1/servers/', false],
    ['/v2.1/servers/{server_id}/ips', '/v2.1/servers/1/ips', true],
    ['/v2.1/**', '/v2.1/servers/1/ips', true],
    ['/**/ips', '/v2.1/servers/1/ips', true],
    ['/**/ips', '/v2.1/servers/1/other', false],
  ] as const)
    equal(coversCall(rule(pattern), call(path)), covered, `${pattern} ${path}`);
  equal(coversCall(rule('/**'), { ...call('/x'), method: 'POST' }), false);
  equal(coversCall(rule('/**'), { ...call('/x'), services: ['image'] }), false);
});

test('a trust lets another act, as far as it goes', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [member, other] = [cloud.as('member'), cloud.as('other')];
  await member.post(`${v3}/credentials`, { credential: { type: 'cert', blob: 'the secret', user_id: member.userId } });
  const ask = {
    trustor_user_id: member.userId,
    trustee_user_id: other.userId,
    project_id: member.projectId,
    roles: [{ name: 'member' }],
  };
  const { trust } = await member.post(`${v3}/OS-TRUST/trusts`, {
    trust: { ...ask, impersonation: true, remaining_uses: 2 },
  });
  const auth = {
    identity: { methods: ['token'], token: { id: other.token } },
    scope: { 'OS-TRUST:trust': { id: trust.id } },
  };
  const { status, token, client } = await logIn(cloud, auth);
  equal(status, 201);
  deepEqual([token.user.id, token.project.id], [member.userId, member.projectId]);
  deepEqual((await client.get(`${v3}/credentials`)).credentials, []);
  await client.post(`${v3}/OS-TRUST/trusts`, { trust: { ...ask, impersonation: false } }, 403);
  const header = client.with({});
  equal(
    (
      await logIn(cloud, {
        identity: { methods: ['token'], token: { id: await tokenOf(cloud, auth) } },
        scope: 'unscoped',
      })
    ).status,
    403,
  );
  equal((await logIn(cloud, auth)).status, 401);
  await header.get(`${v3}/auth/projects`);
  await other.post(`${v3}/OS-TRUST/trusts`, { trust: { ...ask, impersonation: true } }, 403);
  await cloud.as('reader').get(`${v3}/OS-TRUST/trusts`, 403);
  await member.delete(`${v3}/OS-TRUST/trusts/${trust.id}`, 404);
  await header.get(`${v3}/auth/projects`);
});

async function tokenOf(cloud: TestCloud, auth: unknown): Promise<string> {
  return (await cloud.anonymous().request('POST', `${v3}/auth/tokens`, { body: { auth } })).headers['x-subject-token']!;
}

test('a deleted trust takes its tokens with it', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [member, other] = [cloud.as('member'), cloud.as('other')];
  const ask = {
    trustor_user_id: member.userId,
    trustee_user_id: other.userId,
    project_id: member.projectId,
    roles: [{ name: 'reader' }],
    impersonation: false,
  };
  const { trust } = await member.post(`${v3}/OS-TRUST/trusts`, { trust: ask });
  const { client, token } = await logIn(cloud, {
    identity: { methods: ['token'], token: { id: other.token } },
    scope: { 'OS-TRUST:trust': { id: trust.id } },
  });
  equal(token.user.id, other.userId);
  await client.get(`${v3}/auth/projects`);
  equal((await member.get(`${v3}/OS-TRUST/trusts?trustor_user_id=${member.userId}`)).trusts.length, 1);
  await member.delete(`${v3}/OS-TRUST/trusts/${trust.id}`);
  await client.get(`${v3}/auth/projects`, 401);
});

test('credentials are encrypted at rest, and their owner’s alone', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const member = cloud.as('member');
  const { credential } = await member.post(`${v3}/credentials`, { credential: { type: 'cert', blob: 'the secret' } });
  equal((await member.get(`${v3}/credentials/${credential.id}`)).credential.blob, 'the secret');
  await cloud.as('other').get(`${v3}/credentials/${credential.id}`, 404);
  const rows = await cloud.db.read(tx =>
    tx.withTables<{ credentials: { blob: string } }>().selectFrom('credentials').select('blob').execute(),
  );
  ok(rows.every(({ blob }) => !blob.includes('secret')));
  const ec2 = `${v3}/users/${member.userId}/credentials/OS-EC2`;
  const { credential: key } = await member.post(ec2, { tenant_id: member.projectId });
  equal((await member.get(`${ec2}/${key.access}`)).credential.secret, key.secret);
  await member.post(ec2, { tenant_id: cloud.as('other').projectId }, 404);
  await cloud.as('other').get(`${ec2}/${key.access}`, 404);
  await member.delete(`${ec2}/${key.access}`);
});
