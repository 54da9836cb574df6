// Stories of ports: addresses, MACs, pairs, options, bindings.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  bindPortsTo,
  createServerPort,
  forgetPortsOn,
  portPlan,
  portsOfServers,
  preparePortsOn,
  releaseServerPort,
  setPortHost,
} from '#/services/network/contract.ts';
import type { HostNetwork } from '#/drivers/network/network-driver.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { type TestClient, testCloud } from '../../../../test/test-cloud.ts';

const v2 = '/network/v2.0';

async function networkOf(
  member: TestClient,
  cidr = '10.1.0.0/24',
  more: object = {},
): Promise<{ networkId: string; subnetId: string }> {
  const { network } = await member.post(`${v2}/networks`, { network: {} }, 201);
  const { subnet } = await member.post(
    `${v2}/subnets`,
    { subnet: { network_id: network.id, ip_version: cidr.includes(':') ? 6 : 4, cidr, ...more } },
    201,
  );
  return { networkId: network.id, subnetId: subnet.id };
}

test('a port gets an address and the default group, and keeps what is asked for', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 21 });
  const member = cloud.as('member');
  const { networkId, subnetId } = await networkOf(member);
  const { port } = await member.post(`${v2}/ports`, { port: { network_id: networkId, name: 'p' } }, 201);
  equal(port.fixed_ips[0].subnet_id, subnetId);
  equal(port.status, 'DOWN');
  equal(port.mac_address.slice(0, 9), 'fa:16:3e:');
  const { security_groups: groups } = await member.get(`${v2}/security-groups?name=default`);
  deepEqual(port.security_groups, [groups[0].id]);
  const { port: fixed } = await member.post(
    `${v2}/ports`,
    { port: { network_id: networkId, fixed_ips: [{ ip_address: '10.1.0.77' }, { subnet_id: subnetId }] } },
    201,
  );
  equal(fixed.fixed_ips.length, 2);
  equal(fixed.fixed_ips[0].ip_address, '10.1.0.77');
  const taken = await member.request('POST', `${v2}/ports`, {
    body: { port: { network_id: networkId, fixed_ips: [{ ip_address: '10.1.0.77' }] } },
  });
  equal(`${taken.status} ${taken.body.NeutronError.type}`, '409 IpAddressAlreadyAllocated');
  const sameMac = await member.request('POST', `${v2}/ports`, {
    body: { port: { network_id: networkId, mac_address: port.mac_address } },
  });
  equal(`${sameMac.status} ${sameMac.body.NeutronError.type}`, '409 MacAddressInUse');
  const moved = await member.put(`${v2}/ports/${fixed.id}`, {
    port: {
      fixed_ips: [{ ip_address: '10.1.0.78', subnet_id: subnetId }],
      extra_dhcp_opts: [{ opt_name: 'mtu', opt_value: '1400' }],
      allowed_address_pairs: [{ ip_address: '10.9.0.0/24' }],
    },
  });
  deepEqual(moved.port.fixed_ips, [{ subnet_id: subnetId, ip_address: '10.1.0.78' }]);
  deepEqual(moved.port.allowed_address_pairs, [{ mac_address: fixed.mac_address, ip_address: '10.9.0.0/24' }]);
  deepEqual(moved.port.extra_dhcp_opts, [{ opt_name: 'mtu', opt_value: '1400', ip_version: 4 }]);
  const byIp = await member.get(`${v2}/ports?fixed_ips=ip_address=10.1.0.78&fields=id`);
  deepEqual(byIp.ports, [{ id: fixed.id }]);
  equal(
    (await member.get(`${v2}/ports?fixed_ips=ip_address_substr=.1.0.7&network_id=${networkId}`)).ports.some(
      (one: { id: string }) => one.id === fixed.id,
    ),
    true,
  );
  const inUse = await member.request('DELETE', `${v2}/subnets/${subnetId}`);
  equal(`${inUse.status} ${inUse.body.NeutronError.type}`, '409 SubnetInUse');
  await member.put(`${v2}/ports/${port.id}`, { port: { 'binding:host_id': 'host-1' } }, 403);
  for (const one of [port, fixed]) await member.delete(`${v2}/ports/${one.id}`, 204);
  await member.delete(`${v2}/subnets/${subnetId}`, 204);
});

