// The bridges and tunnels that a host must have. Rows in, entries out.

import { localMac } from '#/services/network/ports/dhcp.plan.ts';
import type { PlanRows } from '#/services/network/plan-rows.ts';
import type { HostNetwork } from '#/drivers/network/network-driver.ts';

export function planNetworks({
  networks,
  subnets,
  elsewhere,
  guests,
  dhcpPorts,
  uplink,
  host,
}: Pick<PlanRows, 'networks' | 'subnets' | 'elsewhere' | 'guests' | 'dhcpPorts' | 'uplink' | 'host'>): HostNetwork[] {
  return networks.map(network => {
    const own = subnets.filter(subnet => subnet.networkId === network.id);
    const has = guests.some(guest => guest.networkId === network.id);
    const dhcp = dhcpPorts.find(port => port.networkId === network.id);
    const peers = Map.groupBy(
      elsewhere.filter(port => port.networkId === network.id && !(uplink && network.type === 'flat')),
      port => port.address,
    );
    // The machine itself is the gateway of a network that leaves through it, unless it has an interface there.
    const hostAddresses = own.flatMap(({ gateway, cidr }) =>
      gateway === null ? [] : [`${gateway}/${cidr.split('/')[1]}`],
    );
    return {
      key: `network/${network.id}`,
      networkId: network.id,
      segmentationId: network.segmentationId,
      mtu: network.mtu,
      external:
        network.type !== 'flat'
          ? null
          : uplink
            ? { hostAddresses: [], masquerade: false, uplink }
            : network.carrier === host
              ? { hostAddresses, masquerade: true, uplink }
              : null,
      metadataMac: has && network.adminStateUp ? (dhcp?.mac ?? localMac) : null,
      peers: [...peers].toSorted(byAddress).map(([address, ports]) => ({
        address,
        ports: ports.flatMap(({ mac, ips }) => (mac === null ? [] : { mac, ips })),
      })),
    };
  });
}

function byAddress([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
