// Subnets: the addresses of a network. API: Network v2.0, "Subnets".

import { parsePrefix, showPrefix } from '#/services/network/addressing/address.ts';
import type { Pool } from '#/services/network/addressing/pools.rules.ts';
import { replanNetwork } from '#/services/network/affected.ts';
import {
  type Attributes,
  both,
  Invalid,
  postOnly,
  readOnly,
  type Values,
} from '#/services/network/attributes/attribute.ts';
import {
  among,
  boolean,
  cidr,
  hostRoutes,
  integer,
  ipAddress,
  isUuid,
  list,
  listOrNone,
  map,
  orNull,
  shown,
  text,
  uuid,
  wordOf,
} from '#/services/network/attributes/checks.ts';
import type { Ask, Resource } from '#/services/network/attributes/resource.ts';
import { newStandard, standardAttributes, standardView, touched } from '#/services/network/attributes/standard.ts';
import { networkById, usableNetwork } from '#/services/network/networks/network.store.ts';
import { addAutoAddresses } from '#/services/network/ports/auto-addresses.ts';
import { syncDhcpPorts } from '#/services/network/ports/dhcp-port.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { allocateFromPool, choosePool } from '#/services/network/subnet-pools/allocate-prefix.ts';
import {
  checkGateway,
  checkGatewayOutside,
  checkModes,
  checkOverlap,
  defaultGateway,
  isAuto,
  planPools,
  planPrefix,
} from '#/services/network/subnets/subnet.rules.ts';
import {
  listSubnets,
  removeSubnetRow,
  type Subnet,
  subnetsOfNetwork,
} from '#/services/network/subnets/subnet.store.ts';
import { db, type SubnetRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { Problem } from '#/platform/problem/problem.ts';

const modes = among('slaac', 'dhcpv6-stateful', 'dhcpv6-stateless');
const poolOrPrefixDelegation = (value: unknown): string => {
  if (isUuid(value)) return value;
  throw new Invalid(`${shown(value)} is not a valid UUID`);
};
const pools = list(map<Pool>({ start: ipAddress, end: ipAddress }, ['start', 'end']), { max: 1_000 });
const serviceType = (value: unknown): string => {
  const type = text(255, { min: 1 })(value);
  if (/^(network|compute):/.test(type)) return type;
  throw new Invalid(`${shown(value)} does not start with network: or compute:`);
};

const attributes: Attributes = {
  ...standardAttributes(),
  network_id: postOnly(uuid),
  ip_version: postOnly(value => Number(among('4', '6')(wordOf(value)))),
  cidr: postOnly(orNull(cidr), { default: undefined }),
  prefixlen: postOnly(integer(0, 128), { default: undefined, hidden: true }),
  subnetpool_id: postOnly(orNull(poolOrPrefixDelegation), { default: undefined }),
  use_default_subnetpool: postOnly(boolean, { default: false, hidden: true }),
  gateway_ip: both(orNull(ipAddress), { default: undefined }),
  allocation_pools: both(pools, { default: undefined }),
  dns_nameservers: both(listOrNone(list(ipAddress, { max: 5, unique: true })), { default: undefined }),
  host_routes: both(hostRoutes, { default: undefined }),
  enable_dhcp: both(boolean, { default: true }),
  ipv6_address_mode: postOnly(orNull(modes), { default: undefined }),
  ipv6_ra_mode: postOnly(orNull(modes), { default: undefined }),
  service_types: both(list(serviceType, { max: 20, unique: true }), { default: undefined }),
  'router:external': readOnly(),
};

const ownerOrNetworkOwner =
  'role:member and project_id:%(project_id)s or (role:admin) or (role:member and project_id:%(network:project_id)s)';

export const subnets: Resource<Subnet> = {
  singular: 'subnet',
  plural: 'subnets',
  path: 'subnets',
  attributes,
  allow: {
    create: '(role:admin) or (role:member and project_id:%(network:project_id)s)',
    get: 'role:reader and project_id:%(project_id)s or True:%(network:shared)s or True:%(router:external)s or (role:admin) or (role:reader and project_id:%(network:project_id)s) or role:service',
    update: ownerOrNetworkOwner,
    delete: ownerOrNetworkOwner,
  },
  missing: t.subnetNotFound,
  columns: ['id', 'network_id', 'name', 'project_id'],
  list: listSubnets,
  view,
  target: row => ({ 'network:project_id': row.network.projectId, 'network:shared': row.network.shared === 1 }),
  visible: (row, caller) =>
    [row.projectId, row.network.projectId].includes(caller.projectId ?? '-') ||
    row.network.shared === 1 ||
    row.network.external === 1,
  newTarget: async (tx, values) => ({
    'network:project_id': (await networkById(tx, values['network_id'] as string))?.projectId,
  }),
  create,
  update,
  remove,
};

export function view(row: Subnet): Values {
  return {
    ...standardView(row),
    network_id: row.networkId,
    ip_version: row.version,
    cidr: row.cidr,
    subnetpool_id: row.subnetPoolId,
    gateway_ip: row.gateway,
    allocation_pools: JSON.parse(row.pools) as Pool[],
    dns_nameservers: JSON.parse(row.dnsServers) as string[],
    host_routes: JSON.parse(row.hostRoutes) as Values[],
    enable_dhcp: row.enableDhcp === 1,
    ipv6_address_mode: row.ipv6AddressMode,
    ipv6_ra_mode: row.ipv6RaMode,
    service_types: JSON.parse(row.serviceTypes) as string[],
    'router:external': row.network.external === 1,
  };
}

async function create({ tx, caller }: Ask, values: Values): Promise<Subnet> {
  const network = await usableNetwork(tx, values['network_id'] as string, caller);
  await checkQuota(tx, 'subnet', values['project_id'] as string);
  const row = await insertSubnet(tx, values);
  return { ...row, network };
}

/** Makes a subnet of attributes as POST takes them, without asking for quota. */
export async function insertSubnet(tx: Tx, values: Values): Promise<SubnetRow> {
  const networkId = values['network_id'] as string;
  const version = values['ip_version'] as number;
  const others = await subnetsOfNetwork(tx, networkId);
  const pool = await choosePool(tx, {
    id: values['subnetpool_id'] as string | null | undefined,
    useDefault: values['use_default_subnetpool'] === true,
    version,
    projectId: values['project_id'] as string,
  });
  const asked = values['cidr'] as string | null | undefined;
  if (!pool && !asked)
    throw new Problem('invalid', t.badRequest, {
      resource: 'subnets',
      why: 'cidr is required when no subnet pool is given',
    });
  if (asked && values['prefixlen'] !== undefined)
    throw new Problem('invalid', t.badRequest, {
      resource: 'subnets',
      why: 'cidr and prefixlen must not be supplied together',
    });
  const prefix = pool
    ? await allocateFromPool(tx, pool, {
        cidr: asked ?? null,
        length: values['prefixlen'] as number | undefined,
        projectId: values['project_id'] as string,
      })
    : planPrefix(asked!, version);
  checkOverlap(prefix, networkId, others);
  const enableDhcp = values['enable_dhcp'] !== false;
  const addressMode = (values['ipv6_address_mode'] as string | null | undefined) ?? null;
  const raMode = (values['ipv6_ra_mode'] as string | null | undefined) ?? null;
  checkModes({ version, enableDhcp, raMode, addressMode, length: prefix.length });
  const gateway = values['gateway_ip'] === undefined ? defaultGateway(prefix) : (values['gateway_ip'] as string | null);
  if (gateway !== null) checkGateway(prefix, gateway);
  checkRouteFamilies(version, values);
  const row: SubnetRow = {
    ...newStandard(tx, values),
    networkId,
    version,
    cidr: showPrefix(prefix),
    gateway,
    enableDhcp: enableDhcp ? 1 : 0,
    pools: JSON.stringify(planPools(prefix, gateway, values['allocation_pools'] as Pool[] | undefined)),
    dnsServers: JSON.stringify(values['dns_nameservers'] ?? []),
    hostRoutes: JSON.stringify(values['host_routes'] ?? []),
    serviceTypes: JSON.stringify(values['service_types'] ?? []),
    ipv6AddressMode: addressMode,
    ipv6RaMode: raMode,
    subnetPoolId: pool?.id ?? null,
  };
  await db(tx).insertInto('subnets').values(row).execute();
  await syncDhcpPorts(tx, networkId);
  if (isAuto(addressMode)) await addAutoAddresses(tx, row);
  await changed(tx, row);
  return row;
}

/** @throws Problem invalid for routes and name servers of another family */
function checkRouteFamilies(version: number, values: Values): void {
  const family = (address: string): number => (address.includes(':') ? 6 : 4);
  for (const route of (values['host_routes'] as { destination: string; nexthop: string }[] | undefined) ?? [])
    if (family(route.destination) !== version || family(route.nexthop) !== version)
      throw new Problem('invalid', t.invalidInput, {
        attribute: 'host_routes',
        why: `the route to ${route.destination} does not match the ip_version '${version}'`,
      });
  for (const server of (values['dns_nameservers'] as string[] | undefined) ?? [])
    if (family(server) !== version)
      throw new Problem('invalid', t.invalidInput, {
        attribute: 'dns_nameservers',
        why: `dns_nameserver '${server}' does not match the ip_version '${version}'`,
      });
}

async function update({ tx }: Ask, row: Subnet, values: Values): Promise<Subnet> {
  const prefix = parsePrefix(row.cidr)!;
  const gateway = values['gateway_ip'] === undefined ? row.gateway : (values['gateway_ip'] as string | null);
  const askedPools = values['allocation_pools'] as Pool[] | undefined;
  const pools = askedPools ? planPools(prefix, gateway, askedPools) : (JSON.parse(row.pools) as Pool[]);
  if (gateway !== row.gateway) {
    if (gateway !== null) checkGateway(prefix, gateway);
    checkGatewayOutside(gateway, pools);
    await checkGatewayUnused(tx, row);
  }
  checkRouteFamilies(row.version, values);
  const enableDhcp = (values['enable_dhcp'] as boolean | undefined) ?? row.enableDhcp === 1;
  checkModes({
    version: row.version,
    enableDhcp,
    raMode: row.ipv6RaMode,
    addressMode: row.ipv6AddressMode,
    length: prefix.length,
  });
  const changes = {
    ...touched(tx, row, values),
    gateway,
    enableDhcp: enableDhcp ? 1 : 0,
    pools: JSON.stringify(pools),
    ...(values['dns_nameservers'] ? { dnsServers: JSON.stringify(values['dns_nameservers']) } : {}),
    ...(values['host_routes'] ? { hostRoutes: JSON.stringify(values['host_routes']) } : {}),
    ...(values['service_types'] ? { serviceTypes: JSON.stringify(values['service_types']) } : {}),
  };
  await db(tx).updateTable('subnets').set(changes).where('id', '=', row.id).execute();
  if (enableDhcp !== (row.enableDhcp === 1)) await syncDhcpPorts(tx, row.networkId);
  await changed(tx, row);
  return { ...row, ...changes };
}

/** @throws Problem conflict when a router answers at the present gateway address */
async function checkGatewayUnused(tx: Tx, row: Subnet): Promise<void> {
  if (row.gateway === null) return;
  const port = await db(tx)
    .selectFrom('portAddresses')
    .innerJoin('ports', 'ports.id', 'portAddresses.portId')
    .select('ports.id')
    .where('subnetId', '=', row.id)
    .where('ip', '=', row.gateway)
    .where('deviceOwner', '=', 'network:router_interface')
    .executeTakeFirst();
  if (port) throw new Problem('conflict', t.gatewayIpInUse, { ip: row.gateway, port: port.id });
}

async function remove({ tx }: Ask, row: Subnet): Promise<void> {
  const users = await db(tx)
    .selectFrom('portAddresses')
    .innerJoin('ports', 'ports.id', 'portAddresses.portId')
    .select(['ports.id', 'ports.deviceOwner'])
    .where('subnetId', '=', row.id)
    .execute();
  const auto = isAuto(row.ipv6AddressMode);
  const inUse = users.filter(
    port => port.deviceOwner !== 'network:dhcp' && (!auto || port.deviceOwner.startsWith('network:router')),
  );
  if (inUse.length)
    throw new Problem('conflict', t.subnetInUse, {
      id: row.id,
      why: `One or more ports have an IP allocation from this subnet: ${inUse
        .map(port => port.id)
        .slice(0, 10)
        .join(', ')}`,
    });
  await removeSubnetRow(tx, row.id);
  await syncDhcpPorts(tx, row.networkId);
  await changed(tx, row);
}

async function changed(tx: Tx, row: SubnetRow): Promise<void> {
  await replanNetwork(tx, row.networkId);
  await emit(tx, {
    type: 'network.changed',
    projectId: row.projectId,
    resourceId: row.networkId,
    payload: { networkId: row.networkId },
  });
}
