// DHCP and router advertisements of the networks that a host serves, and metadata for its own guests. Rows in, entries out.

import type { PlanRows } from '#/services/network/plan-rows.ts';
import type { DhcpOption } from '#/services/network/ports/make-port.ts';
import { defaultDomain, hostnameOf } from '#/services/network/ports/port.view.ts';
import type { Port } from '#/services/network/ports/port.store.ts';
import type { SubnetRow } from '#/services/network/tables.ts';
import type { DhcpLease, DhcpSubnet, HostDhcp } from '#/drivers/network/network-driver.ts';

export function planDhcp({
  networks,
  subnets,
  dhcpPorts,
  guests,
  leaseholders,
}: Pick<PlanRows, 'networks' | 'subnets' | 'dhcpPorts' | 'guests' | 'leaseholders'>): HostDhcp[] {
  return networks.flatMap(network => {
    const port = dhcpPorts.find(one => one.networkId === network.id);
    if (!network.adminStateUp || !(port || guests.some(guest => guest.networkId === network.id))) return [];
    const own = subnets.filter(subnet => subnet.networkId === network.id);
    const lengthOf = (subnetId: string): string => own.find(subnet => subnet.id === subnetId)!.cidr.split('/')[1]!;
    return {
      key: `dhcp/${network.id}`,
      networkId: network.id,
      portId: port?.id ?? network.id,
      mac: port?.mac ?? localMac,
      local: !port,
      addresses: (port?.addresses ?? []).map(({ ip, subnetId }) => `${ip}/${lengthOf(subnetId)}`),
      mtu: network.mtu,
      domain: (network.dnsDomain || defaultDomain).replace(/\.$/, ''),
      subnets: own.map(toDhcpSubnet),
      leases: leaseholders.filter(one => port && one.networkId === network.id && one.addresses.length).map(toLease),
    };
  });
}

/** Of metadata on hosts that hand out no addresses: the same on each, and never heard on another. */
export const localMac = '02:00:a9:fe:a9:fe';

type Ipv6Mode = NonNullable<DhcpSubnet['ipv6']>['raMode'];

function toDhcpSubnet(subnet: SubnetRow): DhcpSubnet {
  return {
    subnetId: subnet.id,
    cidr: subnet.cidr,
    gateway: subnet.gateway,
    dnsServers: JSON.parse(subnet.dnsServers) as string[],
    hostRoutes: JSON.parse(subnet.hostRoutes) as DhcpSubnet['hostRoutes'],
    dhcp: subnet.enableDhcp === 1,
    ipv6:
      subnet.version === 6
        ? { addressMode: subnet.ipv6AddressMode as Ipv6Mode, raMode: subnet.ipv6RaMode as Ipv6Mode }
        : null,
  };
}

function toLease(port: Port): DhcpLease {
  const options = JSON.parse(port.dhcpOptions) as DhcpOption[];
  return {
    portId: port.id,
    mac: port.mac,
    ips: port.addresses.map(one => one.ip),
    hostname: hostnameOf(port.dnsName, port.addresses[0]!.ip),
    options: options.map(({ opt_name, opt_value, ip_version }) => ({
      name: opt_name,
      value: opt_value,
      ipVersion: ip_version === 6 ? 6 : 4,
    })),
  };
}
