// OpenID Connect with a stock provider (npm's oidc-provider): a browser on its way to a dashboard, and clients that bring
// bearer tokens of both kinds.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Provider } from 'oidc-provider';
import { testCloud } from '../../../../../test/test-cloud.ts';

const v3 = '/identity/v3';
const dashboard = 'http://dashboard.test/auth/websso/';
const idpPath = `${v3}/OS-FEDERATION/identity_providers/accounts`;
const protocolPath = `${idpPath}/protocols/openid`;

async function provider(callback: string) {
  let handle: ReturnType<Provider['callback']> | undefined;
  const server = createServer((incoming, outgoing) => void handle!(incoming, outgoing));
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const machine = { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] as [] };
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: 'haneul',
        client_secret: 'haneul-secret',
        grant_types: ['authorization_code', 'client_credentials'],
        redirect_uris: [callback],
      },
      { client_id: 'stranger', client_secret: 'stranger-secret', ...machine },
    ],
    findAccount: (_context, sub) => ({
      accountId: sub,
      claims: async () => ({ sub, email: `${sub}@example.org`, groups: ['dev', 'ops'] }),
    }),
    claims: { openid: ['sub', 'groups'], email: ['email'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['test'] },
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => [],
        getResourceServerInfo: (_context, audience) => ({ scope: 'api', audience, accessTokenFormat: 'jwt' }),
      },
    },
  });
  handle = made.callback();
  return {
    issuer,
    async token(client: string, resource?: string): Promise<string> {
      const answer = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${client}:${client}-secret`).toString('base64')}` },
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          ...(resource ? { resource, scope: 'api' } : {}),
        }),
      });
      const body = (await answer.json()) as { access_token: string };
      ok(body.access_token, JSON.stringify(body));
      return body.access_token;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

/** A browser: cookies per host, no redirect unseen. */
function browser() {
  const jar = new Map<string, Map<string, string>>();
  return async (url: string, form?: Record<string, string>) => {
    const { host } = new URL(url);
    const own = jar.get(host) ?? new Map<string, string>();
    jar.set(host, own);
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...own].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair = ''] = cookie.split(';');
      const cut = pair.indexOf('=');
      own.set(pair.slice(0, cut), pair.slice(cut + 1));
    }
    const location = answer.headers.get('location');
    return { status: answer.status, body: await answer.text(), next: location && new URL(location, url).href };
  };
}

async function setup() {
  const cloud = await testCloud({
    hosts: 0,
    realClock: true,
    config: { outgoing_allowed_networks: ['127.0.0.0/8'], trusted_dashboards: [dashboard] },
  });
  const idp = await provider(`${cloud.url}${protocolPath}/callback`);
  const admin = cloud.as('admin');
  await admin.put(idpPath, { identity_provider: { enabled: true, remote_ids: [idp.issuer] } }, 201);
  const rules = [
    {
      local: [{ user: { id: '{0}', name: '{0}', email: '{1}' }, groups: '{2}', domain: { id: 'default' } }],
      remote: [{ type: 'HTTP_OIDC_SUB' }, { type: 'HTTP_OIDC_EMAIL' }, { type: 'groups', whitelist: ['dev'] }],
    },
    { local: [{ user: { name: 'robot-{0}' } }], remote: [{ type: 'client_id' }] },
  ];
  await admin.put(`${v3}/OS-FEDERATION/mappings/openid`, { mapping: { rules } }, 201);
  await admin.put(protocolPath, { protocol: { mapping_id: 'openid', remote_id_attribute: 'HTTP_OIDC_ISS' } }, 201);
  const { connection } = await admin.put(`${protocolPath}/connection`, {
    connection: {
      ...{ kind: 'openid', issuer: idp.issuer, client_id: 'haneul', client_secret: 'haneul-secret' },
      ...{ audience: 'urn:haneul', userinfo: true, scopes: ['email'] },
    },
  });
  ok(!JSON.stringify(connection).includes('haneul-secret'));
  return { cloud, idp, admin };
}

