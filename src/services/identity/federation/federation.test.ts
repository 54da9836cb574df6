// Federation's resources, and SAML logins of browsers and clients that do not come from another cloud.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { signedResponse } from '#/services/identity/federation/saml/assertion.ts';
import { signingKey } from '#/services/identity/federation/saml/signing-key.ts';
import { createVault } from '#/services/identity/credentials/credential.store.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const v3 = '/identity/v3';
const base = `${v3}/OS-FEDERATION`;
const rules = [{ local: [{ user: { name: '{0}' } }], remote: [{ type: 'uid' }] }];

test('identity providers, mappings, protocols and service providers', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const made = await admin.put(
    `${base}/identity_providers/acme`,
    { identity_provider: { remote_ids: ['https://acme.test/idp'], description: 'ACME', authorization_ttl: 60 } },
    201,
  );
  const idp = made.identity_provider;
  equal(idp.enabled, false);
  equal(idp.authorization_ttl, 60);
  match(idp.links.protocols, /identity_providers\/acme\/protocols$/);
  equal((await admin.get(`${v3}/domains/${idp.domain_id}`)).domain.enabled, true);
  const put = (path: string, body: object) => admin.request('PUT', `${base}/${path}`, { body });
  equal((await put('identity_providers/acme', { identity_provider: {} })).status, 409);
  equal((await put('identity_providers/b', { identity_provider: { remote_ids: idp.remote_ids } })).status, 409);
  equal((await put('identity_providers/b', { identity_provider: { remote_ids: ['x', 'x'] } })).status, 409);
  equal((await put('identity_providers/b', { identity_provider: { domain_id: 'none' } })).status, 404);
  equal((await put('identity_providers/b', { identity_provider: { unknown: 1 } })).status, 400);
  await admin.put(`${base}/identity_providers/b`, { identity_provider: { domain_id: 'default' } }, 201);
  equal((await admin.get(`${base}/identity_providers?enabled=false`)).identity_providers.length, 2);
  equal((await admin.get(`${base}/identity_providers?id=b`)).identity_providers[0].domain_id, 'default');
  const change = { identity_provider: { domain_id: 'default' } };
  equal((await admin.request('PATCH', `${base}/identity_providers/acme`, { body: change })).status, 400);
  const patched = await admin.patch(`${base}/identity_providers/acme`, {
    identity_provider: { enabled: true, remote_ids: ['y'] },
  });
  deepEqual([patched.identity_provider.enabled, patched.identity_provider.remote_ids], [true, ['y']]);

  const { mapping } = await admin.put(`${base}/mappings/m`, { mapping: { rules } }, 201);
  deepEqual([mapping.rules, mapping.schema_version], [rules, '1.0']);
  equal((await put('mappings/m', { mapping: { rules } })).status, 409);
  equal((await put('mappings/n', { mapping: { rules: [] } })).status, 400);
  equal((await put('mappings/n', { mapping: { rules: [{ local: [{}] }] } })).status, 400);
  equal((await put('mappings/n', { mapping: { rules, schema_version: '9' } })).status, 400);
  equal(
    (await admin.patch(`${base}/mappings/m`, { mapping: { rules, schema_version: '2.0' } })).mapping.schema_version,
    '2.0',
  );

  const protocol = `${base}/identity_providers/acme/protocols/saml2`;
  equal((await put('identity_providers/acme/protocols/saml2', { protocol: { mapping_id: 'none' } })).status, 400);
  equal((await put('identity_providers/none/protocols/saml2', { protocol: { mapping_id: 'm' } })).status, 404);
  await admin.put(protocol, { protocol: { mapping_id: 'm' } }, 201);
  equal((await put('identity_providers/acme/protocols/saml2', { protocol: { mapping_id: 'm' } })).status, 409);
  equal(
    (await admin.patch(protocol, { protocol: { remote_id_attribute: 'iss' } })).protocol.remote_id_attribute,
    'iss',
  );
  equal((await admin.get(`${base}/identity_providers/acme/protocols`)).protocols.length, 1);
  for (const connection of [{}, { kind: 'x' }, { kind: 'saml2', entity_id: 'e', certificates: ['no'] }])
    equal((await admin.request('PUT', `${protocol}/connection`, { body: { connection } })).status, 400);
  await admin.get(`${protocol}/connection`, 404);

  const urls = { auth_url: 'https://b.test/auth', sp_url: 'https://b.test/acs' };
  const sp = (await admin.put(`${base}/service_providers/sp`, { service_provider: urls }, 201)).service_provider;
  deepEqual([sp.enabled, sp.relay_state_prefix], [false, 'ss:mem:']);
  equal((await put('service_providers/x', { service_provider: { ...urls, sp_url: 'javascript:1' } })).status, 400);

  // Administrators alone; others do not even learn what there is.
  for (const [method, path, body] of [
    ['GET', 'identity_providers', undefined],
    ['GET', 'identity_providers/acme', undefined],
    ['PUT', 'identity_providers/evil', { identity_provider: {} }],
    ['PATCH', 'mappings/m', { mapping: { rules } }],
    ['DELETE', 'service_providers/sp', undefined],
    ['PUT', 'identity_providers/acme/protocols/saml2/connection', { connection: { kind: 'saml2' } }],
  ] as const) {
    const { status } = await cloud.as('member').request(method, `${base}/${path}`, { body });
    ok(status === 403 || status === 404, `${method} ${path}: ${status}`);
    equal((await cloud.anonymous().request(method, `${base}/${path}`, { body })).status, 401);
  }

  // Who a user is elsewhere.
  const federated = [{ idp_id: 'acme', protocols: [{ protocol_id: 'saml2', unique_id: 'u1' }] }];
  const user = { name: 'known', domain_id: 'default', federated };
  deepEqual((await admin.post(`${v3}/users`, { user }, 201)).user.federated, federated);
  equal((await admin.request('POST', `${v3}/users`, { body: { user: { ...user, name: 'two' } } })).status, 409);
  equal((await admin.get(`${v3}/users?unique_id=u1&idp_id=acme`)).users[0].name, 'known');
  equal((await admin.get(`${v3}/users?unique_id=u2`)).users.length, 0);

  await admin.delete(protocol);
  await admin.delete(`${base}/mappings/m`);
  await admin.delete(`${base}/service_providers/sp`);
  await admin.delete(`${base}/identity_providers/acme`);
  await admin.get(`${base}/identity_providers/acme`, 404);
  equal((await admin.get(`${v3}/users?name=known`)).users[0].federated, undefined);
});

