import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { someImage, someNetwork } from '../../../../test/image-and-network.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const base = '/compute/v2.1';

test('services, hypervisors and zones as operators see them', async () => {
  await using cloud = await testCloud({ hosts: 2 });
  const admin = cloud.as('admin').with({ 'openstack-api-version': 'compute 2.88' });
  const { services } = await admin.get(`${base}/os-services`);
  deepEqual(
    services.map((one: { binary: string }) => one.binary),
    ['nova-scheduler', 'nova-conductor', 'nova-compute', 'nova-compute'],
  );
  const id = services[2].id as string;
  const { service } = await admin.put(`${base}/os-services/${id}`, {
    status: 'disabled',
    disabled_reason: 'disk swap',
  });
  deepEqual([service.status, service.disabled_reason, service.state], ['disabled', 'disk swap', 'up']);
  await admin.put(`${base}/os-services/${id}`, { status: 'enabled', disabled_reason: 'x' }, 400);
  await admin.put(`${base}/os-services/${services[0].id}`, { status: 'disabled' }, 400);
  const old = cloud.as('admin');
  equal(
    (await old.put(`${base}/os-services/enable`, { host: 'host-1', binary: 'nova-compute' })).service.status,
    'enabled',
  );
  const { hypervisors } = await admin.get(`${base}/os-hypervisors/detail`);
  deepEqual([hypervisors.length, hypervisors[0].hypervisor_hostname, 'vcpus' in hypervisors[0]], [2, 'host-1', false]);
  match(hypervisors[0].uptime, /up 0 days/);
  const older = (await old.get(`${base}/os-hypervisors/detail`)).hypervisors[0];
  deepEqual([typeof older.id, older.vcpus_used, older.running_vms, typeof older.cpu_info], ['number', 0, 0, 'string']);
  equal((await old.get(`${base}/os-hypervisors/statistics`)).hypervisor_statistics.count, 2);
  await admin.get(`${base}/os-hypervisors/statistics`, 404);
  await old.get(`${base}/os-hypervisors/none/search`, 404);
  equal((await old.get(`${base}/os-hypervisors/host-/search`)).hypervisors.length, 2);
  await cloud.as('member').get(`${base}/os-services`, 403);
  const { availabilityZoneInfo: zones } = await cloud.as('member').get(`${base}/os-availability-zone`);
  deepEqual(zones, [{ zoneName: 'nova', zoneState: { available: true }, hosts: null }]);
});

test('an aggregate makes a zone, and servers that ask for it go there', async () => {
  await using cloud = await testCloud({ hosts: 2 });
  const admin = cloud.as('admin').with({ 'openstack-api-version': 'compute 2.41' });
  const member = cloud.as('member');
  const { aggregate } = await admin.post(
    `${base}/os-aggregates`,
    { aggregate: { name: 'racks', availability_zone: 'east' } },
    200,
  );
  const url = `${base}/os-aggregates/${aggregate.id}`;
  await admin.post(`${base}/os-aggregates`, { aggregate: { name: 'racks' } }, 409);
  deepEqual((await admin.post(`${url}/action`, { add_host: { host: 'host-2' } }, 200)).aggregate.hosts, ['host-2']);
  await admin.post(`${url}/action`, { add_host: { host: 'host-2' } }, 409);
  await admin.post(`${url}/action`, { add_host: { host: 'none' } }, 404);
  const { aggregate: tagged } = await admin.post(`${url}/action`, { set_metadata: { metadata: { ssd: 'true' } } }, 200);
  deepEqual(tagged.metadata, { availability_zone: 'east', ssd: 'true' });
  await admin.delete(url, 400);
  const imageRef = await someImage(admin);
  const network = await someNetwork(member);
  const ask = (zone: string) => ({
    server: { name: 's', imageRef, flavorRef: 'tiny', networks: [{ uuid: network }], availability_zone: zone },
  });
  const { server } = await member.post(`${base}/servers`, ask('east'), 202);
  await cloud.settle();
  const shown = (await admin.get(`${base}/servers/${server.id}`)).server;
  deepEqual([shown['OS-EXT-AZ:availability_zone'], shown['OS-EXT-SRV-ATTR:host']], ['east', 'host-2']);
  await admin.post(`${url}/action`, { remove_host: { host: 'host-2' } }, 409);
  const { server: forced } = await admin.post(
    `${base}/servers`,
    {
      server: {
        name: 'f',
        imageRef,
        flavorRef: 'tiny',
        networks: [{ uuid: network }],
        availability_zone: 'nova:host-1',
      },
    },
    202,
  );
  await cloud.settle();
  equal((await admin.get(`${base}/servers/${forced.id}`)).server['OS-EXT-SRV-ATTR:host'], 'host-1');
});

test('a server on a host that is away is gone at once, and the host learns of it', async () => {
  await using cloud = await testCloud({ hosts: 1 });
  const admin = cloud.as('admin');
  const member = cloud.as('member');
  const imageRef = await someImage(admin);
  const network = await someNetwork(member);
  const { server } = await member.post(
    `${base}/servers`,
    { server: { name: 's', imageRef, flavorRef: 'tiny', networks: [{ uuid: network }] } },
    202,
  );
  await cloud.settle();
  await admin
    .with({ 'openstack-api-version': 'compute 2.11' })
    .put(`${base}/os-services/force-down`, { host: 'host-1', binary: 'nova-compute', forced_down: true });
  await member.delete(`${base}/servers/${server.id}`);
  await member.get(`${base}/servers/${server.id}`, 404);
  await cloud.settle();
  deepEqual([...cloud.hosts[0]!.machine.guests.keys()], []);
});

test('what a host offers is what the operator decided', async () => {
  const config = { cpu_allocation_ratio: 2, ram_allocation_ratio: 1.5, reserved_host_memory_mib: 1024 };
  await using cloud = await testCloud({ hosts: 1, config });
  const admin = cloud.as('admin').with({ 'openstack-api-version': 'placement 1.39' });
  const { resource_providers: providers } = await admin.get('/placement/resource_providers');
  const { inventories } = await admin.get(`/placement/resource_providers/${providers[0].uuid}/inventories`);
  const { VCPU: processors, MEMORY_MB: memory, DISK_GB: disk } = inventories;
  deepEqual([processors.allocation_ratio, memory.allocation_ratio, disk.allocation_ratio], [2, 1.5, 1]);
  equal(memory.reserved, 1024);
  const { hypervisors } = await admin.get('/compute/v2.1/os-hypervisors/detail');
  equal(hypervisors[0].memory_mb_used, 1024);
});
