// The first networks of a new cloud: the way out, and a private network of the demo project behind a router, whose servers
// answer ping and ssh, so that the first server just works.

import { parsePrefix, showAddress, showPrefix } from '#/services/network/addressing/address.ts';
import { usable } from '#/services/network/addressing/pools.rules.ts';
import { insertNetwork } from '#/services/network/networks/network.api.ts';
import { externalPhysicalNetwork } from '#/services/network/networks/network.rules.ts';
import { makePort } from '#/services/network/ports/make-port.ts';
import { ensureDefaultGroup } from '#/services/network/security-groups/default-group.ts';
import { bindHaPorts } from '#/services/network/routers/ha-router.ts';
import { insertRouter } from '#/services/network/routers/router.api.ts';
import { interfaceOwner } from '#/services/network/routers/router.store.ts';
import { insertSubnet } from '#/services/network/subnets/subnet.api.ts';
import { newStandard } from '#/services/network/attributes/standard.ts';
import { db, type SecurityGroupRuleRow } from '#/services/network/tables.ts';
import { projectByName } from '#/services/identity/contract.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { SeedSettings } from '#/platform/http/service.ts';

const privateCidr = '10.20.0.0/24';

/** Only in a cloud that has no network yet: what an operator took away does not come back. */
export async function seedNetworks(tx: Tx, settings: SeedSettings): Promise<void> {
  if (await db(tx).selectFrom('networks').select('id').executeTakeFirst()) return;
  const externalId = settings.externalCidr === null ? null : await seedExternal(tx, settings.externalCidr);
  const demo = await projectByName(tx, 'demo');
  if (demo) await seedPrivate(tx, demo.id, externalId, settings);
}

/** The gateway is the machine itself; the addresses after it are for routers and floating IPs. */
async function seedExternal(tx: Tx, cidr: string): Promise<string> {
  const prefix = parsePrefix(cidr)!;
  const room = usable(prefix);
  const admin = await projectByName(tx, 'admin');
  const project_id = admin?.id ?? '';
  const network = await insertNetwork(tx, {
    project_id,
    name: 'public',
    'router:external': true,
    is_default: true,
    'provider:network_type': 'flat',
    'provider:physical_network': externalPhysicalNetwork,
  });
  await insertSubnet(tx, {
    project_id,
    network_id: network.id,
    name: 'public-subnet',
    ip_version: prefix.version,
    cidr: showPrefix(prefix),
    gateway_ip: showAddress(prefix.version, room.start),
    enable_dhcp: false,
    allocation_pools: [
      { start: showAddress(prefix.version, room.start + 1n), end: showAddress(prefix.version, room.end) },
    ],
  });
  return network.id;
}

async function seedPrivate(
  tx: Tx,
  project_id: string,
  externalId: string | null,
  { simulated }: SeedSettings,
): Promise<void> {
  const group = await ensureDefaultGroup(tx, project_id);
  if (!simulated) await letIn(tx, project_id, group);
  const network = await insertNetwork(tx, { project_id, name: 'private' });
  const subnet = await insertSubnet(tx, {
    project_id,
    network_id: network.id,
    name: 'private-subnet',
    ip_version: 4,
    cidr: privateCidr,
  });
  const router = await insertRouter(
    tx,
    {
      project_id,
      name: 'router',
      external_gateway_info: externalId === null ? null : { network_id: externalId },
    },
    { projectId: project_id, isAdmin: false },
  );
  await makePort(tx, {
    network,
    projectId: project_id,
    fixedIps: [{ subnet_id: subnet.id, ip_address: subnet.gateway! }],
    deviceId: router.id,
    deviceOwner: interfaceOwner,
    host: router.host,
    portSecurity: false,
  });
  if (router.ha) await bindHaPorts(tx, router.id);
}

/** Ping and ssh, from wherever the floating IPs can be reached: at first that is this machine alone. */
async function letIn(tx: Tx, project_id: string, securityGroupId: string): Promise<void> {
  const rule = (protocol: string, port: number | null): SecurityGroupRuleRow => ({
    ...newStandard(tx, { project_id }),
    securityGroupId,
    direction: 'ingress',
    family: 4,
    protocol,
    portMin: port,
    portMax: port,
    remoteGroupId: null,
    remoteAddressGroupId: null,
    remoteIpPrefix: null,
  });
  await db(tx)
    .insertInto('securityGroupRules')
    .values([rule('icmp', null), rule('tcp', 22)])
    .execute();
}
