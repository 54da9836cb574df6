// Guests' ports with their filters. Rows in, entries out.

import type { PlanRows } from '#/services/network/plan-rows.ts';
import type { AddressPair } from '#/services/network/ports/make-port.ts';
import { toFilterRule } from '#/services/network/security-groups/security-group.plan.ts';
import type { HostPort } from '#/drivers/network/network-driver.ts';

export function planPorts({ guests, networks, rules }: Pick<PlanRows, 'guests' | 'networks' | 'rules'>): HostPort[] {
  const byGroup = Map.groupBy(rules, rule => rule.securityGroupId);
  const up = new Set(networks.filter(network => network.adminStateUp).map(network => network.id));
  return guests.map(port => ({
    key: `port/${port.id}`,
    portId: port.id,
    networkId: port.networkId,
    tap: `tap${port.id.slice(0, 11)}`,
    mac: port.mac,
    ips: port.addresses.map(one => one.ip),
    allowedAddressPairs: (JSON.parse(port.allowedPairs) as AddressPair[]).map(pair => ({
      mac: pair.mac_address,
      cidr: withLength(pair.ip_address),
    })),
    portSecurity: port.portSecurity === 1,
    adminUp: port.adminStateUp === 1 && up.has(port.networkId),
    rules: port.portSecurity ? port.groups.flatMap(id => (byGroup.get(id) ?? []).map(toFilterRule)) : [],
    serverId: port.deviceOwner.startsWith('compute:') ? port.deviceId : null,
  }));
}

function withLength(address: string): string {
  if (address.includes('/')) return address;
  return `${address}/${address.includes(':') ? 128 : 32}`;
}
