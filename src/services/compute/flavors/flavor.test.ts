import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

const path = '/compute/v2.1/flavors';

test('a new cloud has flavors that everybody sees', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const { flavors } = await cloud.as('reader').get(`${path}/detail?minRam=2048&sort_key=memory_mb`);
  deepEqual(
    flavors.map((flavor: { name: string }) => flavor.name),
    ['m1.small', 'm1.medium', 'm1.large', 'm1.xlarge'],
  );
  const { flavors: page } = await cloud.as('reader').get(`${path}?limit=2&marker=1`);
  deepEqual(
    page.map((flavor: { id: string }) => flavor.id),
    ['2', '3'],
  );
  await cloud.as('reader').get(`${path}?marker=none`, 400);
});

test('a private flavor is seen by those who were given it', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin').with({ 'openstack-api-version': 'compute 2.61' });
  const member = cloud.as('member');
  const ask = {
    name: 'gold',
    id: 'gold',
    ram: 64,
    vcpus: '2',
    disk: 0,
    'os-flavor-access:is_public': false,
    description: 'fine',
  };
  const { flavor } = await admin.post(path, { flavor: ask }, 200);
  deepEqual([flavor.vcpus, flavor.swap, flavor.description, flavor.extra_specs], [2, '', 'fine', {}]);
  await admin.post(path, { flavor: { ...ask, name: 'other' } }, 409);
  await admin.post(path, { flavor: { ...ask, ram: 0 } }, 400);
  await member.post(path, { flavor: { name: 'x', ram: 1, vcpus: 1, disk: 1 } }, 403);
  await member.get(`${path}/gold`, 404);
  await admin.post(`${path}/gold/action`, { addTenantAccess: { tenant: member.projectId } }, 200);
  equal((await member.get(`${path}/gold`)).flavor.name, 'gold');
  await admin.post(`${path}/gold/action`, { addTenantAccess: { tenant: member.projectId } }, 409);
  await admin.post(`${path}/gold/action`, { removeTenantAccess: { tenant: member.projectId } }, 200);
  await member.get(`${path}/gold`, 404);
  equal((await admin.put(`${path}/gold`, { flavor: { description: null } })).flavor.description, null);
  await admin.delete(`${path}/gold`, 202);
  await admin.get(`${path}/gold`, 404);
});

test('extra specs come and go, and are checked from 2.86 on', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const admin = cloud.as('admin');
  const newest = admin.with({ 'openstack-api-version': 'compute 2.86' });
  const specs = `${path}/tiny/os-extra_specs`;
  await admin.post(specs, { extra_specs: { 'hw:cpu_policy': 'shared', own: '1' } }, 200);
  deepEqual(await admin.get(`${specs}/own`), { own: '1' });
  await admin.put(`${specs}/own`, { own: '2' });
  await admin.put(`${specs}/own`, { other: '2' }, 400);
  await newest.put(`${specs}/hw:cpu_policy`, { 'hw:cpu_policy': 'sharde' }, 400);
  await newest.post(specs, { extra_specs: { 'hw:cpu_polcy': 'shared' } }, 400);
  await admin.delete(`${specs}/own`, 200);
  await admin.delete(`${specs}/own`, 404);
  deepEqual((await cloud.as('reader').get(specs)).extra_specs, { 'hw:cpu_policy': 'shared' });
  await cloud.as('member').post(specs, { extra_specs: { a: 'b' } }, 403);
});
