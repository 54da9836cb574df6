// Limits along the tree of projects, in each model.

import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { type TestClient, type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

const v3 = '/identity/v3';

/** A domain with two projects, one of which has one below it, and a resource of which each gets ten. */
async function tree(cloud: TestCloud) {
  const admin = cloud.as('admin');
  const { domain } = await admin.post(`${v3}/domains`, { domain: { name: 'd' } }, 201);
  const project = async (name: string, above: object): Promise<string> =>
    (await admin.post(`${v3}/projects`, { project: { name, domain_id: domain.id, ...above } }, 201)).project.id;
  const one = await project('one', {});
  const other = await project('other', {});
  const below = await project('below', { parent_id: one });
  const { services } = await admin.get(`${v3}/services?type=identity`);
  const resource = { service_id: services[0].id, resource_name: 'things' };
  await admin.post(`${v3}/registered_limits`, { registered_limits: [{ ...resource, default_limit: 10 }] }, 201);
  const set = (limits: object[], status = 201) =>
    admin.post(`${v3}/limits`, { limits: limits.map(limit => ({ ...resource, ...limit })) }, status);
  return { admin, domain: domain.id as string, one, other, below, set };
}

const change = (admin: TestClient, { limits }: { limits: { id: string }[] }, to: number, status = 200) =>
  admin.patch(`${v3}/limits/${limits[0]!.id}`, { limit: { resource_limit: to } }, status);

test('flat: each limit is for itself', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const { admin, domain, one, below, set } = await tree(cloud);
  equal((await admin.get(`${v3}/limits/model`)).model.name, 'flat');
  await set([{ domain_id: domain, resource_limit: 5 }]);
  await set([{ project_id: one, resource_limit: 50 }]);
  await admin.post(`${v3}/projects`, { project: { name: 'third', domain_id: 'default', parent_id: below } }, 400);
  await admin.post(`${v3}/projects`, { project: { name: 'third', parent_id: below } }, 201);
});

test('strict, two levels: no project has more than its domain, and none lies deeper', async () => {
  await using cloud = await testCloud({ hosts: 0, config: { limit_model: 'strict_two_level' } });
  const { admin, domain, one, other, below, set } = await tree(cloud);
  equal((await admin.get(`${v3}/limits/model`)).model.name, 'strict_two_level');
  const deep = await admin.post(`${v3}/projects`, { project: { name: 'third', parent_id: below } }, 403);
  match(deep.error.message, /2 levels/);

  // The registered default is the domain's, until it has its own.
  const refused = await set([{ project_id: one, resource_limit: 11 }], 403);
  match(refused.error.message, /11 of things for project .* is 10/);
  await set([{ project_id: one, resource_limit: -1 }], 403);
  const ones = await set([{ project_id: one, resource_limit: 8 }]);
  await change(admin, ones, 11, 403);
  await set([{ domain_id: domain, resource_limit: 7 }], 403);
  equal((await admin.get(`${v3}/limits`)).limits.length, 1, 'what was refused is not there');

  // Together they may be more than the domain's, and a domain's may come with those of its projects.
  const domains = await set([
    { project_id: other, resource_limit: 18 },
    { project_id: below, resource_limit: 20 },
    { domain_id: domain, resource_limit: 20 },
  ]);
  await change(admin, { limits: domains.limits.filter((each: { domain_id: string }) => each.domain_id) }, 19, 403);
  await change(admin, { limits: domains.limits.filter((each: { domain_id: string }) => each.domain_id) }, -1);
  await change(admin, ones, -1);
});
