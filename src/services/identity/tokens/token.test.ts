// Tokens: what they say, how long they hold, and that they end at once with what they stand on.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type TestClient, type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const tokens = '/identity/v3/auth/tokens';
const inDefault = { id: 'default' };

/** Logs in; the whole answer. */
function logIn(cloud: TestCloud, name: string, password: string, scope?: unknown) {
  const user = { name, password, domain: inDefault };
  const body = {
    auth: { identity: { methods: ['password'], password: { user } }, ...(scope === undefined ? {} : { scope }) },
  };
  return cloud.anonymous().request('POST', tokens, { body });
}

function exchange(cloud: TestCloud, token: string, scope?: unknown) {
  const body = {
    auth: { identity: { methods: ['token'], token: { id: token } }, ...(scope === undefined ? {} : { scope }) },
  };
  return cloud.anonymous().request('POST', tokens, { body });
}

async function validate(by: TestClient, token: string): Promise<number> {
  return (await by.request('GET', tokens, { headers: { 'x-subject-token': token } })).status;
}

test('a login gives a token of an hour, scoped, with roles and catalog', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const { status, headers, body } = await logIn(cloud, 'demo', 'admin-password', {
    project: { name: 'demo', domain: { name: 'Default' } },
  });
  equal(status, 201);
  equal(headers['vary'], 'X-Auth-Token');
  ok(headers['x-subject-token']!.length < 300);
  const { token } = body;
  equal(Date.parse(token.expires_at) - Date.parse(token.issued_at), 3_600_000);
  deepEqual(
    token.roles.map((role: { name: string }) => role.name),
    ['member', 'reader'],
  );
  deepEqual(token.methods, ['password']);
  equal(token.project.name, 'demo');
  ok(token.catalog.some((entry: { type: string }) => entry.type === 'identity'));
  equal(await validate(cloud.as('admin'), headers['x-subject-token']!), 200);
  equal(await validate(cloud.as('member'), headers['x-subject-token']!), 403);
  await cloud.advance(3_600_000);
  const later = await cloud
    .anonymous()
    .request('GET', '/identity/v3/auth/projects', { headers: { 'x-auth-token': headers['x-subject-token']! } });
  equal(later.status, 401);
});

test('unscoped, domain and system scope; the default project', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  equal((await logIn(cloud, 'admin', 'admin-password')).body.token.project, undefined);
  deepEqual((await logIn(cloud, 'admin', 'admin-password', { system: { all: true } })).body.token.system, {
    all: true,
  });
  equal((await logIn(cloud, 'admin', 'admin-password', { domain: inDefault })).status, 401);
  const { roles } = await admin.get('/identity/v3/roles?name=admin');
  await admin.put(`/identity/v3/domains/default/users/${admin.userId}/roles/${roles[0].id}`, undefined, 204);
  equal((await logIn(cloud, 'admin', 'admin-password', { domain: inDefault })).body.token.domain.name, 'Default');
  await admin.patch(`/identity/v3/users/${admin.userId}`, { user: { default_project_id: admin.projectId } });
  equal((await logIn(cloud, 'admin', 'admin-password')).body.token.project.name, 'admin');
  equal((await logIn(cloud, 'admin', 'admin-password', 'unscoped')).body.token.project, undefined);
});

test('wrong logins are refused alike', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const wrong = await logIn(cloud, 'demo', 'nonsense');
  const unknown = await logIn(cloud, 'nobody', 'nonsense');
  equal(wrong.status, 401);
  deepEqual([unknown.status, unknown.body], [wrong.status, wrong.body]);
  equal((await logIn(cloud, 'demo', '')).status, 401);
  equal((await logIn(cloud, 'demo', 'admin-password', { project: { id: cloud.as('other').projectId } })).status, 401);
  equal((await cloud.anonymous().request('POST', tokens, { body: { auth: {} } })).status, 400);
  const oddMethod = { auth: { identity: { methods: ['magic'] } } };
  equal((await cloud.anonymous().request('POST', tokens, { body: oddMethod })).status, 401);
});

test('S-05 an exchanged token lives no longer, keeps its chain, and dies with the first of it', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const first = await logIn(cloud, 'demo', 'admin-password');
  const chain = [first];
  for (let at = 0; at < 3; at++) {
    await cloud.advance(60_000);
    chain.push(
      await exchange(cloud, chain.at(-1)!.headers['x-subject-token']!, {
        project: { name: 'demo', domain: inDefault },
      }),
    );
  }
  for (const { status, body } of chain.slice(1)) {
    equal(status, 201);
    equal(body.token.expires_at, first.body.token.expires_at);
    equal(body.token.audit_ids[1], first.body.token.audit_ids[0]);
    deepEqual(body.token.methods, ['password', 'token']);
  }
  const admin = cloud.as('admin');
  const last = chain.at(-1)!.headers['x-subject-token']!;
  equal(await validate(admin, last), 200);
  const own = first.headers['x-subject-token']!;
  equal((await admin.request('DELETE', tokens, { headers: { 'x-subject-token': own } })).status, 204);
  for (const { headers } of chain) equal(await validate(admin, headers['x-subject-token']!), 404);
});

