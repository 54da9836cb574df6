// Trusts that are handed on: never more than was handed over, and all of them end with the first.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { type TestClient, type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const trusts = '/identity/v3/OS-TRUST/trusts';

interface Person {
  id: string;
  name: string;
}

async function person(cloud: TestCloud, name: string): Promise<Person> {
  const { user } = await cloud
    .as('admin')
    .post('/identity/v3/users', { user: { name, password: `${name}-password`, domain_id: 'default' } });
  return { id: user.id, name };
}

/** The trustee's client under a trust; or the status of the refusal. */
async function actBy(cloud: TestCloud, { id, name }: Person, trustId: string): Promise<TestClient | number> {
  const auth = {
    identity: { methods: ['password'], password: { user: { id, password: `${name}-password` } } },
    scope: { 'OS-TRUST:trust': { id: trustId } },
  };
  const { status, headers } = await cloud.anonymous().request('POST', '/identity/v3/auth/tokens', { body: { auth } });
  return status === 201 ? cloud.anonymous().with({ 'x-auth-token': headers['x-subject-token']! }) : status;
}

test('a trust is handed on, a little less far each time', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const member = cloud.as('member');
  const [ann, bob, cho] = [await person(cloud, 'ann'), await person(cloud, 'bob'), await person(cloud, 'cho')];
  const base = { trustor_user_id: member.userId, impersonation: true, project_id: member.projectId };
  const expires = new Date(cloud.clock.now() + 3_600_000).toISOString();
  const { trust: first } = await member.post(trusts, {
    trust: {
      ...base,
      trustee_user_id: ann.id,
      roles: [{ name: 'member' }],
      allow_redelegation: true,
      redelegation_count: 2,
      expires_at: expires,
    },
  });
  const asAnn = (await actBy(cloud, ann, first.id)) as TestClient;
  const next = { ...base, trustee_user_id: bob.id, roles: [{ name: 'member' }] };
  const refused: [string, Record<string, unknown>][] = [
    ['as often as before', { allow_redelegation: true, redelegation_count: 2 }],
    ['longer', { expires_at: new Date(cloud.clock.now() + 7_200_000).toISOString() }],
    ['another project', { project_id: cloud.as('other').projectId }],
  ];
  for (const [name, change] of refused) {
    const { status } = await asAnn.request('POST', trusts, { body: { trust: { ...next, ...change } } });
    equal(status, name === 'another project' ? 404 : 403, name);
  }
  const more = await asAnn.request('POST', trusts, { body: { trust: { ...next, roles: [{ name: 'admin' }] } } });
  equal(more.status >= 400 && more.status < 500, true);

  const { trust: second } = await asAnn.post(trusts, { trust: { ...next, allow_redelegation: true } });
  deepEqual(
    [second.redelegated_trust_id, second.redelegation_count, second.expires_at],
    [first.id, 1, first.expires_at],
  );
  const asBob = (await actBy(cloud, bob, second.id)) as TestClient;
  const { trust: third } = await asBob.post(trusts, {
    trust: { ...base, trustee_user_id: cho.id, roles: [{ name: 'member' }] },
  });
  const asCho = (await actBy(cloud, cho, third.id)) as TestClient;
  equal((await asCho.request('GET', '/identity/v3/auth/projects')).status, 200);
  const further = { trust: { ...base, trustee_user_id: ann.id, roles: [{ name: 'member' }] } };
  equal((await asCho.request('POST', trusts, { body: further })).status, 403, 'as far as it goes');

  await member.delete(`${trusts}/${first.id}`);
  for (const client of [asAnn, asBob, asCho])
    equal((await client.request('GET', '/identity/v3/auth/projects')).status, 401);
  for (const { id } of [second, third]) await member.get(`${trusts}/${id}`, 404);
});
