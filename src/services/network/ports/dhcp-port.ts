// The DHCP ports of a network: one on each host that serves it, with one address in every subnet that hands addresses out.
// A server that moves takes its port along, so guests find it where it was.

import { allocate, type Assigned } from '#/services/network/addressing/allocate.ts';
import { replanAll, replanNetwork } from '#/services/network/affected.ts';
import { openPlaces, type Places } from '#/services/network/agents/agent.store.ts';
import { touched } from '#/services/network/attributes/standard.ts';
import { makePort } from '#/services/network/ports/make-port.ts';
import { type Port, replaceAddresses, withParts } from '#/services/network/ports/port.store.ts';
import { removePort } from '#/services/network/ports/remove-port.ts';
import { networkSettings } from '#/services/network/settings.ts';
import { subnetsOfNetwork } from '#/services/network/subnets/subnet.store.ts';
import { db, type NetworkRow, type PortRow, type SubnetRow } from '#/services/network/tables.ts';
import { networkById } from '#/services/network/networks/network.store.ts';
import type { Host } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export const dhcpOwner = 'network:dhcp';

/** Hosts that can serve, the one that serves the fewest networks first. */
export async function dhcpPlaces(tx: Tx): Promise<Places> {
  const rows = await db(tx)
    .selectFrom('ports')
    .select(eb => ['host', eb.fn.countAll<number | string>().as('count')])
    .where('deviceOwner', '=', dhcpOwner)
    .where('host', 'is not', null)
    .groupBy('host')
    .execute();
  return openPlaces(tx, 'dhcp', new Map(rows.map(row => [row.host!, Number(row.count)])));
}

/**
 * Makes the network's DHCP ports be as its subnets now are, and gives it as many servers as the cloud wants and has hosts
 * for. A subnet that has no address left goes without. While no host can serve, one port waits for the first that can.
 */
export async function syncDhcpPorts(tx: Tx, networkId: string, places?: Places): Promise<void> {
  const network = await networkById(tx, networkId);
  if (!network) return;
  const served = (await subnetsOfNetwork(tx, networkId)).filter(subnet => subnet.enableDhcp === 1);
  const ports = await dhcpPortsOf(tx, networkId);
  if (!served.length) {
    for (const port of ports) await removePort(tx, port.id);
    return;
  }
  const open = places ?? (await dhcpPlaces(tx));
  const hosts = new Set(ports.map(port => port.host));
  for (const port of ports) {
    const target = open.able(port.host) ? null : open.take(hosts);
    if (target) {
      hosts.add(target.name);
      await moveDhcpPort(tx, port, target);
    }
    const wanted = await addressesIn(tx, served, port.mac, port.addresses);
    if (wanted.length === port.addresses.length && wanted.every((one, at) => one.ip === port.addresses[at]!.ip))
      continue;
    await replaceAddresses(tx, port, wanted);
  }
  const { dhcpAgentsPerNetwork: most } = networkSettings.of(tx);
  for (let count = ports.length; count < most; count++) {
    const host = open.take(hosts);
    if (!host && count > 0) return;
    await addDhcpPort(tx, network, served, host);
    hosts.add(host?.name ?? null);
  }
}

export async function dhcpPortsOf(tx: Tx, networkId: string): Promise<Port[]> {
  const rows = await db(tx)
    .selectFrom('ports')
    .selectAll()
    .where('networkId', '=', networkId)
    .where('deviceOwner', '=', dhcpOwner)
    .orderBy('createdAt')
    .orderBy('id')
    .execute();
  return withParts(tx, rows);
}

/** One more server.  Its port has no address where no subnet hands any out */
export async function addDhcpServer(tx: Tx, network: NetworkRow, host: Host): Promise<void> {
  const served = (await subnetsOfNetwork(tx, network.id)).filter(subnet => subnet.enableDhcp === 1);
  await addDhcpPort(tx, network, served, host);
}

async function addDhcpPort(tx: Tx, network: NetworkRow, served: SubnetRow[], host: Host | null): Promise<void> {
  const port = await makePort(tx, {
    network,
    projectId: network.projectId,
    fixedIps: [],
    deviceOwner: dhcpOwner,
    deviceId: deviceOf(network.id, host),
    host: host?.name ?? null,
    portSecurity: false,
  });
  await replaceAddresses(tx, port, await addressesIn(tx, served, port.mac, []));
}

/** The server goes on from another host, with its addresses. */
export async function moveDhcpPort(
  tx: Tx,
  port: Pick<PortRow, 'id' | 'networkId' | 'host' | 'revision'>,
  host: Host,
): Promise<void> {
  await db(tx)
    .updateTable('ports')
    .set({ ...touched(tx, port), host: host.name, deviceId: deviceOf(port.networkId, host), status: 'DOWN' })
    .where('id', '=', port.id)
    .execute();
  await replanAll(tx, [port.host]);
  await replanNetwork(tx, port.networkId);
}

/** As Neutron names the device of a DHCP port: by its host and its network. */
function deviceOf(networkId: string, host: Host | null): string {
  return host ? `dhcp${host.providerId}-${networkId}` : `dhcp-${networkId}`;
}

async function addressesIn(tx: Tx, subnets: SubnetRow[], mac: string, keep: Assigned[]): Promise<Assigned[]> {
  const chosen: Assigned[] = [];
  for (const subnet of subnets) {
    const kept = keep.find(one => one.subnetId === subnet.id);
    if (kept) {
      chosen.push(kept);
      continue;
    }
    try {
      chosen.push(
        ...(await allocate(tx, {
          networkId: subnet.networkId,
          subnets: [subnet],
          fixedIps: [{ subnet_id: subnet.id }],
          mac,
          deviceOwner: dhcpOwner,
        })),
      );
    } catch (thrown) {
      if (!(thrown instanceof Problem)) throw thrown;
    }
  }
  return chosen;
}
