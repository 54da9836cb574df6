// Who somebody is comes from a valid token and from nothing else: for every declared call.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { loadConfig } from '#/platform/config/config.ts';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';
import { type TestCloud, testCloud } from '../test-cloud.ts';

let cloud: TestCloud;
let expired: string;
let revoked: string;
before(async () => {
  cloud = await testCloud({ hosts: 0, seed: 13 });
  expired = await login('member', 'demo');
  revoked = await login('member', 'demo');
  const gone = await cloud.as('admin').request('DELETE', '/identity/v3/auth/tokens', {
    headers: { 'x-subject-token': revoked },
  });
  equal(gone.status, 204);
});
after(() => cloud[Symbol.asyncDispose]());

async function login(user: string, project: string): Promise<string> {
  const domain = { id: 'default' };
  const answer = await cloud.anonymous().request('POST', '/identity/v3/auth/tokens', {
    body: {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: `test-${user}`, password: `${user}-password`, domain } },
        },
        scope: { project: { name: project, domain } },
      },
    },
  });
  equal(answer.status, 201);
  return answer.headers['x-subject-token']!;
}

interface Call {
  service: Service;
  endpoint: Endpoint;
  path: string;
}

function calls(): Call[] {
  return cloud.cloud.services.flatMap(service =>
    service.endpoints
      .filter(({ policy }) => policy !== 'public')
      .map(endpoint => ({
        service,
        endpoint,
        path: `/${service.name}${endpoint.path.replaceAll(/\{\w+\*?\}/g, 'x')}`,
      })),
  );
}

/** Every call with these headers; those that were not answered by 401. */
async function answered(headers: Record<string, string>): Promise<string[]> {
  const wrong: string[] = [];
  for (const { endpoint, path } of calls()) {
    const raw = ['GET', 'HEAD', 'DELETE'].includes(endpoint.method) ? undefined : `{"${endpoint.action ?? 'x'}":1}`;
    const more: Record<string, string> = raw ? { 'content-type': 'application/json' } : {};
    const answer = await cloud.anonymous().request(endpoint.method, path, { raw, headers: { ...more, ...headers } });
    if (answer.status !== 401) wrong.push(`${endpoint.method} ${path}: ${answer.status}`);
    else if (!answer.headers['www-authenticate']) wrong.push(`${endpoint.method} ${path}: no WWW-Authenticate`);
  }
  return wrong;
}

const flipped = (token: string, at: number): string =>
  token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);

test('S-01 no token, or one that is empty, garbage or a forgery', async () => {
  const { token } = cloud.as('admin');
  const tokens = {
    '': undefined,
    garbage: 'garbage',
    long: 'g'.repeat(4_000),
    'not base64': 'gAAAAA%%%%',
    'a bit in the middle': flipped(token, Math.floor(token.length / 2)),
    'a bit at the front': flipped(token, 12),
    'cut off': token.slice(0, -8),
    'two in one': `${token}${token}`,
    revoked,
  };
  for (const [what, value] of Object.entries(tokens))
    deepEqual(await answered(value === undefined ? {} : { 'x-auth-token': value }), [], what);
});

test('S-02 identity in headers of the kind that a proxy sets is nobody', async () => {
  const { projectId, userId } = cloud.as('admin');
  const forged = {
    'x-identity-status': 'Confirmed',
    'x-roles': 'admin,member,reader,service',
    'x-role': 'admin',
    'x-user-id': userId,
    'x-user': 'admin',
    'x-user-name': 'admin',
    'x-project-id': projectId,
    'x-tenant-id': projectId,
    'x-project-name': 'admin',
    'x-user-domain-id': 'default',
    'x-is-admin-project': 'True',
    'x-service-token': cloud.as('admin').token,
    'x-service-roles': 'service',
    openstack_system_scope: 'all',
    'openstack-system-scope': 'all',
    x_roles: 'admin',
    x_user_id: userId,
    x_project_id: projectId,
    'x-forwarded-user': 'admin',
    remote_user: 'admin',
    authorization: 'Basic YWRtaW46YWRtaW4=',
  };
  deepEqual(await answered(forged), []);

  // Beside a true token they add nothing.
  const reader = cloud.as('reader');
  const raised = reader.with(forged);
  for (const { endpoint, path } of calls()) {
    if (endpoint.writes || endpoint.stream) continue;
    const [plain, forgedToo] = [await reader.request('GET', path), await raised.request('GET', path)];
    equal(forgedToo.status, plain.status, path);
  }
  const made = await raised.request('POST', '/identity/v3/projects', { body: { project: { name: 'forged' } } });
  equal(made.status, 403);
  const mine = await raised.get('/identity/v3/auth/projects');
  ok(mine.projects.every(({ id }: { id: string }) => id === reader.projectId));
});

test('links name this cloud, whatever host a request names', async () => {
  const elsewhere: Record<string, string>[] = [
    { host: 'elsewhere.test' },
    { 'x-forwarded-host': 'elsewhere.test', 'x-forwarded-proto': 'https', 'x-forwarded-prefix': '/elsewhere.test' },
    { forwarded: 'host=elsewhere.test;proto=https' },
  ];
  for (const headers of elsewhere)
    for (const { name, endpoints } of cloud.cloud.services)
      for (const { method, path, policy } of endpoints) {
        if (method !== 'GET' || path.includes('{') || policy === 'public') continue;
        const answer = await cloud.as('admin').request('GET', `/${name}${path}`, { headers });
        ok(!answer.bytes.toString().includes('elsewhere.test'), `GET /${name}${path}`);
      }
});

test('a token in a cookie or in the URL is no token', async () => {
  const { token } = cloud.as('admin');
  const path = '/identity/v3/auth/projects';
  for (const [url, headers] of [
    [`${path}?token=${token}&x-auth-token=${token}`, {}],
    [path, { cookie: `token=${token}; x-auth-token=${token}` }],
    [path, { x_auth_token: token }],
  ] as const)
    equal((await cloud.anonymous().request('GET', url, { headers })).status, 401);
});

test('S-01 an expired token', async () => {
  await cloud.anonymous().with({ 'x-auth-token': expired }).get('/identity/v3/auth/projects');
  await cloud.advance(loadConfig({ overrides: {} }).tokenLifetimeSeconds * 1_000 + 1);
  deepEqual(await answered({ 'x-auth-token': expired }), []);
});
