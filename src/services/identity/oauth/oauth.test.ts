// OAuth: a consumer gets no more than a user granted it, for as long as it is granted.

import { createHmac } from 'node:crypto';
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { oauthFits, readOAuthHeader } from '#/services/identity/oauth/oauth-signature.rules.ts';
import { tables } from '#/services/identity/tables.ts';
import { forgetUsed } from '#/services/identity/tokens/used-once.store.ts';
import { type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const enc = encodeURIComponent;

interface Signer {
  key: string;
  secret: string;
  token?: { id: string; secret: string };
  verifier?: string;
}

/** The header of a signed request, as a client makes it. */
function signed(
  cloud: TestCloud,
  path: string,
  { key, secret, token, verifier }: Signer,
  age = 0,
  nonce = 'n1',
): string {
  const parameters: Record<string, string> = {
    oauth_consumer_key: key,
    oauth_nonce: nonce,
    oauth_signature_method: 'HMAC-SHA1',
    oauth_timestamp: String(Math.floor(cloud.clock.now() / 1000) - age),
    ...(token ? { oauth_token: token.id } : {}),
    ...(verifier ? { oauth_verifier: verifier } : {}),
    oauth_version: '1.0',
  };
  const pairs = Object.entries(parameters).map(([name, value]) => `${enc(name)}=${enc(value)}`);
  const base = ['POST', enc(`${cloud.url}${path}`), enc(pairs.sort().join('&'))].join('&');
  const signature = createHmac('sha1', `${enc(secret)}&${enc(token?.secret ?? '')}`)
    .update(base)
    .digest('base64');
  const parts = Object.entries({ ...parameters, oauth_signature: signature });
  return `OAuth ${parts.map(([name, value]) => `${name}="${enc(value)}"`).join(', ')}`;
}

test('a known signature fits, and no other', () => {
  // The worked example of Twitter's API documentation, "Creating a signature".
  const header =
    'OAuth oauth_consumer_key="xvz1evFS4wEEPTGEFPHBog", oauth_nonce="kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", oauth_signature="tnnArxj06cWHq44gCs1OSKk%2FjLY%3D", oauth_signature_method="HMAC-SHA1", oauth_timestamp="1318622958", oauth_token="370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", oauth_version="1.0"';
  const parameters = readOAuthHeader(header)!;
  const url =
    'https://api.twitter.com/1/statuses/update.json?include_entities=true&status=Hello%20Ladies%20%2B%20Gentlemen%2C%20a%20signed%20OAuth%20request%21';
  const secrets = {
    consumerSecret: 'kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw',
    tokenSecret: 'LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE',
  };
  equal(oauthFits(parameters, { method: 'POST', urls: ['not a url', url] }, secrets), true);
  equal(oauthFits(parameters, { method: 'GET', urls: [url] }, secrets), false);
  equal(oauthFits(parameters, { method: 'POST', urls: [url] }, { ...secrets, tokenSecret: 'other' }), false);
  for (const bad of [undefined, 'Basic x', 'OAuth x', 'OAuth a="%zz"', 'OAuth a="1", a="2"'])
    equal(readOAuthHeader(bad), null);
});

test('a consumer is let in by a user, with a role, until it is shut out', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { consumer } = await admin.post('/identity/v3/OS-OAUTH1/consumers', { consumer: {} });
  const by = { key: consumer.id, secret: consumer.secret };
  const post = (path: string, authorization: string, headers = {}, body?: unknown) =>
    cloud.anonymous().request('POST', path, { headers: { authorization, ...headers }, body });

  const ask = '/identity/v3/OS-OAUTH1/request_token';
  const project = { 'requested-project-id': admin.projectId };
  equal((await post(ask, signed(cloud, ask, { ...by, secret: 'x' }), project)).status, 401);
  equal((await post(ask, signed(cloud, ask, by, 3_600), project)).status, 401);
  equal((await post(ask, signed(cloud, ask, by), { 'requested-project-id': 'nowhere' })).status, 404);
  equal((await cloud.anonymous().request('POST', ask)).status, 401);
  const asked = await post(ask, signed(cloud, ask, by), project);
  equal(asked.status, 201, JSON.stringify(asked.body));
  const tokenIn = (text: string): { id: string; secret: string } => {
    const form = new URLSearchParams(text);
    return { id: form.get('oauth_token')!, secret: form.get('oauth_token_secret')! };
  };
  const request = tokenIn(asked.body);

  const take = '/identity/v3/OS-OAUTH1/access_token';
  equal(
    (await post(take, signed(cloud, take, { ...by, token: request, verifier: 'x' }))).status,
    401,
    'not yet granted',
  );
  const grant = `/identity/v3/OS-OAUTH1/authorize/${request.id}`;
  equal((await admin.request('PUT', grant, { body: { roles: [{ name: 'service' }] } })).status, 401);
  const { token: granted } = await admin.put(grant, { roles: [{ name: 'reader' }] });
  const verifier = granted.oauth_verifier;
  equal((await post(take, signed(cloud, take, { ...by, token: request, verifier: 'x' }))).status, 401);
  const taken = await post(take, signed(cloud, take, { ...by, token: request, verifier }));
  equal(taken.status, 201);
  equal((await post(take, signed(cloud, take, { ...by, token: request, verifier }))).status, 401, 'only once');
  const access = tokenIn(taken.body);

  const logIn = '/identity/v3/auth/tokens';
  const auth = { auth: { identity: { methods: ['oauth1'], oauth1: {} } } };
  equal((await post(logIn, signed(cloud, logIn, { ...by, token: request }), {}, auth)).status, 401);
  const authorization = signed(cloud, logIn, { ...by, token: access });
  const login = await post(logIn, authorization, {}, auth);
  equal(login.status, 201, JSON.stringify(login.body));
  equal((await post(logIn, authorization, {}, auth)).status, 401, 'a signature is good once');
  equal((await post(logIn, signed(cloud, logIn, { ...by, token: access }, 0, 'n2'), {}, auth)).status, 201);
  // Remembered for as long as its time is near enough, and then forgotten.
  const remembered = () => cloud.db.read(tx => tables(tx).selectFrom('usedOnce').selectAll().execute());
  ok((await remembered()).length > 0);
  await cloud.db.write(forgetUsed);
  ok((await remembered()).length > 0);
  const { token } = login.body;
  deepEqual([token.user.id, token.project.id, token.methods], [admin.userId, admin.projectId, ['oauth1']]);
  deepEqual(
    token.roles.map(({ name }: { name: string }) => name),
    ['reader'],
  );
  deepEqual(token['OS-OAUTH1'], { access_token_id: access.id, consumer_id: consumer.id });
  const bearer = cloud.anonymous().with({ 'x-auth-token': login.headers['x-subject-token']! });
  equal((await bearer.request('GET', '/identity/v3/auth/projects')).status, 200);
  const further = { auth: { identity: { methods: ['token'], token: { id: login.headers['x-subject-token'] } } } };
  equal((await cloud.anonymous().request('POST', logIn, { body: further })).status, 403);

  const mine = `/identity/v3/users/${admin.userId}/OS-OAUTH1/access_tokens`;
  equal((await admin.get(mine)).access_tokens[0].consumer_id, consumer.id);
  equal((await admin.get(`${mine}/${access.id}`)).access_token.project_id, admin.projectId);
  const { roles } = await admin.get(`${mine}/${access.id}/roles`);
  equal((await admin.get(`${mine}/${access.id}/roles/${roles[0].id}`)).role.name, 'reader');
  await admin.get(`${mine}/${access.id}/roles/nothing`, 404);
  await admin.delete(`${mine}/${access.id}`);
  equal((await bearer.request('GET', '/identity/v3/auth/projects')).status, 401);
  equal((await post(logIn, signed(cloud, logIn, { ...by, token: access }, 0, 'n3'), {}, auth)).status, 401);
  await cloud.advance(901_000);
  await cloud.db.write(forgetUsed);
  deepEqual(await remembered(), []);
});

