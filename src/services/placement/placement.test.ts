import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { allocationsOfConsumer } from '#/services/placement/allocations/allocation.store.ts';
import { claim, freeHosts, release, setHostInventory } from '#/services/placement/contract.ts';
import { testCloud } from '../../../test/test-cloud.ts';

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const newest = { 'openstack-api-version': 'placement 1.39' };
const owner = { projectId: 'p', userId: 'u' };

test('hosts are claimed until they are full; what was claimed comes back whole', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 7 });
  const inventory = { VCPU: { total: 8 }, MEMORY_MB: { total: 1024, reserved: 512 } };
  await cloud.db.write(tx =>
    setHostInventory(tx, { name: 'h', providerId: uuid(1), inventory, traits: ['HW_NUMA_ROOT'] }),
  );
  const need = { VCPU: 8, MEMORY_MB: 256, DISK_GB: 0 };
  await cloud.db.write(tx => claim(tx, { id: uuid(9), ...owner }, uuid(1), need));
  await cloud.db.write(tx => claim(tx, { id: uuid(9), ...owner }, uuid(1), need));
  await cloud.db.read(async tx => {
    const held = await allocationsOfConsumer(tx, uuid(9));
    deepEqual(Object.fromEntries(held.map(row => [row.resourceClass, row.used])), { MEMORY_MB: 256, VCPU: 8 });
    deepEqual(new Set(held.map(row => row.providerId)), new Set([uuid(1)]));
    deepEqual(await freeHosts(tx, { VCPU: 1 }), []);
    equal((await freeHosts(tx, { MEMORY_MB: 256 }, { required: ['HW_NUMA_ROOT'] })).length, 1);
    equal((await freeHosts(tx, { MEMORY_MB: 256 }, { forbidden: ['HW_NUMA_ROOT'] })).length, 0);
    equal((await freeHosts(tx, { MEMORY_MB: 257 })).length, 0);
  });
  await rejects(cloud.db.write(tx => claim(tx, { id: uuid(8), ...owner }, uuid(1), { VCPU: 1 })));
  await cloud.db.write(tx => release(tx, uuid(9)));
  await cloud.db.write(tx => release(tx, uuid(9)));
  await cloud.db.read(async tx => {
    equal((await freeHosts(tx, { VCPU: 8 })).length, 1);
    deepEqual(await allocationsOfConsumer(tx, uuid(9)), []);
  });
});

