// Projects and domains: the tree, what may change, and what goes with them.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

const v3 = '/identity/v3';

test('a project is made, found, changed and deleted', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { project } = await admin.post(`${v3}/projects`, {
    project: { name: 'p', domain_id: 'default', description: 'd', tags: ['a', 'b'], colour: 'red' },
  });
  equal(project.parent_id, 'default');
  equal(project.colour, 'red');
  equal(project.links.self, `${cloud.url}/identity/v3/projects/${project.id}`);
  const names = async (query: string): Promise<string[]> =>
    (await admin.get(`${v3}/projects?${query}`)).projects.map((found: { name: string }) => found.name);
  deepEqual(await names('name=p'), ['p']);
  deepEqual(await names('name__contains=emo'), ['demo']);
  deepEqual(await names('tags=a,b'), ['p']);
  deepEqual(await names('tags-any=b,x'), ['p']);
  deepEqual(await names('tags=a,x'), []);
  deepEqual(await names('enabled=False'), []);
  const page = await admin.get(`${v3}/projects?limit=1`);
  equal(page.projects.length, 1);
  equal((await admin.get(page.links.next.slice(cloud.url.length))).projects.length, 1);
  const path = `${v3}/projects/${project.id}`;
  const changed = await admin.patch(path, { project: { name: 'q', colour: 'blue' } });
  deepEqual([changed.project.name, changed.project.colour, changed.project.description], ['q', 'blue', 'd']);
  await admin.patch(path, { project: { domain_id: 'other' } }, 400);
  await admin.patch(path, { project: { parent_id: 'other' } }, 403);
  await admin.patch(path, { project: { name: 'demo' } }, 409);
  await admin.post(`${v3}/projects`, { project: { name: 'q', domain_id: 'default' } }, 409);
  await admin.post(`${v3}/projects`, { project: { name: '' } }, 400);
  await admin.post(`${v3}/projects`, { project: { name: 'x'.repeat(65) } }, 400);
  await admin.delete(path);
  await admin.get(path, 404);
});

test('the tree of projects', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const make = async (name: string, parent_id: string, status = 201) =>
    (await admin.post(`${v3}/projects`, { project: { name, parent_id } }, status)).project?.id;
  const top = await make('top', 'default');
  const middle = await make('middle', top);
  const leaf = await make('leaf', middle);
  const shown = (await admin.get(`${v3}/projects/${middle}?parents_as_ids&subtree_as_ids`)).project;
  deepEqual(shown.parents, { [top]: { default: null } });
  deepEqual(shown.subtree, { [leaf]: null });
  await admin.get(`${v3}/projects/${middle}?parents_as_ids&parents_as_list`, 400);
  await admin.delete(`${v3}/projects/${top}`, 403);
  await admin.patch(`${v3}/projects/${top}`, { project: { enabled: false } }, 403);
  const deeper = await make('4', leaf);
  const deepest = await make('5', deeper);
  await make('6', deepest, 403);
});

test('a domain is emptied with its deletion, and not before it is disabled', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'd' } });
  const { user } = await admin.post(`${v3}/users`, { user: { name: 'u', domain_id: domain.id } });
  const { project } = await admin.post(`${v3}/projects`, { project: { name: 'p', domain_id: domain.id } });
  await admin.delete(`${v3}/domains/${domain.id}`, 403);
  await admin.patch(`${v3}/domains/${domain.id}`, { domain: { enabled: false } });
  await admin.delete(`${v3}/domains/${domain.id}`);
  await admin.get(`${v3}/users/${user.id}`, 404);
  await admin.get(`${v3}/projects/${project.id}`, 404);
  await admin.delete(`${v3}/domains/default`, 403);
});

test('a domain may bring its id, unless a domain or a project has it', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const make = (name: string, id: string, status: number) =>
    admin.post(`${v3}/domains`, { domain: { name, explicit_domain_id: id } }, status);
  const id = 'a'.repeat(32);
  equal((await make('first', id, 201)).domain.id, id);
  await make('second', id, 409);
  await make('third', admin.projectId, 409);
});

test('what is immutable stays until it is unlocked', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { project } = await admin.post(`${v3}/projects`, { project: { name: 'p', options: { immutable: true } } });
  const path = `${v3}/projects/${project.id}`;
  await admin.patch(path, { project: { name: 'q' } }, 403);
  await admin.delete(path, 403);
  await admin.patch(path, { project: { options: { immutable: null } } });
  await admin.delete(path);
});

test('tags', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const path = `${v3}/projects/${admin.projectId}/tags`;
  await admin.put(path, { tags: ['a', 'b'] });
  await admin.put(`${path}/c`, undefined, 201);
  deepEqual((await admin.get(path)).tags, ['a', 'b', 'c']);
  await admin.delete(`${path}/a`);
  await admin.get(`${path}/a`, 404);
  await admin.get(`${path}/b`, 204);
  await admin.put(path, { tags: ['a/b'] }, 400);
  await admin.delete(path);
  deepEqual((await admin.get(path)).tags, []);
});

test('the manager of a domain manages that domain and no other', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'd' } });
  const { user } = await admin.post(`${v3}/users`, { user: { name: 'm', password: 'm', domain_id: domain.id } });
  const roleId = async (name: string): Promise<string> => (await admin.get(`${v3}/roles?name=${name}`)).roles[0].id;
  await admin.put(`${v3}/domains/${domain.id}/users/${user.id}/roles/${await roleId('manager')}`, undefined, 204);
  const identity = { methods: ['password'], password: { user: { id: user.id, password: 'm' } } };
  const login = { auth: { identity, scope: { domain: { id: domain.id } } } };
  const { headers } = await cloud.anonymous().request('POST', `${v3}/auth/tokens`, { body: login });
  const manager = cloud.anonymous().with({ 'x-auth-token': headers['x-subject-token']! });
  const { project } = await manager.post(`${v3}/projects`, { project: { name: 'p', domain_id: domain.id } });
  const { user: other } = await manager.post(`${v3}/users`, { user: { name: 'n', domain_id: domain.id } });
  await manager.put(`${v3}/projects/${project.id}/users/${other.id}/roles/${await roleId('member')}`, undefined, 204);
  await manager
    .request('PUT', `${v3}/projects/${project.id}/users/${other.id}/roles/${await roleId('admin')}`)
    .then(({ status }) => equal(status, 403));
  await manager.post(`${v3}/projects`, { project: { name: 'p', domain_id: 'default' } }, 403);
  await manager.patch(`${v3}/users/${admin.userId}`, { user: { password: 'stolen' } }, 404);
  deepEqual((await manager.get(`${v3}/users`)).users.map((row: { name: string }) => row.name).toSorted(), ['m', 'n']);
  await manager.get(`${v3}/users?domain_id=default`, 403);
});
