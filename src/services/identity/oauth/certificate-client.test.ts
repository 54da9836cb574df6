// A user with a certificate logs in over real TLS, gets a token, and it is good with that certificate only.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuthority, type Credential, issueCertificate } from '#/platform/bus/nats/certificates.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { namesIn } from '#/services/identity/oauth/certificate-client.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const parts = { clock: systemClock(), random: systemRandom() };
const form = 'application/x-www-form-urlencoded';

interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  client?: Credential;
}

test('a token for a certificate is good with that certificate only', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-mtls-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const [authority, strangers] = [await createAuthority(parts), await createAuthority(parts)];
  const issue = (name: string, by = authority) =>
    issueCertificate(by, { names: [name], addresses: ['127.0.0.1'] }, parts);
  const [own, robot, other, foreign] = [
    await issue('cloud'),
    await issue('robot'),
    await issue('other'),
    await issue('robot', strangers),
  ];
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  await using cloud = await testCloud({
    hosts: 0,
    tls: {
      certificateFile: file('own.pem', own.certificate),
      keyFile: file('own.key', own.key),
      clientCaFile: file('clients.pem', authority.certificate),
    },
    realClock: true,
  });
  const ask = (path: string, { method = 'GET', headers = {}, body, client }: Ask = {}) =>
    new Promise<{ status: number; text: string; protocol: string | null }>((done, failed) => {
      const tls = { ca: authority.certificate, ...(client ? { cert: client.certificate, key: client.key } : {}) };
      const outgoing = httpsRequest(`${cloud.url}${path}`, { ...tls, method, headers, agent: false }, incoming => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        const { socket } = incoming as unknown as { socket: { getProtocol(): string } };
        const protocol = socket.getProtocol();
        incoming.on('end', () => done({ status: incoming.statusCode ?? 0, text, protocol }));
      });
      outgoing.on('error', failed).end(body);
    });
  const admin = (path: string, method = 'GET', body?: unknown) =>
    ask(path, {
      method,
      headers: { 'x-auth-token': cloud.as('admin').token, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  const made = await admin('/identity/v3/users', 'POST', {
    user: { name: 'robot', domain_id: 'default', default_project_id: cloud.as('member').projectId },
  });
  const { user } = JSON.parse(made.text);
  const { roles } = JSON.parse((await admin('/identity/v3/roles?name=member')).text);
  const grant = `/identity/v3/projects/${user.default_project_id}/users/${user.id}/roles/${roles[0].id}`;
  equal((await admin(grant, 'PUT')).status, 204);
  const token = (client?: Credential, id = user.id) =>
    ask('/identity/v3/OS-OAUTH2/token', {
      method: 'POST',
      headers: { 'content-type': form },
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: id }).toString(),
      ...(client ? { client } : {}),
    });
  const refusals = async (what: [Credential | undefined, string?][]): Promise<void> => {
    for (const [client, id] of what) {
      const { status, text } = await token(client, id);
      deepEqual([status, JSON.parse(text).error], [401, 'invalid_client']);
    }
  };

  await refusals([[robot]]);
  const rule = (local: unknown) => ({
    mapping: {
      rules: [
        {
          local: [local],
          remote: [{ type: 'SSL_CLIENT_SUBJECT_DN_CN' }, { type: 'SSL_CLIENT_ISSUER_DN_CN', any_one_of: ['Haneul'] }],
        },
      ],
    },
  });
  const mapping = '/identity/v3/OS-FEDERATION/mappings/oauth2_mapping';
  // A mapping that says nothing of the user lets nobody in.
  equal((await admin(mapping, 'PUT', rule({ group: { id: 'g{0}' } }))).status, 201);
  await refusals([[robot]]);
  equal((await admin(mapping, 'PATCH', rule({ user: { name: '{0}', domain: { id: 'default' } } }))).status, 200);
  await refusals([[other], [undefined], [robot, 'nobody'], [robot, cloud.as('member').userId]]);

  // With a forged one, TLS may end before the answer.
  const forged = await token(foreign).catch(() => null);
  ok(!forged || forged.status === 401 || forged.status === 400, String(forged?.status));

  const given = await token(robot);
  equal(given.status, 200, given.text);
  match(given.protocol ?? '', /^TLSv1\.[23]$/);
  const { access_token: bearer, token_type: type, expires_in: seconds } = JSON.parse(given.text);
  deepEqual([type, seconds], ['Bearer', 3600]);

  const servers = `/compute/v2.1/servers`;
  const by = { headers: { authorization: `Bearer ${bearer}` } };
  equal((await ask(servers, { ...by, client: robot })).status, 200);
  equal((await ask(servers, { headers: { 'x-auth-token': bearer }, client: robot })).status, 200);
  for (const client of [undefined, other]) {
    const refused = await ask(servers, { ...by, ...(client ? { client } : {}) });
    equal(refused.status, 401);
    match(refused.text, /bound to a client certificate/);
  }
  // Whoever validates it is told to which certificate it is bound.
  const said = await ask('/identity/v3/auth/tokens', {
    headers: { 'x-auth-token': cloud.as('admin').token, 'x-subject-token': bearer },
  });
  const thumbprint = createHash('sha256').update(new X509Certificate(robot.certificate).raw).digest('base64url');
  const { token: seen } = JSON.parse(said.text);
  deepEqual(seen.oauth2_credential, { 'x5t#S256': thumbprint });
  deepEqual(seen.methods, ['oauth2_credential']);
  equal(seen.project.id, user.default_project_id);
  // It cannot be exchanged for one without the bond.
  const exchange = await ask('/identity/v3/auth/tokens', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity: { methods: ['token'], token: { id: bearer } } } }),
    client: robot,
  });
  equal(exchange.status, 403);
  equal((await admin(`/identity/v3/users/${user.id}`, 'PATCH', { user: { enabled: false } })).status, 200);
  equal((await ask(servers, { ...by, client: robot })).status, 401);
  await refusals([[robot]]);
});

test('a certificate’s names are those of Keystone’s mappings', async () => {
  const { certificate } = await issueCertificate(await createAuthority(parts), { names: ['robot'] }, parts);
  const { raw } = new X509Certificate(certificate);
  deepEqual(await namesIn({ raw, thumbprint: '' }), {
    SSL_CLIENT_SUBJECT_DN_CN: ['robot'],
    SSL_CLIENT_ISSUER_DN_CN: ['Haneul'],
  });
});
