// Rules as filters, and the addresses of the groups that they name. Rows in, entries out.

import type { PlanRows } from '#/services/network/plan-rows.ts';
import type { AddressPair } from '#/services/network/ports/make-port.ts';
import type { SecurityGroupRuleRow } from '#/services/network/tables.ts';
import type { FilterRule, HostGroup } from '#/drivers/network/network-driver.ts';

export function toFilterRule(rule: SecurityGroupRuleRow): FilterRule {
  return {
    direction: rule.direction as FilterRule['direction'],
    family: rule.family as 4 | 6,
    protocol: rule.protocol === null ? null : filterProtocol(rule.protocol, rule.family),
    min: rule.portMin,
    max: rule.portMax,
    remote: remoteOf(rule),
  };
}

/** ICMP of IPv6 has several names on the wire; the filter knows one. Names without one of their own become numbers. */
function filterProtocol(protocol: string, family: number): string {
  if (['icmpv6', 'ipv6-icmp', '58'].includes(protocol) || (family === 6 && ['icmp', '1'].includes(protocol)))
    return 'icmpv6';
  if (protocol === '1') return 'icmp';
  if (protocol === '6') return 'tcp';
  if (protocol === '17') return 'udp';
  return String(protocolNumbers[protocol] ?? protocol);
}

/** IANA's numbers of the other names that the API takes. */
export const protocolNumbers: Record<string, number> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  igmp: 2,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  udplite: 136,
  vrrp: 112,
};

function remoteOf(rule: SecurityGroupRuleRow): FilterRule['remote'] {
  const group = rule.remoteGroupId ?? rule.remoteAddressGroupId;
  if (group !== null) return { group: `security-group/${group}` };
  return rule.remoteIpPrefix === null ? null : { cidr: rule.remoteIpPrefix };
}

/** A group without members has an empty list: a rule that names it lets nobody in. */
export function planGroups({
  rules,
  members,
  addressGroups,
}: Pick<PlanRows, 'rules' | 'members' | 'addressGroups'>): HostGroup[] {
  const byGroup = Map.groupBy(members, member => member.groupId);
  const named = [...new Set(rules.flatMap(rule => rule.remoteGroupId ?? []))].sort();
  const groups = named.map((id): HostGroup => {
    const addresses = (byGroup.get(id) ?? []).flatMap(member => [
      ...member.addresses,
      ...(JSON.parse(member.allowedPairs) as AddressPair[]).map(pair => pair.ip_address),
    ]);
    return { key: `security-group/${id}`, addresses: [...new Set(addresses)].sort() };
  });
  return [
    ...groups,
    ...addressGroups.map(
      (group): HostGroup => ({ key: `security-group/${group.id}`, addresses: JSON.parse(group.addresses) as string[] }),
    ),
  ];
}
