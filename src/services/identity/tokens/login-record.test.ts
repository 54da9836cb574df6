// Logins leave a record of who, from where and with what outcome; failures say why to those who watch, within limits.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { failureThrottle } from '#/services/identity/tokens/failure-throttle.ts';
import { type TestCloud, testCloud } from '../../../../test/test-cloud.ts';
import { virtualClock } from '../../../../test/virtual-clock.ts';

// biome-ignore lint: events are asserted where they are read
type Record = any;

async function logins({ db }: TestCloud): Promise<Record[]> {
  const rows = await db.read(tx =>
    tx
      .withTables<{ events: { seq: number; type: string; requestId: string; payload: string } }>()
      .selectFrom('events')
      .selectAll()
      .where('type', 'in', ['identity.authenticate', 'identity.user.updated'])
      .orderBy('seq')
      .execute(),
  );
  return rows.map(row => ({ ...JSON.parse(row.payload), requestId: row.requestId }));
}

test('who logs in, and who tries, is told', async () => {
  await using cloud = await testCloud({
    hosts: 0,
    config: { lockout_failure_attempts: 2, password_regex: '^.{8,}$', password_regex_description: 'eight characters' },
  });
  const admin = cloud.as('admin');
  const path = '/identity/v3/auth/tokens';
  const { user } = await admin.post('/identity/v3/users', {
    user: { name: 'watched', password: 'watched-password', domain_id: 'default' },
  });
  const logIn = (password: string, who: object = { id: user.id }) =>
    cloud.anonymous().request('POST', path, {
      body: { auth: { identity: { methods: ['password'], password: { user: { ...who, password } } } } },
      headers: { 'user-agent': 'watcher/1' },
    });
  const before = (await logins(cloud)).length;
  const last = async (): Promise<Record> => {
    await cloud.settle();
    return (await logins(cloud)).at(-1);
  };

  const good = await logIn('watched-password');
  equal(good.status, 201);
  const { action, outcome, initiator, target, requestId, reason } = await last();
  deepEqual([action, outcome, reason], ['authenticate', 'success', undefined]);
  deepEqual([initiator.id, initiator.username, initiator.host.agent], [user.id, 'watched', 'watcher/1']);
  ok(initiator.host.address.includes('127.0.0.1'));
  deepEqual(target.methods, ['password']);
  equal(requestId, good.headers['x-openstack-request-id']);
  const story = await admin.get(`/haneul/requests/${requestId}`);
  equal(story.events[0].type, 'identity.authenticate');

  // An exchange is no login.
  const count = (await logins(cloud)).length;
  const token = { id: good.headers['x-subject-token'] };
  const exchanged = { auth: { identity: { methods: ['token'], token } } };
  equal((await cloud.anonymous().request('POST', path, { body: exchanged })).status, 201);
  equal((await logins(cloud)).length, count);

  for (const [answer, id, why] of [
    [await logIn('wrong-1'), user.id, 'WrongPassword'],
    [await logIn('wrong-2', { name: 'watched', domain: { id: 'default' } }), user.id, 'WrongPassword'],
    [await logIn('watched-password'), user.id, 'AccountLocked'],
    [await logIn('wrong-3', { name: 'nobody-at-all', domain: { id: 'default' } }), 'unknown', 'UnknownUser'],
  ] as const) {
    equal(answer.status, 401);
    equal(JSON.stringify(answer.body).includes(why), false);
    await cloud.settle();
    const told = (await logins(cloud)).find(each => each.requestId === answer.headers['x-openstack-request-id']);
    deepEqual([told.outcome, told.initiator.id], ['failure', id]);
    deepEqual(told.reason, { reasonType: why, reasonCode: '401' });
  }

  await admin.patch(`/identity/v3/users/${user.id}`, { user: { enabled: false, password: 'another-password' } });
  equal((await logIn('another-password')).status, 401);
  ok(['UserDisabled', 'AccountLocked'].includes((await last()).reason.reasonType));

  // A right password whose rules ask for more, and a new one that is too weak.
  const { user: strict } = await admin.post('/identity/v3/users', {
    user: {
      ...{ name: 'strict', password: 'strict-password', domain_id: 'default' },
      options: { multi_factor_auth_rules: [['password', 'totp']], multi_factor_auth_enabled: true },
    },
  });
  equal((await logIn('strict-password', { id: strict.id })).status, 401);
  equal((await last()).outcome, 'pending');
  const change = await cloud.anonymous().request('POST', `/identity/v3/users/${strict.id}/password`, {
    body: { user: { original_password: 'strict-password', password: 'short' } },
  });
  equal(change.status, 400);
  const weak = await last();
  deepEqual([weak.action, weak.outcome, weak.target.id], ['updated.user', 'failure', strict.id]);
  ok(weak.reason.reasonType.includes('eight characters'));

  const all = JSON.stringify((await logins(cloud)).slice(before));
  for (const secret of ['watched-password', 'wrong-1', 'another-password', 'strict-password', 'nobody-at-all'])
    ok(!all.includes(secret), secret);
});

test('a flood of failures is told of within limits, and how many were left out', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const body = {
    auth: { identity: { methods: ['password'], password: { user: { id: 'nobody', password: 'x' } } } },
  };
  const attempt = () => cloud.anonymous().request('POST', '/identity/v3/auth/tokens', { body });
  const failures = async (): Promise<Record[]> => (await logins(cloud)).filter(({ outcome }) => outcome === 'failure');
  for (let at = 0; at < 30; at++) equal((await attempt()).status, 401);
  await cloud.settle();
  equal((await failures()).length, 20);
  await cloud.advance(6_000);
  await attempt();
  await cloud.settle();
  const told = await failures();
  equal(told.length, 21);
  deepEqual(told.at(-1).attachments, [{ name: 'left_out', typeURI: 'mime:text/plain', content: '10' }]);
});

test('one address does not silence another, and the whole is bounded', async () => {
  const clock = virtualClock();
  const throttle = failureThrottle(clock, { perAddress: 2, inAll: 5, addresses: 3 });
  const takes = (...addresses: string[]): (number | null)[] => addresses.map(address => throttle.take(address));
  deepEqual(takes('a', 'a', 'a', 'b'), [0, 0, null, 0]);
  deepEqual(takes('b', 'c', 'c'), [0, 0, null], 'none is left for anybody');
  await clock.advance(60_000);
  deepEqual(takes('a', 'c', 'b'), [1, 1, 0]);
  await clock.advance(60_000);
  deepEqual(takes('d', 'e', 'a'), [0, 0, 0], 'the oldest are forgotten');
});
