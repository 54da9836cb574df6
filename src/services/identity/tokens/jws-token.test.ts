// Signed tokens: what Keystone's say, good with a key that is trusted and with no other, and gone with their key.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compactVerify, decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { jwsTokens } from '#/services/identity/tokens/jws-token.ts';
import type { Bounds, Payload, Scope } from '#/services/identity/tokens/payload.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const payload: Payload = {
  userId: 'u1',
  methods: ['password', 'totp'],
  scope: { type: 'project', id: 'p1' },
  issuedAt: 1_700_000_000_000,
  expiresAt: 1_700_003_600_000,
  auditIds: ['a', 'b'],
  epoch: 3,
};

test('a payload is what it was after signing, with every scope and bound', async () => {
  const { privateKey, publicKey } = pair();
  const format = jwsTokens(() => ({ own: privateKey, trusted: [pair().publicKey, publicKey] }));
  const scopes: Scope[] = [{ type: 'unscoped' }, { type: 'system' }, { type: 'domain', id: 'd' }, payload.scope];
  for (const scope of scopes)
    deepEqual(await format.read(await format.write({ ...payload, scope }), 0), { ...payload, scope });
  const bounds: Required<Bounds> = {
    trustId: 't',
    applicationCredentialId: 'c',
    accessTokenId: 'o',
    identityProviderId: 'i',
    protocolId: 'p',
    thumbprint: 'x',
  };
  const token = await format.write({ ...payload, ...bounds });
  deepEqual(await format.read(token, 0), { ...payload, ...bounds });
  const odd = { ...payload, issuedAt: payload.issuedAt + 999, expiresAt: payload.expiresAt + 1 };
  deepEqual(format.kept(odd), payload);
});

test('what no trusted key has signed for us is none of ours', async () => {
  const [own, other] = [pair(), pair()];
  const format = jwsTokens(() => ({ own: own.privateKey, trusted: [own.publicKey] }));
  const token = await format.write(payload);
  const claims = decodeJwt(token);
  const [header, body, signature] = token.split('.') as [string, string, string];
  const raised = Buffer.from(JSON.stringify({ ...claims, openstack_system: 'all' })).toString('base64url');
  const sign = (what: Record<string, unknown>, key = own.privateKey): Promise<string> =>
    new SignJWT(what).setProtectedHeader({ alg: 'ES256' }).sign(key);
  const hmac = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(own.publicKey.export({ type: 'spki', format: 'pem' })));
  const { haneul_epoch: _, ...keystones } = claims;
  for (const bad of [
    ...['', 'x', 'a.b.c', `${header}.${raised}.${signature}`, `${header}.${body}.`, `${token}x`.padEnd(5_000, 'x')],
    ...[new UnsecuredJWT(claims).encode(), hmac, await sign(claims, other.privateKey)],
    ...[await sign(keystones), await sign({ ...claims, iat: 1.5 }), await sign({ ...claims, openstack_audit_ids: [] })],
    await sign({ ...claims, openstack_trust_id: 7 }),
  ])
    equal(await format.read(bad, 0), null, bad.slice(0, 200));
  ok(await format.read(await sign(claims), 0));
});

test('a cloud whose tokens are signed', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-jws-'));
  t.after(() => rmSync(directory, { recursive: true }));
  await using cloud = await testCloud({ hosts: 0, directory, config: { token_provider: 'jws' } });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  deepEqual(decodeProtectedHeader(member.token), { alg: 'ES256', typ: 'JWT' });
  const claims = decodeJwt(member.token);
  equal(claims.sub, member.userId);
  equal(claims['openstack_project_id'], member.projectId);
  deepEqual(claims['openstack_methods'], ['password']);
  equal(claims.exp! - claims.iat!, 3_600);
  ok(member.token.length < 1_000);

  const about = (token: string) =>
    admin.request('GET', '/identity/v3/auth/tokens', { headers: { 'x-subject-token': token } });
  const said = await about(member.token);
  equal(said.status, 200);
  deepEqual(said.body.token.audit_ids, claims['openstack_audit_ids']);
  equal(Date.parse(said.body.token.expires_at), claims.exp! * 1000);
  match(said.body.token.issued_at, /\.000000Z$/);
  await member.get('/compute/v2.1/servers');

  // Others can check it with what we publish.
  const keys = join(directory, 'jws-keys/public');
  const read = (name: string) => createPublicKey(readFileSync(join(keys, name)));
  ok(await compactVerify(member.token, read('1.pem')));
  // Whose key lies beside ours is believed: another control plane.
  const { privateKey, publicKey } = pair();
  const foreign = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
  equal((await about(foreign)).status, 404);
  writeFileSync(join(keys, 'node-2.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  await cloud.advance(6_000);
  equal((await about(foreign)).status, 200);

  // Exchanged, revoked, and rotated away.
  const rotate = () => admin.request('POST', '/identity/keys/rotate');
  equal((await rotate()).status, 202);
  await cloud.advance(1_000);
  equal((await about(member.token)).status, 200);
  await admin.request('DELETE', '/identity/v3/auth/tokens', { headers: { 'x-subject-token': member.token } });
  equal((await about(member.token)).status, 404);
  equal((await rotate()).status, 202);
  await cloud.advance(1_000);
  equal((await rotate()).status, 401);
  deepEqual(readdirSync(keys).sort(), ['2.pem', '3.pem', '4.pem', 'node-2.pem']);
});
