// Everything that the plan of one host is made of, read with one query per table.

import { type Port, withParts } from '#/services/network/ports/port.store.ts';
import {
  type AddressGroupRow,
  db,
  type FloatingIpRow,
  type NetworkRow,
  type PortForwardingRow,
  type RouterRow,
  type SecurityGroupRuleRow,
  type SubnetRow,
} from '#/services/network/tables.ts';
import { listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

export interface PlanRows {
  networks: NetworkRow[];
  subnets: SubnetRow[];
  /** Guests' ports that are bound to the host. */
  guests: Port[];
  /** Of the networks that guests of the host are on. */
  dhcpPorts: Port[];
  routers: RouterRow[];
  routerPorts: Port[];
  floatingIps: FloatingIpRow[];
  portForwardings: PortForwardingRow[];
  /** Rules of the guests' groups. */
  rules: SecurityGroupRuleRow[];
  /** Members, anywhere, of the groups that those rules name. */
  members: { groupId: string; addresses: string[]; allowedPairs: string }[];
  addressGroups: AddressGroupRow[];
  /** Bound ports of the host's networks on other hosts that have a tunnel end point. */
  elsewhere: { networkId: string; mac: string; address: string; ips: string[] }[];
}

export async function readPlanRows(tx: Tx, host: string): Promise<PlanRows> {
  const bound = await db(tx)
    .selectFrom('ports')
    .selectAll()
    .where('host', '=', host)
    .where('deviceOwner', 'not like', 'network:%')
    .orderBy('id')
    .execute();
  const guests = await withParts(tx, bound);
  const routers = await db(tx).selectFrom('routers').selectAll().where('host', '=', host).orderBy('id').execute();
  const routerIds = routers.map(router => router.id);
  const routerPorts = await withParts(
    tx,
    await byIds(routerIds, ids =>
      db(tx)
        .selectFrom('ports')
        .selectAll()
        .where('deviceId', 'in', ids)
        .where('deviceOwner', 'in', ['network:router_interface', 'network:router_gateway'])
        .orderBy('id')
        .execute(),
    ),
  );
  const guestNetworks = [...new Set(guests.map(port => port.networkId))];
  const networkIds = [...new Set([...guestNetworks, ...routerPorts.map(port => port.networkId)])].sort();
  const groupIds = [...new Set(guests.flatMap(port => (port.portSecurity ? port.groups : [])))];
  const rules = await byIds(groupIds, ids =>
    db(tx).selectFrom('securityGroupRules').selectAll().where('securityGroupId', 'in', ids).orderBy('id').execute(),
  );
  return {
    guests,
    routers,
    routerPorts,
    rules,
    networks: await byIds(networkIds, ids =>
      db(tx).selectFrom('networks').selectAll().where('id', 'in', ids).orderBy('id').execute(),
    ),
    subnets: await byIds(networkIds, ids =>
      db(tx)
        .selectFrom('subnets')
        .selectAll()
        .where('networkId', 'in', ids)
        .orderBy('createdAt')
        .orderBy('id')
        .execute(),
    ),
    dhcpPorts: await withParts(
      tx,
      await byIds(guestNetworks, ids =>
        db(tx)
          .selectFrom('ports')
          .selectAll()
          .where('networkId', 'in', ids)
          .where('deviceOwner', '=', 'network:dhcp')
          .orderBy('id')
          .execute(),
      ),
    ),
    floatingIps: await byIds(routerIds, ids =>
      db(tx).selectFrom('floatingIps').selectAll().where('routerId', 'in', ids).orderBy('id').execute(),
    ),
    portForwardings: await byIds(routerIds, ids =>
      db(tx)
        .selectFrom('portForwardings')
        .innerJoin('floatingIps', 'floatingIps.id', 'portForwardings.floatingIpId')
        .selectAll('portForwardings')
        .where('floatingIps.routerId', 'in', ids)
        .orderBy('portForwardings.id')
        .execute(),
    ),
    members: await membersOf(tx, unique(rules.map(rule => rule.remoteGroupId))),
    addressGroups: await byIds(unique(rules.map(rule => rule.remoteAddressGroupId)), ids =>
      db(tx).selectFrom('addressGroups').selectAll().where('id', 'in', ids).orderBy('id').execute(),
    ),
    elsewhere: await portsElsewhere(tx, host, networkIds),
  };
}

const unique = (ids: (string | null)[]): string[] => [...new Set(ids.filter(id => id !== null))];

const idsPerQuery = 500;

async function byIds<R>(ids: string[], read: (ids: string[]) => Promise<R[]>): Promise<R[]> {
  const rows: R[] = [];
  for (let from = 0; from < ids.length; from += idsPerQuery)
    rows.push(...(await read(ids.slice(from, from + idsPerQuery))));
  return rows;
}

async function membersOf(tx: Tx, groupIds: string[]): Promise<PlanRows['members']> {
  const rows = await byIds(groupIds, ids =>
    db(tx)
      .selectFrom('portSecurityGroups')
      .innerJoin('ports', 'ports.id', 'portSecurityGroups.portId')
      .leftJoin('portAddresses', 'portAddresses.portId', 'ports.id')
      .select([
        'portSecurityGroups.securityGroupId as groupId',
        'ports.id as portId',
        'ports.allowedPairs',
        'portAddresses.ip',
      ])
      .where('portSecurityGroups.securityGroupId', 'in', ids)
      .orderBy('ports.id')
      .execute(),
  );
  return [...Map.groupBy(rows, row => `${row.groupId} ${row.portId}`).values()].map(of => ({
    groupId: of[0]!.groupId,
    allowedPairs: of[0]!.allowedPairs,
    addresses: of.flatMap(row => row.ip ?? []),
  }));
}

async function portsElsewhere(tx: Tx, host: string, networkIds: string[]): Promise<PlanRows['elsewhere']> {
  const addresses = new Map(
    (await listHosts(tx))
      .filter(other => other.name !== host && other.address !== null)
      .map(other => [other.name, other.address!]),
  );
  if (!addresses.size) return [];
  const names = [...addresses.keys()];
  const rows = await byIds(networkIds, ids =>
    db(tx)
      .selectFrom('ports')
      .selectAll()
      .where('networkId', 'in', ids)
      .where('host', 'in', names)
      .orderBy('id')
      .execute(),
  );
  return (await withParts(tx, rows)).map(port => ({
    networkId: port.networkId,
    mac: port.mac,
    address: addresses.get(port.host!)!,
    ips: port.addresses.map(one => one.ip),
  }));
}
