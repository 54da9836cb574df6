// Stories of networks and subnets, as clients live them.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { testCloud } from '../../../../test/test-cloud.ts';

const v2 = '/network/v2.0';

test('a project makes a network with a subnet, changes it and takes it away', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 7 });
  const member = cloud.as('member');
  const { network } = await member.post(
    `${v2}/networks`,
    { network: { name: 'one', description: 'first', tags: ['a', 'b'] } },
    201,
  );
  equal(network.status, 'ACTIVE');
  equal(network.mtu, 1450);
  equal(network.project_id, member.projectId);
  equal(network['provider:network_type'], undefined, 'providers are for administrators');
  equal((await cloud.as('admin').get(`${v2}/networks/${network.id}`)).network['provider:network_type'], 'vxlan');
  const { subnet } = await member.post(
    `${v2}/subnets`,
    { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.2.99/24' } },
    201,
  );
  equal(subnet.cidr, '10.1.2.0/24');
  equal(subnet.gateway_ip, '10.1.2.1');
  deepEqual(subnet.allocation_pools, [{ start: '10.1.2.2', end: '10.1.2.254' }]);
  deepEqual((await member.get(`${v2}/networks/${network.id}`)).network.subnets, [subnet.id]);
  const { ports } = await member.get(`${v2}/ports?network_id=${network.id}`);
  deepEqual(
    ports.map((port: { device_owner: string }) => port.device_owner),
    ['network:dhcp'],
  );
  const changed = await member.put(`${v2}/networks/${network.id}`, { network: { name: 'two' } });
  equal(changed.network.name, 'two');
  equal(changed.network.revision_number, 2);
  await member.delete(`${v2}/networks/${network.id}`, 204);
  await member.get(`${v2}/networks/${network.id}`, 404);
  await member.get(`${v2}/subnets/${subnet.id}`, 404);
});

test('another project sees no network that is not shared with it', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 8 });
  const [member, other, admin] = [cloud.as('member'), cloud.as('other'), cloud.as('admin')];
  const { network } = await member.post(`${v2}/networks`, { network: { name: 'mine' } }, 201);
  await other.get(`${v2}/networks/${network.id}`, 404);
  await other.put(`${v2}/networks/${network.id}`, { network: { name: 'x' } }, 404);
  await other.delete(`${v2}/networks/${network.id}`, 404);
  equal(
    (await other.get(`${v2}/networks`)).networks.some((one: { id: string }) => one.id === network.id),
    false,
  );
  await other.post(`${v2}/ports`, { port: { network_id: network.id } }, 404);
  await member.put(`${v2}/networks/${network.id}`, { network: { shared: true } }, 403);
  await admin.put(`${v2}/networks/${network.id}`, { network: { shared: true } }, 200);
  equal((await other.get(`${v2}/networks/${network.id}`)).network.shared, true);
  await other.put(`${v2}/networks/${network.id}`, { network: { name: 'x' } }, 403);
  await cloud.as('reader').post(`${v2}/networks`, { network: {} }, 403);
});

test('what a network or subnet cannot be is refused with the type that Neutron names', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 9 });
  const member = cloud.as('member');
  const fails = async (path: string, body: unknown, status: number, type: string): Promise<void> => {
    const answer = await member.request('POST', `${v2}/${path}`, { body });
    equal(`${answer.status} ${answer.body.NeutronError?.type}`, `${status} ${type}`, JSON.stringify(answer.body));
    ok(answer.body.NeutronError.message);
  };
  const { network } = await member.post(`${v2}/networks`, { network: {} }, 201);
  const id = network.id;
  await member.post(`${v2}/subnets`, { subnet: { network_id: id, ip_version: 4, cidr: '10.1.0.0/24' } }, 201);
  await fails('networks', { network: { nonsense: 1 } }, 400, 'HTTPBadRequest');
  await fails('networks', { network: { status: 'ACTIVE' } }, 400, 'HTTPBadRequest');
  await fails('networks', { network: { admin_state_up: 'maybe' } }, 400, 'InvalidInput');
  await fails('networks', { network: { shared: true } }, 403, 'PolicyNotAuthorized');
  await fails('networks', { network: { project_id: 'another' } }, 400, 'HTTPBadRequest');
  await fails('networks', { network: { mtu: 9000 } }, 400, 'InvalidInput');
  await fails('networks', {}, 400, 'HTTPBadRequest');
  await fails('subnets', { subnet: { network_id: id, cidr: '10.2.0.0/24' } }, 400, 'HTTPBadRequest');
  await fails('subnets', { subnet: { network_id: id, ip_version: 4 } }, 400, 'BadRequest');
  await fails('subnets', { subnet: { network_id: id, ip_version: 6, cidr: '10.2.0.0/24' } }, 400, 'InvalidInput');
  await fails('subnets', { subnet: { network_id: id, ip_version: 4, cidr: '10.1.0.128/25' } }, 400, 'SubnetOverlaps');
  await fails(
    'subnets',
    {
      subnet: {
        network_id: id,
        ip_version: 4,
        cidr: '10.2.0.0/24',
        allocation_pools: [{ start: '10.2.0.1', end: '10.2.0.9' }],
      },
    },
    409,
    'GatewayConflictWithAllocationPools',
  );
  await fails(
    'subnets',
    {
      subnet: {
        network_id: id,
        ip_version: 4,
        cidr: '10.2.0.0/24',
        allocation_pools: [{ start: '10.2.1.1', end: '10.2.1.9' }],
      },
    },
    400,
    'OutOfBoundsAllocationPool',
  );
  await fails(
    'subnets',
    {
      subnet: {
        network_id: id,
        ip_version: 6,
        cidr: 'fd00::/64',
        ipv6_ra_mode: 'slaac',
        ipv6_address_mode: 'dhcpv6-stateful',
      },
    },
    400,
    'InvalidInput',
  );
  await fails(
    'ports',
    { port: { network_id: id, fixed_ips: [{ ip_address: '10.9.0.1' }] } },
    400,
    'InvalidIpForNetwork',
  );
  const unfiltered = await member.request('GET', `${v2}/networks?nonsense=1`);
  equal(unfiltered.status, 400);
  await member.put(`${v2}/networks/${id}`, { network: { project_id: 'x' } }, 400);
});

