// Keystone to Keystone: two clouds, each with its own database and keys; a user of the one works on the other without
// having an account there. The signature is a real one.

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type TestClient, type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const v3 = '/identity/v3';
const idpPath = `${v3}/OS-FEDERATION/identity_providers/cloud-a`;
const rules = [
  {
    local: [
      {
        user: { name: '{0}@{1}' },
        projects: [{ name: '{2}', roles: [{ name: 'member' }] }],
        group: { name: 'guests', domain: { id: 'default' } },
      },
    ],
    remote: [
      { type: 'openstack_user' },
      { type: 'openstack_user_domain' },
      { type: 'openstack_project' },
      { type: 'openstack_roles', any_one_of: ['member', 'admin'] },
    ],
  },
];

/** Cloud B believes in A's users. */
async function introduce(a: TestCloud, b: TestCloud): Promise<string> {
  const admin = b.as('admin');
  const metadata = (await a.anonymous().request('GET', `${v3}/OS-FEDERATION/saml2/metadata`)).body as string;
  const entityId = /entityID="([^"]+)"/.exec(metadata)![1]!;
  const certificate = /<ds:X509Certificate>([^<]+)</.exec(metadata)![1]!;
  const pem = `-----BEGIN CERTIFICATE-----\n${certificate.match(/.{1,64}/g)!.join('\n')}\n-----END CERTIFICATE-----\n`;
  await admin.put(idpPath, { identity_provider: { enabled: true, remote_ids: [entityId] } }, 201);
  await admin.put(`${v3}/OS-FEDERATION/mappings/from-a`, { mapping: { rules } }, 201);
  await admin.put(`${idpPath}/protocols/saml2`, { protocol: { mapping_id: 'from-a' } }, 201);
  await admin.put(
    `${idpPath}/protocols/saml2/connection`,
    { connection: { kind: 'saml2', entity_id: entityId, certificates: [pem] } },
    200,
  );
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'guests', domain_id: 'default' } }, 201);
  await a.as('admin').put(
    `${v3}/OS-FEDERATION/service_providers/cloud-b`,
    {
      service_provider: {
        enabled: true,
        auth_url: `${b.url}${idpPath}/protocols/saml2/auth`,
        sp_url: `${b.url}${idpPath}/protocols/saml2/acs`,
      },
    },
    201,
  );
  return group.id;
}

async function ecp(a: TestCloud, user: TestClient): Promise<string> {
  const answer = await a.anonymous().request('POST', `${v3}/auth/OS-FEDERATION/saml2/ecp`, {
    body: {
      auth: {
        identity: { methods: ['token'], token: { id: user.token } },
        scope: { service_provider: { id: 'cloud-b' } },
      },
    },
  });
  equal(answer.status, 200, String(answer.body));
  return answer.body;
}

/** As keystoneauth does: bring the assertion, keep the cookie, ask for a token. */
async function bring(b: TestCloud, envelope: string) {
  const taken = await b.anonymous().request('POST', `${idpPath}/protocols/saml2/acs`, {
    raw: envelope,
    headers: { 'content-type': 'application/vnd.paos+xml' },
  });
  if (taken.status !== 303) return taken;
  const cookie = String(taken.headers['set-cookie']).split(';')[0]!;
  return b.anonymous().request('GET', `${idpPath}/protocols/saml2/auth`, { headers: { cookie } });
}

test('a user of one cloud works on another', async () => {
  await using a = await testCloud({ hosts: 0, seed: 1 });
  await using b = await testCloud({ hosts: 0, seed: 2 });
  const groupId = await introduce(a, b);

  const { body: own } = await a.as('member').request('GET', `${v3}/auth/tokens`, {
    headers: { 'x-subject-token': a.as('member').token },
  });
  deepEqual(
    own.token.service_providers.map(({ id }: { id: string }) => id),
    ['cloud-b'],
  );

  const envelope = await ecp(a, a.as('member'));
  match(envelope, /<ds:SignatureValue>/);
  const answer = await bring(b, envelope);
  equal(answer.status, 201, JSON.stringify(answer.body));
  const { token } = answer.body;
  deepEqual(token.methods, ['saml2']);
  equal(token.user.name, 'test-member@Default');
  notEqual(token.user.domain.id, 'default');
  deepEqual(token.user['OS-FEDERATION'], {
    identity_provider: { id: 'cloud-a' },
    protocol: { id: 'saml2' },
    groups: [{ id: groupId }],
  });

  const unscoped = answer.headers['x-subject-token']!;
  const asGuest = b.anonymous().with({ 'x-auth-token': unscoped });
  const { projects } = await asGuest.get(`${v3}/OS-FEDERATION/projects`);
  deepEqual(
    projects.map(({ name }: { name: string }) => name),
    ['demo'],
    'the project was made for it',
  );
  const scoped = await b.anonymous().request('POST', `${v3}/auth/tokens`, {
    body: {
      auth: {
        identity: { methods: ['saml2'], saml2: { id: unscoped } },
        scope: { project: { id: projects[0].id } },
      },
    },
  });
  equal(scoped.status, 201, JSON.stringify(scoped.body));
  deepEqual(
    scoped.body.token.roles.map(({ name }: { name: string }) => name),
    ['member', 'reader'],
  );
  equal(scoped.body.token.user['OS-FEDERATION'].identity_provider.id, 'cloud-a');
  const worker = b.anonymous().with({ 'x-auth-token': scoped.headers['x-subject-token']! });
  await worker.get(`/network/v2.0/networks`);

  const admin = b.as('admin');
  const { user } = await admin.get(`${v3}/users/${token.user.id}`);
  deepEqual(user.federated, [
    { idp_id: 'cloud-a', protocols: [{ protocol_id: 'saml2', unique_id: 'test-member@Default' }] },
  ]);
  const { users } = await admin.get(`${v3}/users?idp_id=cloud-a`);
  deepEqual(
    users.map(({ id }: { id: string }) => id),
    [user.id],
  );
  const { groups } = await admin.get(`${v3}/users/${user.id}/groups`);
  equal(groups[0].id, groupId);
  ok(groups[0].membership_expires_at);

  const again = await bring(b, await ecp(a, a.as('member')));
  equal(again.body.token.user.id, user.id, 'the same person is the same user');

  // What is no longer trusted ends at once.
  await admin.patch(idpPath, { identity_provider: { enabled: false } });
  equal((await worker.request('GET', '/network/v2.0/networks')).status, 401);
  equal((await bring(b, envelope)).status, 403);
});