test('every address of a small subnet is given once, then there are no more', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 22 });
  const member = cloud.as('member');
  const { networkId } = await networkOf(member, '10.1.0.0/28', { enable_dhcp: false });
  const { ports } = await member.post(
    `${v2}/ports`,
    { ports: Array.from({ length: 13 }, () => ({ network_id: networkId })) },
    201,
  );
  equal(new Set(ports.map((port: { fixed_ips: { ip_address: string }[] }) => port.fixed_ips[0]!.ip_address)).size, 13);
  const full = await member.request('POST', `${v2}/ports`, { body: { port: { network_id: networkId } } });
  equal(`${full.status} ${full.body.NeutronError.type}`, '409 IpAddressGenerationFailure');
});

test('a server port is up once its host has made it so, and gone when the server lets it go', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 23 });
  const [member, admin] = [cloud.as('member'), cloud.as('admin')];
  const { networkId } = await networkOf(member);
  const caller = { projectId: member.projectId, userId: member.userId, isAdmin: false } as Caller;
  const host = (at: number) => cloud.hosts[at]!.machine.network;
  // The cloud's own router is on either, whichever greeted first.
  const before = new Set(host(1).keys());
  const made = await cloud.db.write(tx =>
    createServerPort(tx, caller, { networkId, serverId: 'server-1', serverName: 'one', host: 'host-1' }),
  );
  equal(made.tap, `tap${made.id.slice(0, 11)}`);
  equal(made.subnets[0]!.cidr, '10.1.0.0/24');
  await cloud.settle();
  for (const { key } of portPlan('host-1', made)) ok(host(0).has(key as `port/${string}`), key);
  ok(host(0).has(`dhcp/${networkId}`));
  equal((await admin.get(`${v2}/ports/${made.id}`)).port.status, 'ACTIVE');
  equal((await admin.get(`${v2}/ports/${made.id}`)).port['binding:host_id'], 'host-1');
  await cloud.db.write(tx => setPortHost(tx, made.id, 'host-2'));
  await cloud.settle();
  equal((await member.get(`${v2}/ports/${made.id}`)).port.status, 'ACTIVE');
  ok(host(1).has(`port/${made.id}`));
  equal(host(0).has(`port/${made.id}`), false);
  equal((await cloud.db.read(tx => portsOfServers(tx, ['server-1']))).get('server-1')?.length, 1);
  await cloud.db.write(tx => releaseServerPort(tx, made.id));
  await cloud.settle();
  deepEqual(new Set(host(1).keys()), before);
  await member.get(`${v2}/ports/${made.id}`, 404);
});

