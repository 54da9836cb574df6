// Whether simulated hosts agree on where each network is: whoever has it knows all the others that have it, and nobody else,
// and by which MAC addresses their ports are found. Judged by what the hosts hold, not by rows.

import type { HostDhcp, HostNetwork, HostPort, HostRouter } from '#/drivers/network/network-driver.ts';
import type { SimulatedHost } from '#/drivers/simulated-host.ts';

export interface SimulatedPlace {
  name: string;
  machine: Pick<SimulatedHost, 'network'>;
  /** Its end of the tunnels; null: it has none. */
  tunnelAddress: string | null;
}

/** One sentence for each host that is wrong about a network. */
export function wrongPeers(places: SimulatedPlace[]): string[] {
  const wrong: string[] = [];
  const tunnelled = places.filter(place => place.tunnelAddress !== null);
  const networks = new Set(tunnelled.flatMap(place => networksOf(place).map(network => network.key)));
  for (const key of networks) {
    const on = tunnelled.filter(place => place.machine.network.has(key));
    const macs = new Map(on.map(place => [place.name, macsOn(place, key.slice('network/'.length))]));
    for (const place of on) {
      const { peers } = place.machine.network.get(key) as HostNetwork;
      const others = on.filter(other => other !== place);
      const said = peers.map(peer => peer.address).toSorted();
      const real = others.map(other => other.tunnelAddress!).toSorted();
      if (said.join() !== real.join())
        wrong.push(`${place.name} takes ${key} to be at [${said.join()}], but it is at [${real.join()}].`);
      for (const other of others) {
        const known = peers.find(peer => peer.address === other.tunnelAddress)?.ports.map(port => port.mac) ?? [];
        const elsewhere = new Set(on.filter(one => one !== other).flatMap(one => macs.get(one.name)!));
        // What is on two hosts at once is found by flooding.
        const missing = macs.get(other.name)!.filter(mac => !elsewhere.has(mac) && !known.includes(mac));
        const misplaced = known.filter(mac => elsewhere.has(mac));
        if (missing.length || misplaced.length)
          wrong.push(
            `${place.name} looks for ports of ${key} in the wrong place: ${[...missing, ...misplaced].join()}.`,
          );
      }
    }
  }
  return wrong;
}

function networksOf({ machine }: SimulatedPlace): HostNetwork[] {
  return [...machine.network.values()].filter(
    (entry): entry is HostNetwork => entry.key.startsWith('network/') && !(entry as HostNetwork).external?.uplink,
  );
}

/** Of a network's ports on a host: guests', routers' and DHCP servers'. */
function macsOn({ machine }: SimulatedPlace, networkId: string): string[] {
  const macs: string[] = [];
  for (const entry of machine.network.values()) {
    if (entry.key.startsWith('port/') && (entry as HostPort).networkId === networkId)
      macs.push((entry as HostPort).mac);
    if (entry.key === `dhcp/${networkId}` && !(entry as HostDhcp).local) macs.push((entry as HostDhcp).mac);
    if (entry.key.startsWith('router/')) {
      const { interfaces, gateway, ha } = entry as HostRouter;
      for (const port of [...interfaces, ...(gateway ? [gateway] : []), ...(ha ? [ha.port] : [])])
        if (port.networkId === networkId) macs.push(port.mac);
    }
  }
  return macs.toSorted();
}
