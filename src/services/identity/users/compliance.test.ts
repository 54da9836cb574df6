// What an operator may demand of accounts and passwords: each demand as a story, and the rules as tables.

import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import {
  daysTooYoung,
  expiryOf,
  isStrong,
  nothingDemanded,
  oddOption,
} from '#/services/identity/users/compliance.rules.ts';
import { type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const day = 86_400_000;

async function makeUser(cloud: TestCloud, user: Record<string, unknown> = {}): Promise<string> {
  const asked = { name: 'u', password: 'first-pass-1', domain_id: 'default', ...user };
  return (await cloud.as('admin').post('/identity/v3/users', { user: asked })).user.id;
}

async function logIn(cloud: TestCloud, id: string, password: string): Promise<number> {
  return (await answerOf(cloud, id, password)).status;
}

function answerOf(cloud: TestCloud, id: string, password: string) {
  const auth = { identity: { methods: ['password'], password: { user: { id, password } } } };
  return cloud.anonymous().request('POST', '/identity/v3/auth/tokens', { body: { auth } });
}

async function change(cloud: TestCloud, id: string, original: string, password: string): Promise<number> {
  const body = { user: { original_password: original, password } };
  return (await cloud.anonymous().request('POST', `/identity/v3/users/${id}/password`, { body })).status;
}

test('wrong passwords lock a user out for a while, and say no more than before', async () => {
  await using cloud = await testCloud({
    hosts: 0,
    config: { lockout_failure_attempts: 3, lockout_duration_seconds: 60 },
  });
  const id = await makeUser(cloud);
  const spared = await makeUser(cloud, { name: 'spared', options: { ignore_lockout_failure_attempts: true } });
  for (let at = 0; at < 2; at++) equal(await logIn(cloud, id, 'wrong'), 401);
  equal(await logIn(cloud, id, 'first-pass-1'), 201, 'a success begins anew');
  const wrong = await answerOf(cloud, id, 'wrong');
  for (let at = 0; at < 2; at++) equal(await logIn(cloud, id, 'wrong'), 401);
  const locked = await answerOf(cloud, id, 'first-pass-1');
  deepEqual([locked.status, locked.body], [wrong.status, wrong.body]);
  equal(await change(cloud, id, 'first-pass-1', 'other-pass-1'), 401);
  await cloud.advance(60_000);
  equal(await logIn(cloud, id, 'wrong'), 401, 'an old lock leaves nothing behind');
  equal(await logIn(cloud, id, 'first-pass-1'), 201);
  for (let at = 0; at < 5; at++) equal(await logIn(cloud, spared, 'wrong'), 401);
  equal(await logIn(cloud, spared, 'first-pass-1'), 201);
});

test('passwords expire, and their owner may still change them', async () => {
  await using cloud = await testCloud({ hosts: 0, config: { password_expires_days: 1 } });
  const id = await makeUser(cloud);
  const spared = await makeUser(cloud, { name: 'spared', options: { ignore_password_expiry: true } });
  const { user } = await cloud.as('admin').get(`/identity/v3/users/${id}`);
  equal(Date.parse(user.password_expires_at), cloud.clock.now() + day);
  equal((await cloud.as('admin').get(`/identity/v3/users/${spared}`)).user.password_expires_at, null);
  const inTime = new Date(cloud.clock.now() + 2 * day).toISOString().slice(0, 19);
  const { users } = await cloud.as('admin').get(`/identity/v3/users?password_expires_at=lt:${inTime}Z`);
  equal(
    users.some((each: { id: string }) => each.id === id),
    true,
  );
  const { users: none } = await cloud.as('admin').get(`/identity/v3/users?password_expires_at=gt:${inTime}Z`);
  deepEqual(none, []);
  await cloud.advance(day);
  const refused = await answerOf(cloud, id, 'first-pass-1');
  equal(refused.status, 401);
  match(refused.body.error.message, /expired/);
  equal((await answerOf(cloud, id, 'wrong')).body.error.message.includes('expired'), false);
  equal(await logIn(cloud, spared, 'first-pass-1'), 201);
  equal(await change(cloud, id, 'first-pass-1', 'second-pass-1'), 204);
  equal(await logIn(cloud, id, 'second-pass-1'), 201);
});

test('a password is strong, new, and kept for a while', async () => {
  await using cloud = await testCloud({
    hosts: 0,
    config: {
      password_regex: '[a-z0-9-]{10,}$',
      password_regex_description: 'ten characters',
      unique_last_password_count: 2,
      minimum_password_age_days: 1,
    },
  });
  const weak = await cloud
    .as('admin')
    .request('POST', '/identity/v3/users', { body: { user: { name: 'w', password: 'weak', domain_id: 'default' } } });
  equal(weak.status, 400);
  match(weak.body.error.message, /ten characters/);
  const id = await makeUser(cloud);
  equal(await change(cloud, id, 'first-pass-1', 'short'), 400);
  equal(await change(cloud, id, 'first-pass-1', 'second-pass-2'), 204, 'what an administrator gave may change at once');
  equal(await change(cloud, id, 'second-pass-2', 'third-pass-3'), 400, 'too young');
  await cloud.advance(day);
  equal(await change(cloud, id, 'second-pass-2', 'first-pass-1'), 400, 'used before');
  equal(await change(cloud, id, 'second-pass-2', 'third-pass-3'), 204);
  await cloud.advance(day);
  equal(await change(cloud, id, 'third-pass-3', 'first-pass-1'), 204, 'no longer among the last two');
});

test('what an administrator gives is changed before the first use', async () => {
  await using cloud = await testCloud({ hosts: 0, onlyAdmin: true, config: { change_password_upon_first_use: true } });
  const id = await makeUser(cloud);
  const spared = await makeUser(cloud, {
    name: 'spared',
    options: { ignore_change_password_upon_first_use: true, lock_password: true },
  });
  equal(await logIn(cloud, id, 'first-pass-1'), 401);
  equal(await change(cloud, id, 'first-pass-1', 'second-pass-1'), 204);
  equal(await logIn(cloud, id, 'second-pass-1'), 201);
  equal(await logIn(cloud, spared, 'first-pass-1'), 201);
  equal(await change(cloud, spared, 'first-pass-1', 'second-pass-1'), 400);
});

test('who stays away is disabled, and can be let in again', async () => {
  await using cloud = await testCloud({ hosts: 0, config: { disable_user_account_days_inactive: 1 } });
  const id = await makeUser(cloud);
  const spared = await makeUser(cloud, { name: 'spared', options: { ignore_user_inactivity: true } });
  for (const each of [id, spared]) equal(await logIn(cloud, each, 'first-pass-1'), 201);
  await cloud.advance(0.6 * day);
  equal(await logIn(cloud, id, 'first-pass-1'), 201);
  await cloud.advance(day);
  equal(await logIn(cloud, id, 'first-pass-1'), 401);
  equal(await logIn(cloud, spared, 'first-pass-1'), 201);
});

test('a user’s options are checked', async () => {
  const cases: [Record<string, unknown>, string | null][] = [
    [{ lock_password: true, ignore_password_expiry: null }, null],
    [{ unknown: 7 }, 'unknown'],
    [{ constructor: null }, 'constructor'],
    [{ lock_password: 'yes' }, 'lock_password'],
    [{ multi_factor_auth_enabled: 1 }, 'multi_factor_auth_enabled'],
    [{ multi_factor_auth_rules: [['password', 'totp'], ['token']] }, null],
    [{ multi_factor_auth_rules: ['password'] }, 'multi_factor_auth_rules'],
    [{ multi_factor_auth_rules: [[]] }, 'multi_factor_auth_rules'],
    [{ multi_factor_auth_rules: [['totp', 'totp']] }, 'multi_factor_auth_rules'],
    [
      {
        multi_factor_auth_rules: [
          ['a', 'b'],
          ['b', 'a'],
        ],
      },
      'multi_factor_auth_rules',
    ],
  ];
  for (const [options, odd] of cases) equal(oddOption(options), odd, JSON.stringify(options));
  await using cloud = await testCloud({ hosts: 0 });
  const user = { name: 'u', domain_id: 'default', options: { lock_password: 'yes' } };
  await cloud.as('admin').post('/identity/v3/users', { user }, 400);
});

test('expiry, age and strength', () => {
  const now = 1_800_000_000_000;
  const firstUse = { ...nothingDemanded, changePasswordUponFirstUse: true };
  equal(expiryOf(nothingDemanded, {}, now, false), null);
  equal(expiryOf(firstUse, {}, now, false), now);
  equal(expiryOf(firstUse, {}, now, true), null);
  equal(expiryOf({ ...firstUse, passwordExpiresDays: 2 }, {}, now, true), now + 2 * day);
  const state = { failures: 0, lastFailureAt: 0, passwordSetAt: now, lastActiveAt: null };
  equal(daysTooYoung({ ...nothingDemanded, minimumPasswordAgeDays: 2 }, state, now + day / 2), 2);
  equal(daysTooYoung({ ...nothingDemanded, minimumPasswordAgeDays: 2 }, state, now + 2 * day), 0);
  equal(isStrong({ ...nothingDemanded, passwordRegex: '\\d+$' }, '123'), true);
  equal(isStrong({ ...nothingDemanded, passwordRegex: '\\d+$' }, 'a123'), false);
});
