// What services may ask of a token besides whether it is good: without the catalog, after its end, with access rules.

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

const tokens = '/identity/v3/auth/tokens';

test('without the catalog', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const headers = { 'x-subject-token': member.token };
  const identity = { methods: ['token'], token: { id: member.token } };
  const scope = { project: { id: member.projectId } };
  // Named is enough, as in Keystone: whatever its value.
  for (const [query, has] of [
    ['', true],
    ['?nocatalog', false],
    ['?nocatalog=1', false],
    ['?nocatalog=false', false],
  ] as const) {
    const said = await admin.request('GET', `${tokens}${query}`, { headers });
    equal('catalog' in said.body.token, has, query);
    const made = await cloud.anonymous().request('POST', `${tokens}${query}`, { body: { auth: { identity, scope } } });
    equal('catalog' in made.body.token, has, query);
  }
});

test('after its end, where that is asked for', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const headers = { 'x-subject-token': cloud.as('member').token };
  const ask = async (method: string, query: string): Promise<number> => {
    const user = { name: 'admin', password: 'admin-password', domain: { id: 'default' } };
    const body = {
      auth: {
        identity: { methods: ['password'], password: { user } },
        scope: { project: { name: 'admin', domain: { id: 'default' } } },
      },
    };
    const made = await cloud.anonymous().request('POST', tokens, { body });
    const by = cloud.anonymous().with({ 'x-auth-token': made.headers['x-subject-token']! });
    return (await by.request(method, `${tokens}${query}`, { headers })).status;
  };
  await cloud.advance(3_600_000);
  for (const method of ['GET', 'HEAD']) {
    for (const query of ['', '?allow_expired=0', '?allow_expired=false', '?allow_expired'])
      equal(await ask(method, query), 404);
    for (const query of ['?allow_expired=1', '?allow_expired=True', '?allow_expired=yes'])
      equal(await ask(method, query), 200);
  }
});

test('a token with access rules is told only to who keeps them', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const rules = [{ service: 'compute', method: 'GET', path: '/v2.1/servers' }];
  const path = `/identity/v3/users/${member.userId}/application_credentials`;
  const { application_credential: made } = await member.post(path, {
    application_credential: { name: 'confined', access_rules: rules },
  });
  const identity = {
    methods: ['application_credential'],
    application_credential: { id: made.id, secret: made.secret },
  };
  const login = await cloud.anonymous().request('POST', tokens, { body: { auth: { identity } } });
  const subject = { 'x-subject-token': login.headers['x-subject-token']! };
  for (const method of ['GET', 'HEAD'])
    for (const [version, status] of [
      [undefined, 404],
      ['', 404],
      ['0.9', 404],
      ['odd', 404],
      ['1.0', 200],
      ['1.1', 200],
    ] as const) {
      const headers = { ...subject, ...(version === undefined ? {} : { 'openstack-identity-access-rules': version }) };
      equal((await admin.request(method, tokens, { headers })).status, status, `${method} ${version}`);
    }
});

test('whatever can be got can be asked for without its body', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const { endpoints } = cloud.cloud.services.find(({ name }) => name === 'identity')!;
  const admin = cloud.as('admin');
  let count = 0;
  for (const { method, path } of endpoints) {
    if (method !== 'GET' || path.includes('{') || path === '/v3/auth/tokens') continue;
    const [got, head] = [
      await admin.request('GET', `/identity${path}`),
      await admin.request('HEAD', `/identity${path}`),
    ];
    equal(head.status, got.status, path);
    equal(head.bytes.length, 0, path);
    equal(head.headers['content-type'], got.headers['content-type'], path);
    count++;
  }
  ok(count > 20, `${count}`);
});