test('providers, inventories and allocations over the API, with generations', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 7 });
  const admin = cloud.as('admin').with(newest);
  equal((await cloud.anonymous().get('/placement')).versions[0].max_version, '1.39');
  await cloud.as('member').with(newest).get('/placement/resource_providers', 403);
  const made = await admin.post('/placement/resource_providers', { name: 'h1', uuid: uuid(1) }, 200);
  equal(made.generation, 0);
  await admin.post('/placement/resource_providers', { name: 'h1' }, 409);
  const rp = `/placement/resource_providers/${uuid(1)}`;
  const inventories = { VCPU: { total: 8 }, DISK_GB: { total: 100, reserved: 10, allocation_ratio: 1.5 } };
  const put = await admin.put(`${rp}/inventories`, { resource_provider_generation: 0, inventories }, 200);
  equal(put.resource_provider_generation, 1);
  const late = await admin.put(`${rp}/inventories`, { resource_provider_generation: 0, inventories }, 409);
  equal(late.errors[0].code, 'placement.concurrent_update');
  const allocations = { [uuid(1)]: { resources: { VCPU: 2, DISK_GB: 5 } } };
  const ask = { allocations, project_id: 'p', user_id: 'u', consumer_generation: null, consumer_type: 'INSTANCE' };
  await admin.put(`/placement/allocations/${uuid(5)}`, ask, 204);
  await admin.put(`/placement/allocations/${uuid(5)}`, ask, 409);
  const shown = await admin.get(`/placement/allocations/${uuid(5)}`);
  deepEqual(shown.allocations[uuid(1)].resources, { VCPU: 2, DISK_GB: 5 });
  equal(shown.consumer_generation, 1);
  deepEqual((await admin.get(`${rp}/usages`)).usages, { VCPU: 2, DISK_GB: 5 });
  const usages = await admin.get('/placement/usages?project_id=p');
  deepEqual(usages.usages, { INSTANCE: { VCPU: 2, DISK_GB: 5, consumer_count: 1 } });
  await admin.delete(`${rp}/inventories/VCPU`, 409);
  await admin.delete(rp, 409);
  const found = await admin.get('/placement/allocation_candidates?resources=VCPU:6,DISK_GB:1');
  deepEqual(found.allocation_requests, [
    { allocations: { [uuid(1)]: { resources: { VCPU: 6, DISK_GB: 1 } } }, mappings: { '': [uuid(1)] } },
  ]);
  deepEqual(found.provider_summaries[uuid(1)].resources.DISK_GB, { capacity: 135, used: 5 });
  deepEqual((await admin.get('/placement/allocation_candidates?resources=VCPU:7')).allocation_requests, []);
  await admin.get('/placement/allocation_candidates', 400);
  await admin.get('/placement/allocation_candidates?resources=NOPE:7', 400);
  await admin.delete(`/placement/allocations/${uuid(5)}`, 204);
  await admin.delete(`/placement/allocations/${uuid(5)}`, 404);
  await admin.delete(rp, 204);
});

test('traits, classes and aggregates choose candidates', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 7 });
  const admin = cloud.as('admin').with(newest);
  await admin.put('/placement/traits/CUSTOM_FAST', undefined, 201);
  await admin.put('/placement/traits/CUSTOM_FAST', undefined, 204);
  await admin.put('/placement/traits/fast', undefined, 400);
  await admin.put('/placement/resource_classes/CUSTOM_LICENCE', undefined, 201);
  for (const n of [1, 2]) {
    await admin.post('/placement/resource_providers', { name: `h${n}`, uuid: uuid(n) }, 200);
    const inventories = { VCPU: { total: 4 }, CUSTOM_LICENCE: { total: 1 } };
    const rp = `/placement/resource_providers/${uuid(n)}`;
    await admin.put(`${rp}/inventories`, { resource_provider_generation: 0, inventories }, 200);
  }
  const rp = `/placement/resource_providers/${uuid(1)}`;
  await admin.put(`${rp}/traits`, { traits: ['CUSTOM_FAST'], resource_provider_generation: 1 }, 200);
  await admin.put(`${rp}/aggregates`, { aggregates: [uuid(50)], resource_provider_generation: 2 }, 200);
  const hosts = async (query: string): Promise<string[]> =>
    (await admin.get(`/placement/allocation_candidates?resources=VCPU:1&${query}`)).allocation_requests.flatMap(
      (one: { allocations: object }) => Object.keys(one.allocations),
    );
  deepEqual(await hosts('required=CUSTOM_FAST'), [uuid(1)]);
  deepEqual(await hosts('required=!CUSTOM_FAST'), [uuid(2)]);
  deepEqual(await hosts(`member_of=${uuid(50)}`), [uuid(1)]);
  deepEqual(await hosts(`member_of=!${uuid(50)}`), [uuid(2)]);
  deepEqual(await hosts(`in_tree=${uuid(2)}`), [uuid(2)]);
  equal((await hosts('limit=1')).length, 1);
  deepEqual(await hosts('resources1=CUSTOM_LICENCE:1&required1=CUSTOM_FAST'), [uuid(1)]);
  await admin.delete('/placement/traits/CUSTOM_FAST', 409);
  await admin.delete('/placement/resource_classes/CUSTOM_LICENCE', 409);
  await cloud.as('admin').get('/placement/traits', 404);
});