test('a token ends at once with what it stands on', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const me = '/identity/v3/auth/projects';
  const { project } = await admin.post('/identity/v3/projects', { project: { name: 'p', domain_id: 'default' } });
  const { roles } = await admin.get('/identity/v3/roles?name=member');
  const { user } = await admin.post('/identity/v3/users', {
    user: { name: 'u', password: 'first-password', domain_id: 'default' },
  });
  const grant = `/identity/v3/projects/${project.id}/users/${user.id}/roles/${roles[0].id}`;
  let password = 'first-password';

  const cases: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    ['role', () => admin.delete(grant), () => admin.put(grant, undefined, 204)],
    [
      'disabled user',
      () => admin.patch(`/identity/v3/users/${user.id}`, { user: { enabled: false } }),
      () => admin.patch(`/identity/v3/users/${user.id}`, { user: { enabled: true } }),
    ],
    [
      'disabled project',
      () => admin.patch(`/identity/v3/projects/${project.id}`, { project: { enabled: false } }),
      () => admin.patch(`/identity/v3/projects/${project.id}`, { project: { enabled: true } }),
    ],
    [
      'own password',
      async () => {
        const change = { user: { original_password: password, password: (password = 'second-password') } };
        await cloud.anonymous().post(`/identity/v3/users/${user.id}/password`, change, 204);
      },
      async () => undefined,
    ],
    [
      'password by the administrator',
      () => admin.patch(`/identity/v3/users/${user.id}`, { user: { password: (password = 'third-password') } }),
      async () => undefined,
    ],
  ];
  await admin.put(grant, undefined, 204);
  for (const [name, end, restore] of cases) {
    const { status, headers } = await logIn(cloud, 'u', password, { project: { id: project.id } });
    equal(status, 201, name);
    const asUser = { headers: { 'x-auth-token': headers['x-subject-token']! } };
    equal((await cloud.anonymous().request('GET', me, asUser)).status, 200, name);
    await end();
    equal((await cloud.anonymous().request('GET', me, asUser)).status, 401, name);
    await restore();
  }
  const wrong = { user: { original_password: 'nonsense', password: 'x' } };
  await cloud.anonymous().post(`/identity/v3/users/${user.id}/password`, wrong, 401);
});

test('garbage is no token', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  for (const token of ['x', 'gAAAAABn', 'é', 'a'.repeat(5_000), `${cloud.as('member').token.slice(0, -2)}AA`]) {
    const headers = { 'x-auth-token': encodeURIComponent(token) };
    equal(
      (await cloud.anonymous().request('GET', '/identity/v3/auth/projects', { headers })).status,
      401,
      token.slice(0, 20),
    );
  }
  equal((await cloud.as('admin').request('GET', tokens, { headers: { 'x-subject-token': 'x' } })).status, 404);
  equal((await cloud.as('admin').request('GET', tokens)).status, 404);
});

test('S-07 odd passwords are refused quickly, and every character counts', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  equal((await logIn(cloud, 'demo', 'x'.repeat(2 << 20))).status, 413);
  for (const password of [7, null, ['admin-password'], {}]) {
    const answer = await logIn(cloud, 'demo', password as string);
    equal(answer.status, 400, JSON.stringify(password));
  }
  const secret = 'abcdefghij'.repeat(10);
  const { user } = await cloud
    .as('admin')
    .post('/identity/v3/users', { user: { name: 'long', password: secret, domain_id: 'default' } });
  equal((await logIn(cloud, user.name, secret)).status, 201);
  equal((await logIn(cloud, user.name, `${secret.slice(0, 90)}X${secret.slice(91)}`)).status, 401);
});

test('S-02 forged identity headers change nothing', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const forged = {
    'x-roles': 'admin',
    'x-user-id': cloud.as('admin').userId,
    'x-is-admin-project': 'True',
    x_roles: 'admin',
  };
  equal((await cloud.anonymous().with(forged).request('GET', '/identity/v3/users')).status, 401);
  equal((await cloud.as('member').with(forged).request('GET', '/identity/v3/users')).status, 403);
});

test('a dry run leaves no trace', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin').with({ 'x-dry-run': 'true' });
  await admin.post('/identity/v3/projects', { project: { name: 'never', domain_id: 'default' } }, 201);
  deepEqual((await cloud.as('admin').get('/identity/v3/projects?name=never')).projects, []);
  const subject = { headers: { 'x-subject-token': cloud.as('member').token } };
  equal((await admin.request('DELETE', tokens, subject)).status, 204);
  equal(await validate(cloud.as('admin'), cloud.as('member').token), 200);
});

test('errors speak the language that is asked for', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const body = {
    auth: {
      identity: { methods: ['password'], password: { user: { name: 'demo', password: 'x', domain: inDefault } } },
    },
  };
  const answer = await cloud.anonymous().request('POST', tokens, { body, headers: { 'accept-language': 'ko' } });
  deepEqual(answer.body.error, { code: 401, message: '인증이 필요한 요청입니다.', title: 'Unauthorized' });
  equal(answer.headers['content-language'], 'ko');
  equal(answer.headers['vary'], 'X-Auth-Token, Accept-Language');
});
