// Whether a user may, and why; and what each may call.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from '#/platform/access/caller.ts';
import { ownTarget } from './own-target.ts';
import { testCloud } from '../../test/test-cloud.ts';

test('why a user may or may not', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const ask = (body: Record<string, unknown>, status = 200) => admin.post('/haneul/policy/explain', body, status);
  const may = await ask({ user: 'test-member', action: 'POST /volume/v3/x/volumes' });
  deepEqual([may.allowed, may.project_id, may.roles], [true, cloud.as('member').projectId, ['member', 'reader']]);
  const not = await ask({ user: cloud.as('reader').userId, action: may.rule });
  equal(not.allowed, false);
  match(not.sentence, /role:member/);
  const other = await ask({ user: 'test-member', action: may.rule, target: { project_id: 'another' } });
  equal(other.allowed, false);
  equal((await ask({ user: 'admin', action: 'identity:list_users', system: true })).allowed, true);
  equal((await ask({ user: 'admin', action: 'no:such:rule' })).allowed, false);
  await ask({ user: 'nobody', action: may.rule }, 404);
  await ask({ user: 'test-other', action: may.rule, project: 'demo' }, 403);
  await cloud.as('member').post('/haneul/policy/explain', { user: 'admin', action: 'x' }, 403);
});

test('everybody is told what they may call', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const rules = async (user: 'admin' | 'member' | 'reader'): Promise<Set<string>> =>
    new Set((await cloud.as(user).get('/haneul/capabilities')).calls.map((call: { rule: string }) => call.rule));
  const [admin, member, reader] = [await rules('admin'), await rules('member'), await rules('reader')];
  ok(admin.has('identity:create_user') && !member.has('identity:create_user'));
  ok(member.has('volume:create') && !reader.has('volume:create'));
  for (const rule of reader) ok(member.has(rule), rule);
});

test('the description of a service holds what the caller may call, and nothing else', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const described = async (user: 'admin' | 'member' | 'reader', service: string): Promise<Set<string>> => {
    const { openapi, paths } = await cloud.as(user).get(`/haneul/openapi/${service}`);
    equal(openapi, '3.1.0');
    const methods = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item as object)
        .filter(name => name !== 'parameters')
        .map(method => `${method.toUpperCase()} /${service}${path}`),
    );
    return new Set(methods);
  };
  for (const user of ['admin', 'member', 'reader'] as const)
    for (const service of ['identity', 'volume', 'compute']) {
      const { calls } = await cloud.as(user).get('/haneul/capabilities');
      const own = calls.filter((call: { service: string }) => call.service === service);
      const may = new Set(own.map(({ method, path }: { method: string; path: string }) => `${method} ${path}`));
      deepEqual(await described(user, service), may);
    }
  ok((await described('admin', 'identity')).has('POST /identity/v3/users'));
  ok(!(await described('member', 'identity')).has('POST /identity/v3/users'));
  await cloud.as('member').get('/haneul/openapi/nothing', 404);
  await cloud.anonymous().get('/haneul/openapi/identity', 401);
});

test('whatever rules ask about has an answer for what is one’s own', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const names = new Set<string>();
  for (const { endpoints, rules = {} } of cloud.cloud.services)
    for (const check of [...endpoints.map(({ allow = '' }) => allow), ...Object.values(rules)])
      for (const [, name] of check.matchAll(/%\(([^)]+)\)s/g)) names.add(name!);
  ok(names.size > 20);
  const caller = { userId: 'u', projectId: 'p', domainId: 'd', credentials: {} } as Caller;
  const own = ownTarget(caller);
  const known = (name: string): boolean =>
    Object.hasOwn(own, name) ||
    name.split('.').reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], own) !==
      undefined;
  deepEqual([...names].filter(name => !known(name)).sort(), []);
});

test('what is listed may be called, and what is not is refused', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const calls = cloud.cloud.services.flatMap(({ name, endpoints }) =>
    endpoints.map(each => ({ ...each, path: `/${name}${each.path}` })),
  );
  for (const user of ['admin', 'manager', 'member', 'reader', 'other'] as const) {
    const client = cloud.as(user);
    const listed = new Set(
      (await client.get('/haneul/capabilities')).calls.map(
        ({ method, path, action }: { method: string; path: string; action?: string }) => `${method} ${path} ${action}`,
      ),
    );
    equal(
      [...listed].every(call => calls.some(each => `${each.method} ${each.path} ${each.action}` === call)),
      true,
    );
    // Calls about nothing in particular say at once whether they are allowed.
    for (const { method, path, action, find, policy, stream } of calls) {
      if (find || stream || policy === 'public' || /\{(?!project_id)/.test(path)) continue;
      const url = path.replace('{project_id}', client.projectId || 'x');
      const raw = ['GET', 'DELETE', 'HEAD'].includes(method)
        ? undefined
        : JSON.stringify(action ? { [action]: 1 } : { nothing: 1 });
      const { status } = await client.request(method, url, {
        raw,
        headers: { 'content-type': 'application/json', 'x-dry-run': 'true' },
      });
      const is = listed.has(`${method} ${path} ${action}`);
      // A rule may be judged again with what a body names.
      if (!is) ok(status === 403 || status === 404, `${user}: ${method} ${path} is not listed, but ${status}`);
      else if (status === 403) ok(method !== 'GET', `${user}: ${method} ${path} is listed, but 403`);
    }
  }
});

test('a token with access rules is told of what they cover', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const member = cloud.as('member');
  const rules = [
    { service: 'compute', method: 'GET', path: '/v2.1/servers/*' },
    { service: 'haneul', method: 'GET', path: '/capabilities' },
  ];
  const path = `/identity/v3/users/${member.userId}/application_credentials`;
  const { application_credential: made } = await member.post(path, {
    application_credential: { name: 'confined', access_rules: rules },
  });
  const application_credential = { id: made.id, secret: made.secret };
  const auth = { identity: { methods: ['application_credential'], application_credential } };
  const login = await cloud.anonymous().request('POST', '/identity/v3/auth/tokens', { body: { auth } });
  const { calls } = await cloud
    .anonymous()
    .with({ 'x-auth-token': login.headers['x-subject-token']! })
    .get('/haneul/capabilities');
  const own = calls.filter(({ rule }: { rule: string }) => rule !== 'public');
  const names = own.map((call: { method: string; path: string }) => `${call.method} ${call.path}`);
  ok(names.includes('GET /compute/v2.1/servers/{server_id}') || names.includes('GET /compute/v2.1/servers/{id}'));
  ok(names.includes('GET /haneul/capabilities'));
  ok(
    names.every((name: string) => /^GET \/(compute\/v2\.1\/servers\/|haneul\/capabilities)/.test(name)),
    names.join(),
  );
});
