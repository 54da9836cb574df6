// Services that go on with a user's work after the user's token has ended.

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

test('with a service’s token, an ended token of a user still counts; a revoked one does not', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { roles } = await admin.get('/identity/v3/roles?name=service');
  const { user } = await admin.post('/identity/v3/users', {
    user: { name: 'nova', password: 'nova-password', domain_id: 'default' },
  });
  await admin.put(`/identity/v3/projects/${admin.projectId}/users/${user.id}/roles/${roles[0].id}`, undefined, 204);
  const logIn = async (id: string, password: string, project: string): Promise<string> => {
    const auth = {
      identity: { methods: ['password'], password: { user: { id, password } } },
      scope: { project: { id: project } },
    };
    const { headers } = await cloud.anonymous().request('POST', '/identity/v3/auth/tokens', { body: { auth } });
    return headers['x-subject-token']!;
  };
  const asUser = async (token: string, service?: string): Promise<number> => {
    const headers = { 'x-auth-token': token, ...(service === undefined ? {} : { 'x-service-token': service }) };
    return (await cloud.anonymous().request('GET', '/identity/v3/auth/projects', { headers })).status;
  };
  const member = cloud.as('member');
  const [kept, revoked] = [member.token, await logIn(member.userId, 'member-password', member.projectId)];
  const gone = { headers: { 'x-auth-token': revoked, 'x-subject-token': revoked } };
  equal((await cloud.anonymous().request('DELETE', '/identity/v3/auth/tokens', gone)).status, 204);
  await cloud.advance(3_600_000);
  const service = await logIn(user.id, 'nova-password', admin.projectId);
  const plain = await logIn(member.userId, 'member-password', member.projectId);
  equal(await asUser(kept), 401);
  equal(await asUser(kept, service), 200);
  equal(await asUser(kept, plain), 401, 'no service');
  equal(await asUser(kept, 'garbage'), 401);
  equal(await asUser(plain, 'garbage'), 401, 'a token that is named must be good');
  equal(await asUser(revoked, service), 401);
  const expired = { headers: { 'x-auth-token': service, 'x-subject-token': kept } };
  equal((await cloud.anonymous().request('GET', '/identity/v3/auth/tokens', expired)).status, 404);
  equal((await cloud.anonymous().request('GET', '/identity/v3/auth/tokens?allow_expired=1', expired)).status, 200);
});