test('a moving port is on both hosts, then on the one alone; what may come twice, may', async () => {
  await using cloud = await testCloud({ hosts: 3, seed: 24 });
  const [member, admin] = [cloud.as('member'), cloud.as('admin')];
  const { networkId } = await networkOf(member);
  const caller = { projectId: member.projectId, userId: member.userId, isAdmin: false } as Caller;
  const make = (serverId: string, host: string) =>
    cloud.db.write(tx => createServerPort(tx, caller, { networkId, serverId, serverName: serverId, host }));
  const made = await make('server-1', 'host-1');
  await make('server-2', 'host-3');
  await cloud.settle();
  const has = (at: number) => cloud.hosts[at]!.machine.network.has(`port/${made.id}`);
  /** How the third host reaches the first two: the number of MAC addresses by end of the tunnel. */
  const seenByThird = () => {
    const network = cloud.hosts[2]!.machine.network.get(`network/${networkId}`) as HostNetwork;
    return Object.fromEntries(
      network.peers.map(peer => [peer.address, peer.ports.some(port => port.mac === made.mac)]),
    );
  };
  deepEqual([has(0), has(1)], [true, false]);
  equal(seenByThird()['192.0.2.1'], true);

  for (let round = 0; round < 2; round++) await cloud.db.write(tx => preparePortsOn(tx, 'server-1', 'host-2'));
  await cloud.settle();
  deepEqual([has(0), has(1)], [true, true]);
  deepEqual([seenByThird()['192.0.2.1'], seenByThird()['192.0.2.2']], [false, false]);
  const bindings = async () =>
    (await admin.get(`${v2}/ports/${made.id}/bindings`)).bindings.map((one: Record<string, unknown>) => [
      one['host'],
      one['status'],
    ]);
  deepEqual(await bindings(), [
    ['host-1', 'ACTIVE'],
    ['host-2', 'INACTIVE'],
  ]);
  equal((await admin.get(`${v2}/ports/${made.id}`)).port['binding:host_id'], 'host-1');

  for (let round = 0; round < 2; round++) await cloud.db.write(tx => bindPortsTo(tx, 'server-1', 'host-2'));
  const { port } = await admin.get(`${v2}/ports/${made.id}`);
  deepEqual([port['binding:host_id'], port.status], ['host-2', 'ACTIVE']);
  await cloud.settle();
  deepEqual([has(0), has(1)], [true, true]);
  for (let round = 0; round < 2; round++) await cloud.db.write(tx => forgetPortsOn(tx, 'server-1', 'host-1'));
  await cloud.settle();
  deepEqual([has(0), has(1)], [false, true]);
  deepEqual(await bindings(), [['host-2', 'ACTIVE']]);
  equal(seenByThird()['192.0.2.2'], true);
  await member.get(`${v2}/ports/${made.id}/bindings`, 403);
});

test('bindings by API: made, activated and deleted by a service', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 25 });
  const [member, admin] = [cloud.as('member'), cloud.as('admin')];
  const { networkId } = await networkOf(member);
  const caller = { projectId: member.projectId, userId: member.userId, isAdmin: false } as Caller;
  const made = await cloud.db.write(tx =>
    createServerPort(tx, caller, { networkId, serverId: 'server-1', serverName: 'one', host: 'host-1' }),
  );
  const path = `${v2}/ports/${made.id}/bindings`;
  await admin.post(path, { binding: { host: 'host-2' } }, 403);
  const service = await asService(admin, member);
  const { binding } = await service.post(path, { binding: { host: 'host-2', profile: { migrating_to: 'x' } } }, 201);
  deepEqual([binding.status, binding.profile], ['INACTIVE', { migrating_to: 'x' }]);
  const again = await service.request('POST', path, { body: { binding: { host: 'host-2' } } });
  equal(`${again.status} ${again.body.NeutronError.type}`, '409 PortBindingAlreadyExists');
  await service.post(path, { binding: { host: 'nowhere' } }, 400);
  equal((await service.put(`${path}/host-2/activate`, undefined, 200)).binding.status, 'ACTIVE');
  const active = await service.request('PUT', `${path}/host-2/activate`);
  equal(`${active.status} ${active.body.NeutronError.type}`, '409 PortBindingAlreadyActive');
  await service.put(`${path}/host-9/activate`, undefined, 404);
  await service.delete(`${path}/host-1`, 204);
  const gone = await service.request('DELETE', `${path}/host-1`);
  equal(`${gone.status} ${gone.body.NeutronError.type}`, '404 PortBindingNotFound');
  deepEqual(
    (await admin.get(path)).bindings.map((one: { host: string }) => one.host),
    ['host-2'],
  );
});

/** The member with the role that the services of a cloud have. */
async function asService(admin: TestClient, member: TestClient): Promise<TestClient> {
  const { roles } = await admin.get('/identity/v3/roles?name=service');
  const grant = `/identity/v3/projects/${member.projectId}/users/${member.userId}/roles/${roles[0].id}`;
  await admin.put(grant, undefined, 204);
  const user = { id: member.userId, password: 'member-password' };
  const auth = {
    identity: { methods: ['password'], password: { user } },
    scope: { project: { id: member.projectId } },
  };
  const { headers } = await member.request('POST', '/identity/v3/auth/tokens', { body: { auth } });
  return member.with({ 'x-auth-token': headers['x-subject-token']! });
}
