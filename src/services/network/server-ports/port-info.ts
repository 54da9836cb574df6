// A server's ports as compute sees them: with all that a guest is told of its networks.

import { listPorts, type Port } from '#/services/network/ports/port.store.ts';
import { db } from '#/services/network/tables.ts';
import type { Tx } from '#/platform/database/tx.ts';

export interface PortInfo {
  id: string;
  networkId: string;
  networkName: string;
  projectId: string;
  mac: string;
  name: string;
  adminStateUp: boolean;
  status: 'ACTIVE' | 'DOWN' | 'BUILD' | 'N/A';
  fixedIps: { subnetId: string; ip: string; version: 4 | 6 }[];
  floatingIps: { ip: string; fixedIp: string }[];
  securityGroups: { id: string; name: string }[];
  mtu: number;
  deviceId: string;
  deviceOwner: string;
  host: string | null;
  vnicType: string;
  /** The host's interface: `tap` and the first 11 characters of the id. */
  tap: string;
  portSecurity: boolean;
  subnets: {
    id: string;
    cidr: string;
    version: 4 | 6;
    gateway: string | null;
    dnsServers: string[];
    hostRoutes: { destination: string; nexthop: string }[];
    dhcp: boolean;
    ipv6AddressMode: string | null;
  }[];
}

/** In the order in which the server got them. */
export async function portsOfServer(tx: Tx, serverId: string): Promise<PortInfo[]> {
  return (await portsOfServers(tx, [serverId])).get(serverId) ?? [];
}

const serversPerQuery = 500;

export async function portsOfServers(tx: Tx, serverIds: string[]): Promise<Map<string, PortInfo[]>> {
  const ports: Port[] = [];
  for (let from = 0; from < serverIds.length; from += serversPerQuery)
    ports.push(
      ...(await listPorts(tx, {
        all: true,
        projectId: '',
        only: { device_id: serverIds.slice(from, from + serversPerQuery) },
      })),
    );
  const infos = await portInfos(tx, ports);
  const order = new Map(ports.map(port => [port.id, port]));
  infos.sort((a, b) => {
    const [one, two] = [order.get(a.id)!, order.get(b.id)!];
    return one.ordinal - two.ordinal || (one.createdAt < two.createdAt ? -1 : one.createdAt > two.createdAt ? 1 : 0);
  });
  return Map.groupBy(infos, info => info.deviceId);
}

/** One query per table, however many ports. */
export async function portInfos(tx: Tx, ports: Port[]): Promise<PortInfo[]> {
  if (!ports.length) return [];
  const networkIds = [...new Set(ports.map(port => port.networkId))];
  const networks = new Map(
    (await db(tx).selectFrom('networks').select(['id', 'mtu']).where('id', 'in', networkIds).execute()).map(row => [
      row.id,
      row,
    ]),
  );
  const subnets = new Map(
    (await db(tx).selectFrom('subnets').selectAll().where('networkId', 'in', networkIds).execute()).map(row => [
      row.id,
      row,
    ]),
  );
  const groupIds = [...new Set(ports.flatMap(port => port.groups))];
  const groups = new Map(
    groupIds.length
      ? (await db(tx).selectFrom('securityGroups').select(['id', 'name']).where('id', 'in', groupIds).execute()).map(
          row => [row.id, row],
        )
      : [],
  );
  const floating = Map.groupBy(await floatingOf(tx, ports), row => row.portId!);
  return ports.map(port => ({
    id: port.id,
    networkId: port.networkId,
    networkName: port.network.name,
    projectId: port.projectId,
    mac: port.mac,
    name: port.name,
    adminStateUp: port.adminStateUp === 1,
    status: port.status as PortInfo['status'],
    fixedIps: port.addresses.map(({ subnetId, ip }) => ({ subnetId, ip, version: ip.includes(':') ? 6 : 4 })),
    floatingIps: (floating.get(port.id) ?? []).map(row => ({ ip: row.ip, fixedIp: row.fixedIp! })),
    securityGroups: port.groups.flatMap(id => groups.get(id) ?? []),
    mtu: networks.get(port.networkId)!.mtu,
    deviceId: port.deviceId,
    deviceOwner: port.deviceOwner,
    host: port.host,
    vnicType: port.vnicType,
    tap: `tap${port.id.slice(0, 11)}`,
    portSecurity: port.portSecurity === 1,
    subnets: [...new Set(port.addresses.map(({ subnetId }) => subnetId))].map(id => {
      const subnet = subnets.get(id)!;
      return {
        id,
        cidr: subnet.cidr,
        version: subnet.version as 4 | 6,
        gateway: subnet.gateway,
        dnsServers: JSON.parse(subnet.dnsServers) as string[],
        hostRoutes: JSON.parse(subnet.hostRoutes) as { destination: string; nexthop: string }[],
        dhcp: subnet.enableDhcp === 1,
        ipv6AddressMode: subnet.ipv6AddressMode,
      };
    }),
  }));
}

async function floatingOf(tx: Tx, ports: Port[]) {
  let query = db(tx).selectFrom('floatingIps').select(['portId', 'ip', 'fixedIp']).where('portId', 'is not', null);
  if (ports.length <= serversPerQuery)
    query = query.where(
      'portId',
      'in',
      ports.map(port => port.id),
    );
  return query.execute();
}

/** Ids of servers with an address that a regular expression matches. @param pattern plain text is matched as a part */
export async function serversByAddress(
  tx: Tx,
  projectId: string | null,
  family: 4 | 6,
  pattern: string,
): Promise<string[]> {
  let query = db(tx)
    .selectFrom('portAddresses')
    .innerJoin('ports', 'ports.id', 'portAddresses.portId')
    .select(['ports.deviceId', 'portAddresses.ip'])
    .where('ports.deviceOwner', 'like', 'compute:%');
  if (projectId !== null) query = query.where('ports.projectId', '=', projectId);
  const matches = addressMatcher(pattern);
  const rows = await query.execute();
  return [
    ...new Set(rows.filter(row => row.ip.includes(':') === (family === 6) && matches(row.ip)).map(row => row.deviceId)),
  ];
}

/** Only anchors and dots of a regular expression mean something here: users' patterns are not run. */
function addressMatcher(pattern: string): (ip: string) => boolean {
  const start = pattern.startsWith('^');
  const end = pattern.endsWith('$');
  const plain = pattern
    .slice(start ? 1 : 0, end ? -1 : undefined)
    .replaceAll('\\.', '.')
    .replaceAll('.*', '')
    .toLowerCase();
  return ip => {
    if (start && end) return ip === plain;
    if (start) return ip.startsWith(plain);
    return end ? ip.endsWith(plain) : ip.includes(plain);
  };
}