test('client credentials are an application credential', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const member = cloud.as('member');
  const { application_credential: made } = await member.post(
    `/identity/v3/users/${member.userId}/application_credentials`,
    { application_credential: { name: 'client', roles: [{ name: 'reader' }] } },
  );
  const ask = (form: string, user = made.id, password = made.secret) =>
    cloud.anonymous().request('POST', '/identity/v3/OS-OAUTH2/token', {
      raw: form,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      },
    });
  const { status, body, headers } = await ask('grant_type=client_credentials');
  equal(status, 200, JSON.stringify(body));
  deepEqual([body.token_type, body.expires_in, headers['cache-control']], ['Bearer', 3600, 'no-store']);
  const bearer = cloud.anonymous().with({ 'x-auth-token': body.access_token });
  equal((await bearer.request('GET', '/identity/v3/auth/catalog')).status, 200);
  for (const [answer, code, error] of [
    [await ask(''), 400, 'invalid_request'],
    [await ask('grant_type=password'), 400, 'unsupported_grant_type'],
    [await ask('grant_type=client_credentials', made.id, 'x'), 401, 'invalid_client'],
    [await ask('grant_type=client_credentials', 'nobody'), 401, 'invalid_client'],
  ] as const)
    deepEqual([answer.status, answer.body.error], [code, error]);
});

test('a token may come as OAuth clients send it', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const { token, projectId } = cloud.as('member');
  const ask = async (headers: Record<string, string>): Promise<number> =>
    (await cloud.anonymous().request('GET', '/volume/v3/' + projectId + '/volumes', { headers })).status;
  for (const authorization of [`Bearer ${token}`, `bearer  ${token} `]) equal(await ask({ authorization }), 200);
  for (const authorization of ['Bearer', 'Bearer x', `Basic ${token}`, `Bearer ${token} ${token}`, token])
    equal(await ask({ authorization }), 401, authorization.slice(0, 20));
  // The one of our own header is the one that counts.
  equal(await ask({ authorization: `Bearer ${token}`, 'x-auth-token': 'x' }), 401);
});
