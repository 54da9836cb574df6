// Stories of routers and floating IPs: from the private network to the world.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { createServerPort } from '#/services/network/contract.ts';
import type { HostRouter } from '#/drivers/network/network-driver.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const v2 = '/network/v2.0';

test('the demo project of a new cloud has a network, and a router to the world', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 31 });
  const member = cloud.as('member');
  await cloud.settle();
  const { networks } = await member.get(`${v2}/networks?sort_key=name`);
  deepEqual(
    networks.map((one: { name: string }) => one.name),
    ['private', 'public'],
  );
  const { routers } = await member.get(`${v2}/routers`);
  equal(routers[0].external_gateway_info.network_id, networks[1].id);
  const entry = cloud.hosts[0]!.machine.network.get(`router/${routers[0].id}`) as HostRouter;
  equal(entry.interfaces[0]!.addresses[0], '10.20.0.1/24');
  equal(entry.gateway!.snat, true);
  const { ports } = await member.get(`${v2}/ports?device_id=${routers[0].id}`);
  deepEqual(
    ports.map((port: { status: string }) => port.status),
    ['ACTIVE'],
  );
});

test('a floating IP leads to a server, follows it, and keeps what it needs from going away', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 32 });
  const member = cloud.as('member');
  const { networks } = await member.get(`${v2}/networks?sort_key=name`);
  const [privateId, publicId] = networks.map((one: { id: string }) => one.id);
  const caller = { projectId: member.projectId, userId: member.userId, isAdmin: false } as Caller;
  const port = await cloud.db.write(tx =>
    createServerPort(tx, caller, { networkId: privateId, serverId: 's', serverName: 's', host: 'host-1' }),
  );
  const { floatingip } = await member.post(`${v2}/floatingips`, { floatingip: { floating_network_id: publicId } }, 201);
  equal(floatingip.status, 'DOWN');
  const { floatingip: bound } = await member.put(`${v2}/floatingips/${floatingip.id}`, {
    floatingip: { port_id: port.id },
  });
  equal(bound.fixed_ip_address, port.fixedIps[0]!.ip);
  await cloud.settle();
  equal((await member.get(`${v2}/floatingips/${floatingip.id}`)).floatingip.status, 'ACTIVE');
  const { routers } = await member.get(`${v2}/routers`);
  const router = routers[0];
  const entry = cloud.hosts[0]!.machine.network.get(`router/${router.id}`) as HostRouter;
  deepEqual(entry.floatingIps, [
    { id: floatingip.id, floatingIp: floatingip.floating_ip_address, fixedIp: port.fixedIps[0]!.ip },
  ]);

  const type = async (method: string, path: string, body?: unknown): Promise<string> => {
    const answer = await member.request(method, `${v2}/${path}`, { body });
    return `${answer.status} ${answer.body?.NeutronError?.type}`;
  };
  const subnetId = port.fixedIps[0]!.subnetId;
  equal(
    await type('PUT', `routers/${router.id}/remove_router_interface`, { subnet_id: subnetId }),
    '409 RouterInterfaceInUseByFloatingIP',
  );
  equal(
    await type('PUT', `routers/${router.id}`, { router: { external_gateway_info: {} } }),
    '409 RouterExternalGatewayInUseByFloatingIp',
  );
  equal(
    await type('POST', 'floatingips', { floatingip: { floating_network_id: publicId, port_id: port.id } }),
    '409 FloatingIPPortAlreadyAssociated',
  );
  equal(await type('POST', 'floatingips', { floatingip: { floating_network_id: privateId } }), '400 BadRequest');
  equal(await type('DELETE', `routers/${router.id}`), '409 RouterInUse');
  await member.delete(`${v2}/ports/${port.id}`, 204);
  const { floatingip: freed } = await member.get(`${v2}/floatingips/${floatingip.id}`);
  deepEqual([freed.port_id, freed.router_id, freed.status], [null, null, 'DOWN']);
  await member.delete(`${v2}/floatingips/${floatingip.id}`, 204);
  await member.put(`${v2}/routers/${router.id}/remove_router_interface`, { subnet_id: subnetId });
  await member.delete(`${v2}/routers/${router.id}`, 204);
  await cloud.settle();
  equal(cloud.hosts[0]!.machine.network.size, 0);
});

test('interfaces and routes of a router', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 33 });
  const [member, other] = [cloud.as('member'), cloud.as('other')];
  const make = async (cidr: string): Promise<{ networkId: string; subnetId: string }> => {
    const { network } = await member.post(`${v2}/networks`, { network: {} }, 201);
    const { subnet } = await member.post(
      `${v2}/subnets`,
      { subnet: { network_id: network.id, ip_version: 4, cidr } },
      201,
    );
    return { networkId: network.id, subnetId: subnet.id };
  };
  const [one, two, overlapping] = [await make('10.1.0.0/24'), await make('10.2.0.0/24'), await make('10.1.0.128/25')];
  const { router } = await member.post(`${v2}/routers`, { router: { name: 'r' } }, 201);
  const path = `${v2}/routers/${router.id}`;
  await other.put(`${path}/add_router_interface`, { subnet_id: one.subnetId }, 404);
  const added = await member.put(`${path}/add_router_interface`, { subnet_id: one.subnetId });
  equal(added.subnet_id, one.subnetId);
  equal((await member.get(`${v2}/ports/${added.port_id}`)).port.fixed_ips[0].ip_address, '10.1.0.1');
  const { port } = await member.post(`${v2}/ports`, { port: { network_id: two.networkId } }, 201);
  await member.put(`${path}/add_router_interface`, { port_id: port.id });
  await member.put(`${path}/add_router_interface`, { subnet_id: overlapping.subnetId }, 400);
  await member.put(`${path}/add_router_interface`, { subnet_id: one.subnetId }, 400);
  await member.put(`${path}/add_router_interface`, {}, 400);
  await member.delete(`${v2}/ports/${added.port_id}`, 409);
  const routes = [{ destination: '10.9.0.0/24', nexthop: '10.1.0.9' }];
  deepEqual((await member.put(path, { router: { routes } })).router.routes, routes);
  await member.put(path, { router: { routes: [{ destination: '10.9.0.0/24', nexthop: '10.77.0.9' }] } }, 400);
  await member.put(`${path}/remove_router_interface`, { subnet_id: one.subnetId }, 409);
  const more = { destination: '10.8.0.0/24', nexthop: '10.2.0.9' };
  equal((await member.put(`${path}/add_extraroutes`, { router: { routes: [more] } })).router.routes.length, 2);
  deepEqual((await member.put(`${path}/remove_extraroutes`, { router: { routes } })).router.routes, [more]);
  await cloud.settle();
  const entry = cloud.hosts[0]!.machine.network.get(`router/${router.id}`) as HostRouter;
  ok(entry.interfaces.length === 2);
  deepEqual(entry.routes, [more]);
});
