// Stories of port forwardings, address groups and RBAC policies.

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { createServerPort } from '#/services/network/contract.ts';
import type { HostRouter } from '#/drivers/network/network-driver.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const v2 = '/network/v2.0';

test('one port of a floating IP leads to a server', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 51 });
  const [member, other] = [cloud.as('member'), cloud.as('other')];
  const { networks } = await member.get(`${v2}/networks?sort_key=name`);
  const [privateId, publicId] = networks.map((one: { id: string }) => one.id);
  const caller = { projectId: member.projectId, userId: member.userId, isAdmin: false } as Caller;
  const port = await cloud.db.write(tx =>
    createServerPort(tx, caller, { networkId: privateId, serverId: 's', serverName: 's', host: 'host-1' }),
  );
  const { floatingip } = await member.post(`${v2}/floatingips`, { floatingip: { floating_network_id: publicId } }, 201);
  const path = `${v2}/floatingips/${floatingip.id}/port_forwardings`;
  const ask = {
    external_port: 2222,
    internal_port: 22,
    internal_ip_address: port.fixedIps[0]!.ip,
    internal_port_id: port.id,
    protocol: 'tcp',
  };
  await other.get(path, 404);
  const { port_forwarding: made } = await member.post(path, { port_forwarding: ask }, 201);
  await member.post(path, { port_forwarding: { ...ask, internal_port: 23 } }, 400);
  await cloud.settle();
  const routers = (await member.get(`${v2}/routers`)).routers;
  const entry = () => cloud.hosts[0]!.machine.network.get(`router/${routers[0].id}`) as HostRouter;
  equal(entry().portForwardings[0]!.externalPort, 2222);
  equal(
    (await member.put(`${path}/${made.id}`, { port_forwarding: { external_port: 2223 } })).port_forwarding
      .external_port,
    2223,
  );
  equal((await member.get(`${v2}/floatingips/${floatingip.id}`)).floatingip.port_forwardings[0].external_port, 2223);
  await member.put(`${v2}/floatingips/${floatingip.id}`, { floatingip: { port_id: port.id } }, 409);
  await member.delete(`${path}/${made.id}`, 204);
  await cloud.settle();
  deepEqual(entry().portForwardings, []);
});

test('an address group stands for its addresses in a rule', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 52 });
  const member = cloud.as('member');
  const { address_group: group } = await member.post(
    `${v2}/address-groups`,
    { address_group: { name: 'office', addresses: ['10.0.0.0/8', '192.0.2.7'] } },
    201,
  );
  deepEqual(group.addresses, ['10.0.0.0/8', '192.0.2.7/32']);
  const { security_groups: groups } = await member.get(`${v2}/security-groups?name=default`);
  await member.post(
    `${v2}/security-group-rules`,
    {
      security_group_rule: {
        security_group_id: groups[0].id,
        direction: 'ingress',
        protocol: 'tcp',
        remote_address_group_id: group.id,
      },
    },
    201,
  );
  equal(
    (
      await member.put(`${v2}/address-groups/${group.id}/add_addresses`, {
        address_group: { addresses: ['10.1.0.0/16'] },
      })
    ).address_group.addresses.length,
    3,
  );
  await member.put(
    `${v2}/address-groups/${group.id}/remove_addresses`,
    { address_group: { addresses: ['10.77.0.0/16'] } },
    404,
  );
  await member.delete(`${v2}/address-groups/${group.id}`, 409);
});

test('a network is shared with one project by an RBAC policy', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 53 });
  const [member, other] = [cloud.as('member'), cloud.as('other')];
  const { network } = await member.post(`${v2}/networks`, { network: {} }, 201);
  await member.post(`${v2}/subnets`, { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } }, 201);
  const ask = {
    object_type: 'network',
    object_id: network.id,
    action: 'access_as_shared',
    target_tenant: other.projectId,
  };
  await member.post(`${v2}/rbac-policies`, { rbac_policy: { ...ask, target_tenant: '*' } }, 403);
  await other.post(`${v2}/rbac-policies`, { rbac_policy: ask }, 404);
  const { rbac_policy: policy } = await member.post(`${v2}/rbac-policies`, { rbac_policy: ask }, 201);
  await member.post(`${v2}/rbac-policies`, { rbac_policy: ask }, 409);
  equal((await other.get(`${v2}/networks/${network.id}`)).network.shared, true);
  const { port } = await other.post(`${v2}/ports`, { port: { network_id: network.id } }, 201);
  await member.delete(`${v2}/rbac-policies/${policy.id}`, 409);
  await other.delete(`${v2}/ports/${port.id}`, 204);
  await member.delete(`${v2}/rbac-policies/${policy.id}`, 204);
  await other.get(`${v2}/networks/${network.id}`, 404);
});
