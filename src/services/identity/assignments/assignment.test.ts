// Roles: given directly, through groups, from above and by implication; listed; taken back.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type TestClient, type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const v3 = '/identity/v3';

async function rolesIn(cloud: TestCloud, userId: string, projectId: string): Promise<string[] | number> {
  const identity = { methods: ['password'], password: { user: { id: userId, password: 'secret-word' } } };
  const body = { auth: { identity, scope: { project: { id: projectId } } } };
  const answer = await cloud.anonymous().request('POST', `${v3}/auth/tokens`, { body });
  return answer.status === 201 ? answer.body.token.roles.map((role: { name: string }) => role.name) : answer.status;
}

async function setUp(admin: TestClient) {
  const { user } = await admin.post(`${v3}/users`, {
    user: { name: 'u', password: 'secret-word', domain_id: 'default' },
  });
  const { group } = await admin.post(`${v3}/groups`, { group: { name: 'g', domain_id: 'default' } });
  const { project } = await admin.post(`${v3}/projects`, { project: { name: 'top', domain_id: 'default' } });
  const { project: below } = await admin.post(`${v3}/projects`, { project: { name: 'below', parent_id: project.id } });
  const { roles } = await admin.get(`${v3}/roles`);
  const role = (name: string): string => roles.find((row: { name: string }) => row.name === name).id;
  return { user, group, project, below, role };
}

test('a role through a group reaches its members, until they leave', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { user, group, project, role } = await setUp(admin);
  await admin.put(`${v3}/projects/${project.id}/groups/${group.id}/roles/${role('member')}`, undefined, 204);
  equal(await rolesIn(cloud, user.id, project.id), 401);
  const membership = `${v3}/groups/${group.id}/users/${user.id}`;
  await admin.get(membership, 404);
  await admin.put(membership, undefined, 204);
  await admin.get(membership, 204);
  deepEqual(await rolesIn(cloud, user.id, project.id), ['member', 'reader']);
  deepEqual(
    (await admin.get(`${v3}/users/${user.id}/groups`)).groups.map((row: { name: string }) => row.name),
    ['g'],
  );
  await admin.delete(membership);
  equal(await rolesIn(cloud, user.id, project.id), 401);
});

test('an inherited role holds below its target, not on it', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { user, project, below, role } = await setUp(admin);
  const onProject = `${v3}/OS-INHERIT/projects/${project.id}/users/${user.id}/roles/${role('reader')}/inherited_to_projects`;
  await admin.put(onProject, undefined, 204);
  equal(await rolesIn(cloud, user.id, project.id), 401);
  deepEqual(await rolesIn(cloud, user.id, below.id), ['reader']);
  await admin.delete(onProject);
  const onDomain = `${v3}/OS-INHERIT/domains/default/users/${user.id}/roles/${role('member')}/inherited_to_projects`;
  await admin.put(onDomain, undefined, 204);
  deepEqual(await rolesIn(cloud, user.id, below.id), ['member', 'reader']);
  const listed = await admin.get(`${v3}/role_assignments?user.id=${user.id}`);
  equal(listed.role_assignments[0].scope['OS-INHERIT:inherited_to'], 'projects');
  const effective = await admin.get(
    `${v3}/role_assignments?effective&user.id=${user.id}&scope.project.id=${below.id}&include_names`,
  );
  deepEqual(effective.role_assignments.map((row: { role: { name: string } }) => row.role.name).toSorted(), [
    'member',
    'reader',
  ]);
});

test('a role of a domain only implies', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { user, project, role } = await setUp(admin);
  const { role: own } = await admin.post(`${v3}/roles`, { role: { name: 'operators', domain_id: 'default' } });
  await admin.put(`${v3}/roles/${own.id}/implies/${role('reader')}`, undefined, 201);
  await admin.put(`${v3}/roles/${role('member')}/implies/${role('admin')}`, undefined, 403);
  await admin.put(`${v3}/projects/${project.id}/users/${user.id}/roles/${own.id}`, undefined, 204);
  deepEqual(await rolesIn(cloud, user.id, project.id), ['reader']);
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'd' } });
  const { project: elsewhere } = await admin.post(`${v3}/projects`, { project: { name: 'e', domain_id: domain.id } });
  await admin.put(`${v3}/projects/${elsewhere.id}/users/${user.id}/roles/${own.id}`, undefined, 403);
  ok((await admin.get(`${v3}/roles`)).roles.every((row: { name: string }) => row.name !== 'operators'));
  ok((await admin.get(`${v3}/role_inferences`)).role_inferences.length >= 4);
});

test('S-04 taking a role that is not held changes nothing', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { user, project, role } = await setUp(admin);
  await admin.put(`${v3}/projects/${project.id}/users/${user.id}/roles/${role('reader')}`, undefined, 204);
  const before = await admin.get(`${v3}/role_assignments`);
  await admin.delete(`${v3}/projects/${project.id}/users/${user.id}/roles/${role('member')}`, 404);
  await admin.put(`${v3}/projects/${project.id}/users/nobody/roles/${role('member')}`, undefined, 404);
  deepEqual((await admin.get(`${v3}/role_assignments`)).role_assignments, before.role_assignments);
  await admin.get(`${v3}/role_assignments?effective&group.id=x`, 400);
  const system = `${v3}/system/users/${user.id}/roles`;
  await admin.put(`${system}/${role('reader')}`, undefined, 204);
  equal((await admin.get(system)).roles.length, 1);
  await admin.delete(`${system}/${role('reader')}`);
});