test('a browser comes to a dashboard through an OpenID provider', async () => {
  const { cloud, idp, admin } = await setup();
  try {
    const { group } = await admin.post(`${v3}/groups`, { group: { name: 'dev', domain_id: 'default' } }, 201);
    const go = browser();
    const start = `${cloud.url}${v3}/auth/OS-FEDERATION/websso/openid?origin=`;
    equal((await go(`${start}${encodeURIComponent('http://evil.test/')}`)).status, 401);
    let page = await go(start + encodeURIComponent(dashboard));
    equal(page.status, 302, page.body);
    match(page.next!, /code_challenge_method=S256/);
    for (let steps = 0; steps < 12 && !page.body.includes('name="token"'); steps++) {
      if (page.next) {
        if (page.next.includes('/callback?')) {
          const stranger = await browser()(page.next);
          equal(stranger.status, 401, 'a code in another browser is worth nothing');
          const other = await go(page.next.replace(/state=[^&]+/, 'state=forged'));
          equal(other.status, 401);
        }
        page = await go(page.next);
      } else {
        const action = /action="([^"]+)"/.exec(page.body)?.[1];
        const prompt = /name="prompt" value="([^"]+)"/.exec(page.body)?.[1];
        ok(action && prompt, `${page.status} ${page.body.slice(0, 500)}`);
        page = await go(new URL(action, idp.issuer).href, { prompt, login: 'alice', password: 'any' });
      }
    }
    match(page.body, new RegExp(`action="${dashboard}"`));
    const token = /name="token" value="([^"]+)"/.exec(page.body)![1]!;
    const { body } = await cloud.anonymous().request('GET', `${v3}/auth/tokens`, {
      headers: { 'x-auth-token': token, 'x-subject-token': token },
    });
    deepEqual(body.token.methods, ['openid']);
    equal(body.token.user.name, 'alice');
    deepEqual(body.token.user['OS-FEDERATION'].groups, [{ id: group.id }]);
    const { user } = await admin.get(`${v3}/users/${body.token.user.id}`);
    equal(user.email, 'alice@example.org');
  } finally {
    await idp[Symbol.asyncDispose]();
    await cloud[Symbol.asyncDispose]();
  }
});

test('bearer tokens: those for this cloud, of this provider, that are alive', async () => {
  const { cloud, idp, admin } = await setup();
  try {
    const login = (bearer: string) =>
      cloud.anonymous().request('GET', `${protocolPath}/auth`, { headers: { authorization: `Bearer ${bearer}` } });
    const opaque = await login(await idp.token('haneul'));
    equal(opaque.status, 201, JSON.stringify(opaque.body));
    equal(opaque.body.token.user.name, 'robot-haneul');
    const jwt = await idp.token('stranger', 'urn:haneul');
    equal(jwt.split('.').length, 3);
    const signed = await login(jwt);
    equal(signed.status, 201, JSON.stringify(signed.body));
    equal(signed.body.token.user.name, 'robot-stranger');

    equal((await login(await idp.token('stranger'))).status, 401, "another client's token");
    equal((await login(await idp.token('haneul', 'urn:other'))).status, 401, 'for another audience');
    const [header, payload, signature] = jwt.split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const forged = Buffer.from(JSON.stringify({ ...claims, client_id: 'admin' })).toString('base64url');
    equal((await login(`${header}.${forged}.${signature}`)).status, 401, 'a changed claim');
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    equal((await login(`${none}.${payload}.`)).status, 401, 'no signature');
    equal((await login('nonsense')).status, 401);
    equal((await cloud.anonymous().request('GET', `${protocolPath}/auth`)).status, 401);
    equal((await cloud.anonymous().request('GET', `${idpPath}/protocols/none/auth`)).status, 404);

    await admin.patch(idpPath, { identity_provider: { remote_ids: ['https://other.test'] } });
    equal((await login(await idp.token('haneul'))).status, 403, 'a provider of another name');
    await idp[Symbol.asyncDispose]();
    equal((await login(jwt)).status, 503);
  } finally {
    await idp[Symbol.asyncDispose]().catch(() => undefined);
    await cloud[Symbol.asyncDispose]();
  }
});
