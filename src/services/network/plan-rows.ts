// Everything that the plan of one host is made of, read with one query per table.

import { hasInterface } from '#/services/network/networks/carrier.ts';
import { type Port, withParts } from '#/services/network/ports/port.store.ts';
import {
  type AddressGroupRow,
  db,
  type FloatingIpRow,
  type NetworkRow,
  type PortForwardingRow,
  type PortRow,
  type RouterRow,
  type SecurityGroupRuleRow,
  type SubnetRow,
} from '#/services/network/tables.ts';
import { isIPv6 } from 'node:net';
import { type Host, hostByName, hostsByName } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

export interface PlanRows {
  networks: NetworkRow[];
  subnets: SubnetRow[];
  /** Guests' ports that are bound to the host, or move to it, or have just left. */
  guests: Port[];
  /** Of the networks to whose guests the host hands out addresses. */
  dhcpPorts: Port[];
  /** Those guests, wherever they are. */
  leaseholders: Port[];
  routers: RouterRow[];
  routerPorts: Port[];
  floatingIps: FloatingIpRow[];
  portForwardings: PortForwardingRow[];
  /** Rules of the guests' groups. */
  rules: SecurityGroupRuleRow[];
  /** Members, anywhere, of the groups that those rules name. */
  members: { groupId: string; addresses: string[]; allowedPairs: string }[];
  addressGroups: AddressGroupRow[];
  /** Where else the host's networks are, by tunnel. */
  elsewhere: Elsewhere[];
  /** The host has an interface on external networks. */
  uplink: boolean;
  host: string;
}

/** A port on another host. A port that is on several hosts at once is found by flooding: its MAC address is null. */
export interface Elsewhere {
  networkId: string;
  /** The other host's end of the tunnel. */
  address: string;
  mac: string | null;
  ips: string[];
}

export async function readPlanRows(tx: Tx, host: string): Promise<PlanRows> {
  const moving = db(tx).selectFrom('portBindings').select('portId').where('portBindings.host', '=', host);
  const bound = await db(tx)
    .selectFrom('ports')
    .selectAll()
    .where(eb => eb.or([eb('host', '=', host), eb('id', 'in', moving)]))
    .where('deviceOwner', 'not like', 'network:%')
    .orderBy('id')
    .execute();
  const guests = await withParts(tx, bound);
  const replicas = db(tx).selectFrom('routerHosts').select('routerId').where('routerHosts.host', '=', host);
  const routers = await db(tx)
    .selectFrom('routers')
    .selectAll()
    .where(eb => eb.or([eb('host', '=', host), eb('id', 'in', replicas)]))
    .orderBy('id')
    .execute();
  const routerIds = routers.map(router => router.id);
  const routerPorts = await withParts(
    tx,
    await byIds(routerIds, ids =>
      db(tx)
        .selectFrom('ports')
        .selectAll()
        .where('deviceId', 'in', ids)
        .where(eb =>
          eb.or([
            eb('deviceOwner', 'in', ['network:router_interface', 'network:router_gateway']),
            eb.and([eb('deviceOwner', '=', 'network:router_ha_interface'), eb('host', '=', host)]),
          ]),
        )
        .orderBy('id')
        .execute(),
    ),
  );
  const servers = await db(tx)
    .selectFrom('ports')
    .selectAll()
    .where('host', '=', host)
    .where('deviceOwner', '=', 'network:dhcp')
    .orderBy('id')
    .execute();
  const leaseholders = await withParts(
    tx,
    await byIds(
      servers.map(port => port.networkId),
      ids => boundGuests(tx, ids),
    ),
  );
  // A network without guests costs nothing.
  const used = new Set(leaseholders.map(port => port.networkId));
  const dhcpPorts = await withParts(
    tx,
    servers.filter(port => used.has(port.networkId)),
  );
  const carried = await carriedBy(tx, host);
  const own = [...guests, ...dhcpPorts, ...routerPorts].map(port => port.networkId);
  const networkIds = [...new Set([...own, ...carried])].sort();
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
    dhcpPorts,
    leaseholders,
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
    uplink: hasInterface(await hostByName(tx, host)),
    host,
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

/** External networks that leave through the host, of which some host has a port. */
async function carriedBy(tx: Tx, host: string): Promise<string[]> {
  const rows = await db(tx)
    .selectFrom('networks')
    .innerJoin('ports', 'ports.networkId', 'networks.id')
    .select('networks.id')
    .distinct()
    .where('networks.carrier', '=', host)
    .where('ports.host', 'is not', null)
    .execute();
  return rows.map(row => row.id);
}

function boundGuests(tx: Tx, networkIds: string[]): Promise<PortRow[]> {
  return db(tx)
    .selectFrom('ports')
    .selectAll()
    .where('networkId', 'in', networkIds)
    .where('host', 'is not', null)
    .where('deviceOwner', 'not like', 'network:%')
    .orderBy('id')
    .execute();
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

const tunnelOf = (host: Host | undefined): string | null => host?.networkCapabilities?.tunnelAddress ?? null;

/** Those of other hosts that a tunnel from this one reaches. */
async function tunnelEnds(tx: Tx, hosts: string[], host: string, own: string): Promise<Map<string, string>> {
  const others = await byIds(hosts, names => hostsByName(tx, names));
  return new Map(
    others.flatMap(other => {
      const end = tunnelOf(other);
      return other.name !== host && end !== null && isIPv6(end) === isIPv6(own) ? [[other.name, end]] : [];
    }),
  );
}

/** Nothing where this host has no tunnel. */
async function portsElsewhere(tx: Tx, host: string, networkIds: string[]): Promise<Elsewhere[]> {
  const own = networkIds.length ? tunnelOf(await hostByName(tx, host)) : null;
  if (own === null) return [];
  const bindings = await byIds(networkIds, ids =>
    db(tx)
      .selectFrom('portBindings')
      .select(['portId', 'host'])
      .where('networkId', 'in', ids)
      .orderBy('host')
      .execute(),
  );
  const standby = Map.groupBy(bindings, binding => binding.portId);
  const rows = await byIds(networkIds, ids =>
    db(tx)
      .selectFrom('ports')
      .selectAll()
      .where('networkId', 'in', ids)
      .where('host', 'is not', null)
      .orderBy('id')
      .execute(),
  );
  const used = new Set(rows.filter(row => !row.deviceOwner.startsWith('network:')).map(row => row.networkId));
  const relevant = rows.filter(
    row =>
      (row.host !== host || standby.has(row.id)) && (row.deviceOwner !== 'network:dhcp' || used.has(row.networkId)),
  );
  const carriers = await byIds(networkIds, ids =>
    db(tx)
      .selectFrom('networks')
      .select(['id', 'carrier'])
      .where('id', 'in', ids)
      .where('carrier', 'is not', null)
      .execute(),
  );
  const names = [...relevant, ...bindings].map(row => row.host);
  const addresses = await tunnelEnds(tx, unique([...names, ...carriers.map(row => row.carrier)]), host, own);
  const outward = carriers.flatMap(({ id, carrier }) => {
    const address = addresses.get(carrier!);
    return address === undefined ? [] : [{ networkId: id, address, mac: null, ips: [] }];
  });
  const ports = (await withParts(tx, relevant)).flatMap(port => {
    const others = standby.get(port.id) ?? [];
    return [port.host!, ...others.map(one => one.host)].flatMap(name => {
      const address = addresses.get(name);
      if (address === undefined) return [];
      return {
        networkId: port.networkId,
        address,
        mac: others.length ? null : port.mac,
        ips: port.addresses.map(one => one.ip),
      };
    });
  });
  return [...outward, ...ports];
}