test('only what the other cloud signed, for this cloud, now and once, is believed', async () => {
  await using a = await testCloud({ hosts: 0, seed: 3 });
  await using b = await testCloud({ hosts: 0, seed: 4 });
  await using stranger = await testCloud({ hosts: 0, seed: 5 });
  await introduce(a, b);
  const good = await ecp(a, a.as('member'));

  const hostile: Record<string, string> = {
    'a changed name': good.replace('>test-member<', '>admin<'),
    'a changed role': good.replace('>reader<', '>admin<'),
    'a comment in a name': good.replace('>test-member<', '>test<!-- -->-member<').replace('test-member', 'admin'),
    'no signature': good.replace(/<ds:Signature[\s\S]*<\/ds:Signature>/, ''),
    'a second assertion before the signed one': good.replace(
      '<saml:Assertion',
      `${/<saml:Assertion[\s\S]*<\/saml:Assertion>/
        .exec(good)![0]
        .replace(/<ds:Signature[\s\S]*<\/ds:Signature>/, '')
        .replaceAll('test-member', 'admin')
        .replace(/ID="_\w+"/, 'ID="_evil"')}<saml:Assertion`,
    ),
    'a signed assertion inside a forged one': good.replace(/<saml:Assertion[\s\S]*<\/saml:Assertion>/, found =>
      found
        .replace(/<ds:Signature[\s\S]*<\/ds:Signature>/, '')
        .replaceAll('test-member', 'admin')
        .replace(/ID="_\w+"/, 'ID="_evil"')
        .replace('</saml:Issuer>', `</saml:Issuer>${found}`),
    ),
    'a document type': `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${good}`,
    'no XML': 'SAMLResponse=',
    nothing: '',
  };
  for (const [title, envelope] of Object.entries(hostile)) {
    notEqual(envelope, good, title);
    const answer = await bring(b, envelope);
    ok(answer.status === 401 || answer.status === 400, `${title}: ${answer.status}`);
  }

  await stranger.as('admin').put(
    `${v3}/OS-FEDERATION/service_providers/cloud-b`,
    {
      service_provider: {
        enabled: true,
        auth_url: `${b.url}${idpPath}/protocols/saml2/auth`,
        sp_url: `${b.url}${idpPath}/protocols/saml2/acs`,
      },
    },
    201,
  );
  equal((await bring(b, await ecp(stranger, stranger.as('member')))).status, 401, 'signed by somebody else');

  await a
    .as('admin')
    .patch(`${v3}/OS-FEDERATION/service_providers/cloud-b`, { service_provider: { sp_url: 'http://other.test/acs' } });
  equal((await bring(b, await ecp(a, a.as('member')))).status, 401, 'meant for another cloud');

  equal((await bring(b, good)).status, 201);
  equal((await bring(b, good)).status, 401, 'used before');

  await a.as('admin').patch(`${v3}/OS-FEDERATION/service_providers/cloud-b`, {
    service_provider: { sp_url: `${b.url}${idpPath}/protocols/saml2/acs` },
  });
  const late = await ecp(a, a.as('member'));
  await b.advance(2 * 3_600_000);
  equal((await bring(b, late)).status, 401, 'too old');
});

test('an assertion takes a token of a project, and a provider that is there and enabled', async () => {
  await using a = await testCloud({ hosts: 0, seed: 6 });
  const admin = a.as('admin');
  const path = `${v3}/OS-FEDERATION/service_providers/b`;
  const ask = (token: string, id = 'b') =>
    a.anonymous().request('POST', `${v3}/auth/OS-FEDERATION/saml2`, {
      body: { auth: { identity: { methods: ['token'], token: { id: token } }, scope: { service_provider: { id } } } },
    });
  const urls = { auth_url: 'http://b.test/auth', sp_url: 'http://b.test/acs' };
  await admin.put(path, { service_provider: urls }, 201);
  equal((await ask(admin.token)).status, 403, 'disabled');
  await admin.patch(path, { service_provider: { enabled: true } });
  const made = await ask(admin.token);
  equal(made.status, 200);
  equal(made.headers['x-sp-url'], urls.sp_url);
  equal(made.headers['x-auth-url'], urls.auth_url);
  match(made.headers['content-type']!, /xml/);
  equal((await ask(admin.token, 'nobody')).status, 404);
  equal((await ask('forged')).status, 401);
  const unscoped = await a.anonymous().request('POST', `${v3}/auth/tokens`, {
    body: { auth: { identity: { methods: ['token'], token: { id: admin.token } }, scope: 'unscoped' } },
  });
  equal((await ask(unscoped.headers['x-subject-token']!)).status, 403);
});
