// The bridges and tunnels that a host must have. Rows in, entries out.

import type { PlanRows } from '#/services/network/plan-rows.ts';
import type { HostNetwork } from '#/drivers/network/network-driver.ts';

export function planNetworks({
  networks,
  subnets,
  elsewhere,
}: Pick<PlanRows, 'networks' | 'subnets' | 'elsewhere'>): HostNetwork[] {
  return networks.map(network => {
    const own = subnets.filter(subnet => subnet.networkId === network.id);
    const peers = Map.groupBy(
      elsewhere.filter(port => port.networkId === network.id),
      port => port.address,
    );
    // The machine itself is the gateway of a network that leaves through it.
    const hostAddresses = own.flatMap(({ gateway, cidr }) =>
      gateway === null ? [] : [`${gateway}/${cidr.split('/')[1]}`],
    );
    return {
      key: `network/${network.id}`,
      networkId: network.id,
      segmentationId: network.segmentationId,
      mtu: network.mtu,
      external: network.type === 'flat' ? { hostAddresses, masquerade: true } : null,
      peers: [...peers].map(([address, ports]) => ({
        address,
        ports: ports.flatMap(({ mac, ips }) => (mac === null ? [] : { mac, ips })),
      })),
    };
  });
}
