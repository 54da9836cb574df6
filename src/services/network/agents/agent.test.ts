// Stories of network hosts: what each carries, what goes on from another when one is gone, and what operators change.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { createServerPort } from '#/services/network/contract.ts';
import type { HostDhcp, HostNetwork, HostRouter } from '#/drivers/network/network-driver.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { wrongPeers } from '#/simulation/peers.ts';
import { type TestClient, type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

type Json = Awaited<ReturnType<TestClient['get']>>;

const v2 = '/network/v2.0';

/** A network with a guest on every host that is named. */
async function networkOn(
  cloud: TestCloud,
  hosts: string[],
): Promise<{ networkId: string; subnetId: string; ports: string[] }> {
  const member = cloud.as('member');
  const { network } = await member.post(`${v2}/networks`, { network: {} }, 201);
  const { subnet } = await member.post(
    `${v2}/subnets`,
    { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } },
    201,
  );
  const caller = { projectId: member.projectId, userId: member.userId, isAdmin: false } as Caller;
  const ports: string[] = [];
  for (const host of hosts) {
    const ask = { networkId: network.id, serverId: `server-${host}`, serverName: host, host };
    ports.push((await cloud.db.write(tx => createServerPort(tx, caller, ask))).id);
  }
  await cloud.settle();
  return { networkId: network.id, subnetId: subnet.id, ports };
}

const dhcpOn = (cloud: TestCloud, networkId: string): (HostDhcp | undefined)[] =>
  cloud.hosts.map(({ machine }) => machine.network.get(`dhcp/${networkId}`) as HostDhcp | undefined);

function peersAgree(cloud: TestCloud): void {
  deepEqual(wrongPeers(cloud.hosts.map((host, at) => ({ ...host, tunnelAddress: `192.0.2.${at + 1}` }))), []);
}

/** The host falls silent, and the cloud notices. */
async function lose(cloud: TestCloud, at: number): Promise<void> {
  await cloud.hosts[at]!.agent.stop();
  await cloud.advance(16_000);
}

async function agentsOf(admin: TestClient, type: string): Promise<Json[]> {
  return (await admin.get(`${v2}/agents?agent_type=${encodeURIComponent(type)}`)).agents;
}

test('two hosts serve a network with DHCP, each with an address of its own; metadata is where the guests are', async () => {
  await using cloud = await testCloud({ hosts: 3, seed: 71 });
  const admin = cloud.as('admin');
  const { networkId, ports } = await networkOn(cloud, ['host-1', 'host-2', 'host-3']);
  const { ports: servers } = await admin.get(`${v2}/ports?network_id=${networkId}&device_owner=network:dhcp`);
  equal(servers.length, 2);
  equal(new Set(servers.map((port: Json) => port.fixed_ips[0].ip_address)).size, 2);
  for (const server of servers) {
    ok(new RegExp(`^dhcp[0-9a-f-]{36}-${networkId}$`).test(server.device_id));
    equal(server.status, 'ACTIVE');
  }
  const entries = dhcpOn(cloud, networkId);
  equal(entries.filter(entry => entry?.local === false).length, 2);
  for (const entry of entries) equal(entry?.leases.length, entry?.local ? 0 : ports.length);
  for (const [at, { machine }] of cloud.hosts.entries())
    equal((machine.network.get(`network/${networkId}`) as HostNetwork).metadataMac, entries[at]!.mac);
  const { agents } = await admin.get(`${v2}/networks/${networkId}/dhcp-agents`);
  deepEqual(
    agents.map((agent: Json) => agent.host).toSorted(),
    servers.map((port: Json) => port['binding:host_id']).toSorted(),
  );
  peersAgree(cloud);
});