test('lists are filtered, ordered, cut into pages and reduced to fields', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 10 });
  const member = cloud.as('member');
  const { networks } = await member.post(
    `${v2}/networks`,
    { networks: ['c', 'a', 'b'].map(name => ({ name: `list-${name}`, tags: [name, 'all'] })) },
    201,
  );
  equal(networks.length, 3);
  const names = (body: { networks: { name: string }[] }): string[] => body.networks.map(one => one.name);
  deepEqual(names(await member.get(`${v2}/networks?tags=all&sort_key=name&sort_dir=desc&fields=name`)), [
    'list-c',
    'list-b',
    'list-a',
  ]);
  deepEqual(names(await member.get(`${v2}/networks?tags-any=a,b&sort_key=name`)), ['list-a', 'list-b']);
  deepEqual(names(await member.get(`${v2}/networks?name=list-a&name=list-c&sort_key=name`)), ['list-a', 'list-c']);
  deepEqual(names(await member.get(`${v2}/networks?tags=all&admin_state_up=false`)), []);
  const first = await member.get(`${v2}/networks?tags=all&sort_key=name&limit=2&fields=id&fields=name`);
  deepEqual(Object.keys(first.networks[0]).sort(), ['id', 'name']);
  deepEqual(names(first), ['list-a', 'list-b']);
  const next = new URL(first.networks_links[0].href);
  const second = await member.get(next.pathname + next.search);
  deepEqual(names(second), ['list-c']);
  equal(second.networks_links[0].rel, 'previous');
  await member.get(`${v2}/networks?marker=00000000-0000-0000-0000-000000000000`, 400);
});

test('If-Match names the revision that a change is made for', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 11 });
  const member = cloud.as('member');
  const { network } = await member.post(`${v2}/networks`, { network: {} }, 201);
  const path = `${v2}/networks/${network.id}`;
  const send = (revision: number) =>
    member.request('PUT', path, {
      body: { network: { name: 'x' } },
      headers: { 'if-match': `revision_number=${revision}` },
    });
  equal((await send(7)).status, 412);
  equal((await send(1)).status, 200);
  equal((await send(1)).status, 412);
});

test('quotas are kept, and IPv6 subnets with SLAAC follow the MAC address', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 12 });
  const [member, admin] = [cloud.as('member'), cloud.as('admin')];
  const used = (await admin.get(`${v2}/quotas/${member.projectId}/details.json`)).quota.network.used;
  await admin.put(`${v2}/quotas/${member.projectId}`, { quota: { network: used + 1 } });
  const { network } = await member.post(`${v2}/networks`, { network: {} }, 201);
  const over = await member.request('POST', `${v2}/networks`, { body: { network: {} } });
  equal(`${over.status} ${over.body.NeutronError.type}`, '409 OverQuota');
  const { subnet } = await member.post(
    `${v2}/subnets`,
    {
      subnet: {
        network_id: network.id,
        ip_version: 6,
        cidr: 'fd12::/64',
        ipv6_ra_mode: 'slaac',
        ipv6_address_mode: 'slaac',
      },
    },
    201,
  );
  equal(subnet.gateway_ip, 'fd12::1');
  const { port } = await member.post(
    `${v2}/ports`,
    { port: { network_id: network.id, mac_address: 'fa:16:3e:11:22:33' } },
    201,
  );
  deepEqual(port.fixed_ips, [{ subnet_id: subnet.id, ip_address: 'fd12::f816:3eff:fe11:2233' }]);
  match(port.dns_assignment[0].hostname, /^host-fd12--f816/);
  await member.delete(`${v2}/subnets/${subnet.id}`, 204);
  deepEqual((await member.get(`${v2}/ports/${port.id}`)).port.fixed_ips, []);
});

test('administrators choose segments; where the highest is taken, the lowest free one is given', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 13 });
  const admin = cloud.as('admin');
  const make = (network: object, status = 201) => admin.post(`${v2}/networks`, { network }, status);
  const highest = 16_777_215;
  const chosen = { 'provider:network_type': 'vxlan', 'provider:segmentation_id': highest };
  equal((await make(chosen)).network['provider:segmentation_id'], highest);
  await make(chosen, 409);
  const { network } = await make({});
  ok(network['provider:segmentation_id'] < 2_000);
  await make({ 'provider:network_type': 'flat', 'provider:physical_network': 'public' }, 409);
  await make({ 'provider:network_type': 'flat', 'provider:physical_network': 'elsewhere' }, 400);
  await make({ 'provider:network_type': 'gre' }, 400);
  await make({ 'provider:segmentation_id': 7 }, 400);
  await make({ availability_zone_hints: ['elsewhere'] }, 404);
  const { network_ip_availabilities: availabilities } = await admin.get(`${v2}/network-ip-availabilities`);
  ok(
    availabilities.some(
      (one: { network_name: string; used_ips: number }) => one.network_name === 'private' && one.used_ips === 2,
    ),
  );
  deepEqual((await cloud.as('member').get(`${v2}/network-ip-availabilities`)).network_ip_availabilities, []);
});
