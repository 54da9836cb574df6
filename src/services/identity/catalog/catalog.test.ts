// The catalog: what a token shows of it, who may change it, and that its URLs follow the configuration.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { seedIdentity } from '#/services/identity/seed.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const v3 = '/identity/v3';

test('a new endpoint shows in the catalog at once, with the project in its URL', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const urls = async (): Promise<string[]> =>
    (await member.get(`${v3}/auth/catalog`)).catalog
      .filter((entry: { type: string }) => entry.type === 'toys')
      .flatMap((entry: any) => entry.endpoints.map((row: { url: string }) => row.url));
  const { service } = await admin.post(`${v3}/services`, { service: { type: 'toys', name: 'toys' } });
  const ask = {
    service_id: service.id,
    interface: 'public',
    region_id: 'RegionOne',
    url: 'http://toys/$(project_id)s',
  };
  const { endpoint } = await admin.post(`${v3}/endpoints`, { endpoint: ask });
  deepEqual(await urls(), [`http://toys/${member.projectId}`]);
  const validated = await admin.request('GET', `${v3}/auth/tokens`, { headers: { 'x-subject-token': member.token } });
  ok(JSON.stringify(validated.body.token.catalog).includes(`http://toys/${member.projectId}`));
  await admin.patch(`${v3}/endpoints/${endpoint.id}`, { endpoint: { enabled: false } });
  deepEqual(await urls(), []);
  await admin.post(`${v3}/endpoints`, { endpoint: { ...ask, enabled: 'True' } }, 400);
  await admin.post(`${v3}/endpoints`, { endpoint: { ...ask, interface: 'odd' } }, 400);
  await admin.post(`${v3}/endpoints`, { endpoint: { ...ask, url: 'http://toys/$(nonsense)s' } }, 400);
  await admin.post(`${v3}/endpoints`, { endpoint: { ...ask, service_id: 'none' } }, 400);
  await admin.delete(`${v3}/services/${service.id}`);
  await admin.get(`${v3}/endpoints/${endpoint.id}`, 404);
});

test('our own endpoints follow the public URL, except those that an operator changed', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const { services } = await admin.get(`${v3}/services?type=identity`);
  const { endpoints } = await admin.get(`${v3}/endpoints?service_id=${services[0].id}`);
  equal(endpoints.length, 3);
  await admin.patch(`${v3}/endpoints/${endpoints[0].id}`, { endpoint: { url: 'http://mine/' } });
  const settings = {
    region: 'RegionOne',
    publicUrl: 'http://moved',
    adminPasswordHash: '',
    adminPassword: '',
    services: [{ name: 'identity', type: 'identity', catalogName: 'keystone', catalogPath: '' }],
    externalCidr: null,
    simulated: true,
  };
  await cloud.db.write(tx => seedIdentity(tx, settings));
  const after = await admin.get(`${v3}/endpoints?service_id=${services[0].id}`);
  deepEqual(after.endpoints.map((row: { url: string }) => row.url).toSorted(), [
    'http://mine/',
    'http://moved/identity',
    'http://moved/identity',
  ]);
});

test('regions form a tree', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  await admin.post(`${v3}/regions`, { region: { id: 'a' } });
  await admin.put(`${v3}/regions/b`, { region: { parent_region_id: 'a' } }, 201);
  await admin.post(`${v3}/regions`, { region: { id: 'a' } }, 409);
  await admin.post(`${v3}/regions`, { region: { parent_region_id: 'none' } }, 404);
  await admin.patch(`${v3}/regions/a`, { region: { parent_region_id: 'b' } }, 400);
  await admin.delete(`${v3}/regions/a`, 409);
  deepEqual(
    (await cloud.as('reader').get(`${v3}/regions?parent_region_id=a`)).regions.map((row: { id: string }) => row.id),
    ['b'],
  );
});

test('an endpoint group narrows the catalog of a project', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { endpoint_group: group } = await admin.post(`${v3}/OS-EP-FILTER/endpoint_groups`, {
    endpoint_group: { name: 'g', filters: { interface: 'public' } },
  });
  const pair = `${v3}/OS-EP-FILTER/endpoint_groups/${group.id}/projects/${member.projectId}`;
  await admin.put(pair, undefined, 204);
  const kinds = async (): Promise<string[]> => [
    ...new Set<string>(
      (await member.get(`${v3}/auth/catalog`)).catalog.flatMap((entry: any) =>
        entry.endpoints.map((row: { interface: string }) => row.interface),
      ),
    ),
  ];
  deepEqual(await kinds(), ['public']);
  await admin.delete(pair);
  equal((await kinds()).length, 3);
});

test('limits: a registered default, and what a project gets instead', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { services } = await admin.get(`${v3}/services?type=identity`);
  const resource = { service_id: services[0].id, resource_name: 'things' };
  await admin.post(`${v3}/limits`, { limits: [{ ...resource, project_id: member.projectId, resource_limit: 5 }] }, 403);
  const { registered_limits: registered } = await admin.post(`${v3}/registered_limits`, {
    registered_limits: [{ ...resource, default_limit: 10 }],
  });
  await admin.post(`${v3}/registered_limits`, { registered_limits: [{ ...resource, default_limit: 10 }] }, 409);
  const { limits } = await admin.post(`${v3}/limits`, {
    limits: [{ ...resource, project_id: member.projectId, resource_limit: 5 }],
  });
  equal((await member.get(`${v3}/limits/${limits[0].id}`)).limit.resource_limit, 5);
  deepEqual((await cloud.as('other').get(`${v3}/limits`)).limits, []);
  await cloud.as('other').get(`${v3}/limits/${limits[0].id}`, 404);
  await admin.delete(`${v3}/registered_limits/${registered[0].id}`, 403);
  equal((await admin.patch(`${v3}/limits/${limits[0].id}`, { limit: { resource_limit: 7 } })).limit.resource_limit, 7);
});
