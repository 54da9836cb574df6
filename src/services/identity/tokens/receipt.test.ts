// Several methods for one login: one-time passwords, rules, and receipts.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase32, passcodeAt } from '#/services/identity/tokens/methods/totp.method.ts';
import { isEnough } from '#/services/identity/tokens/receipt.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

test('the passcodes of RFC 6238, cut to six digits', () => {
  const secret = Buffer.from('12345678901234567890');
  for (const [seconds, code] of [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_234_567_890, '005924'],
    [20_000_000_000, '353130'],
  ] as const)
    equal(passcodeAt(secret, seconds * 1000), code);
  deepEqual(fromBase32('GEZD GNBVGY3TQOJQGEZDGNBVGY3TQOJQ'), secret);
  equal(fromBase32('not base32!'), null);
});

test('which methods are enough', () => {
  const cases: [options: unknown, methods: string[], enough: boolean][] = [
    [{}, ['password'], true],
    [{ multi_factor_auth_rules: [] }, ['password'], true],
    [{ multi_factor_auth_rules: [['password', 'totp']] }, ['password'], false],
    [{ multi_factor_auth_rules: [['password', 'totp']] }, ['totp', 'password'], true],
    [{ multi_factor_auth_rules: [['password', 'totp'], ['application_credential']] }, ['application_credential'], true],
    [{ multi_factor_auth_rules: [['password', 'totp']], multi_factor_auth_enabled: false }, ['password'], true],
    [{ multi_factor_auth_rules: [['password', 'retina']] }, ['password'], true],
    [{ multi_factor_auth_rules: [['retina']] }, ['password'], true],
  ];
  for (const [options, methods, enough] of cases)
    equal(isEnough({ options: JSON.stringify(options) }, methods), enough, JSON.stringify({ options, methods }));
});

test('a login by password and passcode, at once or one after the other', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  const rules = [['password', 'totp']];
  const { user } = await admin.post('/identity/v3/users', {
    user: { name: 'u', password: 'secret-1', domain_id: 'default', options: { multi_factor_auth_rules: rules } },
  });
  await admin.post('/identity/v3/credentials', { credential: { user_id: user.id, type: 'totp', blob: secret } });
  const code = (ms = 0): string => passcodeAt(fromBase32(secret)!, cloud.clock.now() + ms);
  const logIn = (parts: { password?: string; passcode?: string }, receipt?: string) => {
    const identity: Record<string, unknown> & { methods: string[] } = { methods: [] };
    if (parts.password !== undefined) {
      identity.methods.push('password');
      identity['password'] = { user: { id: user.id, password: parts.password } };
    }
    if (parts.passcode !== undefined) {
      identity.methods.push('totp');
      identity['totp'] = { user: { id: user.id, passcode: parts.passcode } };
    }
    const headers: Record<string, string> = receipt === undefined ? {} : { 'openstack-auth-receipt': receipt };
    return cloud.anonymous().request('POST', '/identity/v3/auth/tokens', { body: { auth: { identity } }, headers });
  };

  const both = await logIn({ password: 'secret-1', passcode: code() });
  equal(both.status, 201);
  deepEqual(both.body.token.methods, ['password', 'totp']);
  equal((await logIn({ password: 'secret-1', passcode: '000000' })).status, 401);
  equal((await logIn({ password: 'secret-1', passcode: code(-30_000) })).status, 201, 'the window before');
  equal((await logIn({ password: 'secret-1', passcode: code(-60_000) })).status, 401);

  const half = await logIn({ password: 'secret-1' });
  equal(half.status, 401);
  const receipt = half.headers['openstack-auth-receipt']!;
  deepEqual(half.body.required_auth_methods, rules);
  deepEqual(half.body.receipt.methods, ['password']);
  equal(half.body.receipt.user.id, user.id);
  equal(Date.parse(half.body.receipt.expires_at) - Date.parse(half.body.receipt.issued_at), 300_000);
  equal(
    (await cloud.anonymous().with({ 'x-auth-token': receipt }).request('GET', '/identity/v3/auth/projects')).status,
    401,
  );
  equal((await logIn({ passcode: code() }, receipt)).status, 401, 'a passcode is good once');
  // A passcode is used up, whatever becomes of the login.
  for (const wrong of [`${receipt.slice(0, -3)}AAA`, both.headers['x-subject-token']]) {
    await cloud.advance(30_000);
    equal((await logIn({ passcode: code() }, wrong)).status, 401);
  }
  await cloud.advance(30_000);
  const whole = await logIn({ passcode: code() }, receipt);
  equal(whole.status, 201);
  deepEqual(whole.body.token.methods.map(String).sort(), ['password', 'totp']);
  await cloud.advance(300_000);
  equal((await logIn({ passcode: code() }, receipt)).status, 401);
});
