// Every change leaves one CADF record, and what does not happen leaves none.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf } from '#/services/identity/notifications.ts';
import { testCloud } from '../../../test/test-cloud.ts';

test('what changes is told by its rule', () => {
  for (const [policy, method, path, change] of [
    ['identity:create_user', 'POST', '/v3/users', ['user', 'created']],
    ['identity:update_project', 'PATCH', '/v3/projects/{project_id}', ['project', 'updated']],
    ['identity:create_grant', 'PUT', '', ['role_assignment', 'created']],
    ['identity:revoke_grant', 'DELETE', '', ['role_assignment', 'deleted']],
    ['identity:add_user_to_group', 'PUT', '', ['group_membership', 'created']],
    ['identity:ec2_delete_credential', 'DELETE', '', ['credential', 'deleted']],
    ['identity:list_users', 'GET', '', null],
    ['public', 'POST', '/v3/users/{user_id}/password', ['user', 'updated']],
    ['public', 'POST', '/v3/auth/tokens', null],
  ] as const)
    deepEqual(changeOf({ policy, method, path }), change, policy);
});

test('every changing call of the service is told of, but those that only ask', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const identity = cloud.cloud.services.find(({ name }) => name === 'identity')!;
  const silent = identity.endpoints.filter(each => each.writes && !changeOf(each)).map(({ path }) => path);
  for (const path of silent) ok(/auth|OAUTH|FEDERATION|tokens/.test(path), path);
});

test('a change has its record, a refusal none', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const user = { user: { name: 'told', password: 'secret-of-told', domain_id: 'default' } };
  const made = await admin.request('POST', '/identity/v3/users', { body: user });
  const story = async (id: string) => (await admin.get(`/haneul/requests/${id}`)).events;
  const events = await story(made.headers['x-openstack-request-id']!);
  equal(events.length, 1);
  const [{ type, resource_id: id, payload }] = events;
  deepEqual([type, id], ['identity.user.created', made.body.user.id]);
  deepEqual(
    [payload.action, payload.outcome, payload.initiator.id, payload.target.id],
    ['created.user', 'success', admin.userId, id],
  );
  ok(!JSON.stringify(events).includes('secret-of-told'));
  const again = await admin.request('POST', '/identity/v3/users', { body: user });
  equal(again.status, 409);
  deepEqual(await story(again.headers['x-openstack-request-id']!), []);
});