test('a browser and a client log in at a SAML provider', async () => {
  const dashboard = 'http://dashboard.test/auth/websso/';
  await using cloud = await testCloud({ hosts: 0, config: { trusted_dashboards: [dashboard] } });
  await using elsewhere = await testCloud({ hosts: 0, seed: 9 });
  const admin = cloud.as('admin');
  // The provider's key: made by the same function, in a database of its own.
  const vault = createVault(() => [createHash('sha256').update('key').digest()]);
  const key = await signingKey(elsewhere.db, { vault, clock: systemClock(), random: systemRandom() }, 'idp');
  const issuer = 'https://idp.test/metadata';
  const protocol = `${base}/identity_providers/acme/protocols/saml2`;
  await admin.put(`${base}/identity_providers/acme`, { identity_provider: { enabled: true } }, 201);
  await admin.put(`${base}/mappings/m`, { mapping: { rules } }, 201);
  await admin.put(protocol, { protocol: { mapping_id: 'm' } }, 201);
  await admin.put(`${protocol}/connection`, {
    connection: { kind: 'saml2', entity_id: issuer, certificates: [key.certificate], sso_url: 'https://idp.test/sso' },
  });
  const acs = `${cloud.url}${protocol}/acs`;
  const respond = (uid: string, inResponseTo?: string) =>
    signedResponse(
      {
        ...{ issuer, recipient: acs, user: uid, attributes: { uid: [uid] }, inResponseTo },
        ...{ issuedAt: cloud.clock.now(), expiresAt: cloud.clock.now() + 60_000 },
      },
      key,
      systemRandom(),
    );
  const cookieIn = (answer: { headers: Record<string, string> }): string =>
    String(answer.headers['set-cookie']).split(';')[0]!;
  const anonymous = cloud.anonymous();
  const begin = await anonymous.request(
    'GET',
    `${v3}/auth/OS-FEDERATION/identity_providers/acme/protocols/saml2/websso?origin=${encodeURIComponent(dashboard)}`,
  );
  equal(begin.status, 302);
  const location = new URL(begin.headers['location']!);
  equal(location.origin, 'https://idp.test');
  const asked = inflateRawSync(Buffer.from(location.searchParams.get('SAMLRequest')!, 'base64')).toString();
  ok(asked.includes(acs));
  const id = / ID="([^"]+)"/.exec(asked)![1]!;
  const post = async (inResponseTo: string) => {
    const SAMLResponse = Buffer.from(await respond('alice', inResponseTo)).toString('base64');
    return anonymous.request('POST', `${protocol}/acs`, {
      raw: new URLSearchParams({ SAMLResponse }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  };
  const back = await post(id);
  equal(back.status, 303);
  const finish = (cookie: string) => anonymous.request('GET', `${protocol}/websso`, { headers: { cookie } });
  equal((await finish(cookieIn(back))).status, 401, 'a browser that never began');
  const another = await post('_another');
  equal((await finish(`${cookieIn(begin)}; ${cookieIn(another)}`)).status, 401, 'the answer to another request');
  const page = await finish(`${cookieIn(begin)}; ${cookieIn(back)}`);
  equal(page.status, 200, String(page.body));
  match(page.body, new RegExp(`action="${dashboard}"`));
  const token = /name="token" value="([^"]+)"/.exec(page.body)![1]!;
  const { body } = await anonymous.request('GET', `${v3}/auth/tokens`, {
    headers: { 'x-auth-token': token, 'x-subject-token': token },
  });
  equal(body.token.user.name, 'alice');

  // A client that speaks ECP.
  const paos = await anonymous.request('GET', `${protocol}/auth`, {
    headers: { accept: 'text/html, application/vnd.paos+xml', paos: 'ver="urn:liberty:paos:2003-08"' },
  });
  equal(paos.status, 200);
  match(paos.body, /responseConsumerURL="[^"]+\/acs"/);
  const envelope = `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>${await respond('bob')}</S:Body></S:Envelope>`;
  const taken = await anonymous.request('POST', `${protocol}/acs`, {
    raw: envelope,
    headers: { 'content-type': 'application/vnd.paos+xml' },
  });
  const login = await anonymous.request('GET', `${protocol}/auth`, { headers: { cookie: cookieIn(taken) } });
  equal(login.status, 201, JSON.stringify(login.body));
  equal(login.body.token.user.name, 'bob');
  match((await anonymous.request('GET', `${protocol}/metadata`)).body, /SPSSODescriptor/);

  // A membership ends with its time, and so do its rights.
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'staff', domain_id: 'default' } }, 201);
  const { roles } = await admin.get(`${v3}/roles?name=reader`);
  const projectId = cloud.as('member').projectId;
  await admin.put(`${v3}/projects/${projectId}/groups/${group.id}/roles/${roles[0].id}`, undefined, 204);
  await admin.patch(`${base}/mappings/m`, {
    mapping: { rules: [{ local: [{ user: { name: '{0}' }, group: { id: group.id } }], remote: [{ type: 'uid' }] }] },
  });
  const relogin = await anonymous.request('GET', `${protocol}/auth`, { headers: { cookie: cookieIn(taken) } });
  const scoped = await anonymous.request('POST', `${v3}/auth/tokens`, {
    body: {
      auth: {
        identity: { methods: ['token'], token: { id: relogin.headers['x-subject-token'] } },
        scope: { project: { id: projectId } },
      },
    },
  });
  equal(scoped.status, 201, JSON.stringify(scoped.body));
  const worker = anonymous.with({ 'x-auth-token': scoped.headers['x-subject-token']! });
  await worker.get('/network/v2.0/networks');
  await admin.patch(`${base}/mappings/m`, { mapping: { rules } });
  await anonymous.request('GET', `${protocol}/auth`, { headers: { cookie: cookieIn(taken) } });
  equal((await worker.request('GET', '/network/v2.0/networks')).status, 401, 'the next login tells of no group');
});
