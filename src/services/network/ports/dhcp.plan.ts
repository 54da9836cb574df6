// DHCP, router advertisements and metadata of the networks that a host's guests are on. Rows in, entries out.

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
}: Pick<PlanRows, 'networks' | 'subnets' | 'dhcpPorts' | 'guests'>): HostDhcp[] {
  return dhcpPorts.flatMap(port => {
    const network = networks.find(one => one.id === port.networkId);
    if (!network || !network.adminStateUp) return [];
    const own = subnets.filter(subnet => subnet.networkId === network.id);
    const lengthOf = (subnetId: string): string => own.find(subnet => subnet.id === subnetId)!.cidr.split('/')[1]!;
    return {
      key: `dhcp/${network.id}`,
      networkId: network.id,
      portId: port.id,
      mac: port.mac,
      addresses: port.addresses.map(({ ip, subnetId }) => `${ip}/${lengthOf(subnetId)}`),
      mtu: network.mtu,
      domain: (network.dnsDomain || defaultDomain).replace(/\.$/, ''),
      subnets: own.map(toDhcpSubnet),
      leases: guests.filter(guest => guest.networkId === network.id && guest.addresses.length).map(toLease),
    };
  });
}

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