test('a host that dies gives up its DHCP servers and routers to another', async () => {
  await using cloud = await testCloud({ hosts: 3, seed: 72 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { networkId, subnetId } = await networkOn(cloud, ['host-1', 'host-2', 'host-3']);
  const { router } = await member.post(`${v2}/routers`, { router: {} }, 201);
  await member.put(`${v2}/routers/${router.id}/add_router_interface`, { subnet_id: subnetId });
  await cloud.settle();
  peersAgree(cloud);
  const hostOf = async () => (await admin.get(`${v2}/routers/${router.id}/l3-agents`)).agents[0]?.host as string;
  const before = await hostOf();
  const servers = async (): Promise<Json[]> =>
    (await admin.get(`${v2}/ports?network_id=${networkId}&device_owner=network:dhcp`)).ports;
  const addresses = (await servers()).map(port => String(port.fixed_ips[0].ip_address)).toSorted();
  const lost = cloud.hosts.findIndex(host => host.name === before);
  await lose(cloud, lost);
  const after = await hostOf();
  ok(after !== before && after);
  equal(
    (await servers()).some(port => port['binding:host_id'] === before),
    false,
  );
  deepEqual((await servers()).map(port => String(port.fixed_ips[0].ip_address)).toSorted(), addresses);
  const [dead] = (await agentsOf(admin, 'L3 agent')).filter(agent => agent.host === before);
  equal(dead.alive, false);
  const at = cloud.hosts.findIndex(host => host.name === after);
  ok(cloud.hosts[at]!.machine.network.has(`router/${router.id}`));
  await cloud.hosts[lost]!.restartAgent();
  await cloud.settle();
  equal(cloud.hosts[lost]!.machine.network.has(`router/${router.id}`), false);
  peersAgree(cloud);
});

test('operators say which agent serves a network', async () => {
  await using cloud = await testCloud({ hosts: 3, seed: 73 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { networkId } = await networkOn(cloud, ['host-1']);
  const agents = await agentsOf(admin, 'DHCP agent');
  equal(agents.length, 3);
  const serving = async (): Promise<string[]> =>
    (await admin.get(`${v2}/networks/${networkId}/dhcp-agents`)).agents.map((agent: Json) => agent.id);
  const on = await serving();
  const spare = agents.find(agent => !on.includes(agent.id))!;
  const path = `${v2}/agents/${spare.id}/dhcp-networks`;
  await member.post(path, { network_id: networkId }, 404);
  await admin.post(path, { network_id: networkId }, 201);
  const twice = await admin.request('POST', path, { body: { network_id: networkId } });
  equal(`${twice.status} ${twice.body.NeutronError.type}`, '409 NetworkHostedByDHCPAgent');
  ok((await serving()).includes(spare.id));
  deepEqual(
    (await admin.get(path)).networks.map((one: Json) => one.id).filter((id: string) => id === networkId),
    [networkId],
  );
  await cloud.settle();
  equal(dhcpOn(cloud, networkId).filter(entry => entry?.local === false).length, 3);
  peersAgree(cloud);
  await admin.delete(`${path}/${networkId}`, 204);
  const gone = await admin.request('DELETE', `${path}/${networkId}`);
  equal(`${gone.status} ${gone.body.NeutronError.type}`, '409 NetworkNotHostedByDhcpAgent');
  equal((await serving()).length, 2);

  // Set aside: what it carries goes on elsewhere.
  const [first] = on;
  const { agent } = await admin.put(`${v2}/agents/${first}`, { agent: { admin_state_up: false, description: 'old' } });
  deepEqual([agent.admin_state_up, agent.description, agent.alive], [false, 'old', true]);
  ok(!(await serving()).includes(first!));
  equal((await serving()).length, 2);
  const refused = await admin.request('POST', `${v2}/agents/${first}/dhcp-networks`, {
    body: { network_id: networkId },
  });
  equal(`${refused.status} ${refused.body.NeutronError.type}`, '404 InvalidDHCPAgent');
  await cloud.settle();
  peersAgree(cloud);
});

test('operators say which agent carries a router', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 74 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { router } = await member.post(`${v2}/routers`, { router: {} }, 201);
  const agents = await agentsOf(admin, 'L3 agent');
  const [on] = (await admin.get(`${v2}/routers/${router.id}/l3-agents`)).agents as Json[];
  const other = agents.find(agent => agent.id !== on.id)!;
  equal(on.ha_state, null);
  const add = (agent: Json) =>
    admin.request('POST', `${v2}/agents/${agent.id}/l3-routers`, { body: { router_id: router.id } });
  equal((await add(other)).body.NeutronError.type, 'RouterHostedByL3Agent');
  await admin.delete(`${v2}/agents/${on.id}/l3-routers/${router.id}`, 204);
  deepEqual((await admin.get(`${v2}/routers/${router.id}/l3-agents`)).agents, []);
  equal((await add(other)).status, 201);
  deepEqual(
    (await admin.get(`${v2}/agents/${other.id}/l3-routers`)).routers.map((one: Json) => one.id).includes(router.id),
    true,
  );
  await cloud.settle();
  const at = cloud.hosts.findIndex(host => host.name === other.host);
  ok(cloud.hosts[at]!.machine.network.has(`router/${router.id}`));
  await member.get(`${v2}/routers/${router.id}/l3-agents`, 403);
});

test('a highly available router is on two hosts; the hosts say which one works', async () => {
  await using cloud = await testCloud({ hosts: 3, seed: 75 });
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const { subnetId } = await networkOn(cloud, ['host-1', 'host-2', 'host-3']);
  await member.post(`${v2}/routers`, { router: { ha: true } }, 403);
  const { router } = await admin.post(`${v2}/routers`, { router: { ha: true, project_id: member.projectId } }, 201);
  equal(router.ha, true);
  equal('ha' in (await member.get(`${v2}/routers/${router.id}`)).router, false);
  const { networks } = await member.get(`${v2}/networks?name=public`);
  await member.put(`${v2}/routers/${router.id}`, {
    router: { external_gateway_info: { network_id: networks[0].id } },
  });
  await member.put(`${v2}/routers/${router.id}/add_router_interface`, { subnet_id: subnetId });
  await cloud.settle();
  peersAgree(cloud);
  const agents = async (): Promise<Json[]> => (await admin.get(`${v2}/routers/${router.id}/l3-agents`)).agents;
  const states = async () => (await agents()).map(agent => String(agent.ha_state)).toSorted();
  deepEqual(await states(), ['active', 'standby']);
  const entries = () =>
    cloud.hosts.flatMap(({ machine }) => (machine.network.get(`router/${router.id}`) as HostRouter | undefined) ?? []);
  const [one, two] = entries();
  deepEqual([one!.interfaces, one!.gateway], [two!.interfaces, two!.gateway]);
  equal(one!.ha!.virtualRouterId, two!.ha!.virtualRouterId);
  ok(one!.ha!.port.mac !== two!.ha!.port.mac);
  const { networks: ha } = await admin.get(`${v2}/networks?name=HA%20network%20tenant%20${member.projectId}`);
  equal(ha.length, 1);
  await member.get(`${v2}/networks/${ha[0].id}`, 404);

  const working = (await agents()).find(agent => agent.ha_state === 'active')!.host as string;
  await lose(
    cloud,
    cloud.hosts.findIndex(host => host.name === working),
  );
  await cloud.settle().catch(() => {});
  equal((await agents()).length, 2);
  ok((await agents()).every(agent => agent.host !== working));
  await cloud.hosts.find(host => host.name === working)!.restartAgent();
  await cloud.settle();
  peersAgree(cloud);

  await admin.put(`${v2}/routers/${router.id}`, { router: { ha: false } }, 400);
  await admin.put(`${v2}/routers/${router.id}`, { router: { ha: false, admin_state_up: false } });
  await cloud.settle();
  equal(entries().length, 1);
  equal((await agents()).length, 1);
  deepEqual((await admin.get(`${v2}/networks?name=HA%20network%20tenant%20${member.projectId}`)).networks, []);
  peersAgree(cloud);
  await admin.put(`${v2}/routers/${router.id}`, { router: { ha: true } });
  await admin.put(`${v2}/routers/${router.id}`, { router: { admin_state_up: true } });
  await cloud.settle();
  equal(entries().length, 2);
  await member.put(`${v2}/routers/${router.id}/remove_router_interface`, { subnet_id: subnetId });
  await member.delete(`${v2}/routers/${router.id}`, 204);
  await cloud.settle();
  equal(entries().length, 0);
  peersAgree(cloud);
});
