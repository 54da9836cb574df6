// Which security group rules make sense. Pure.

import { parsePrefix, showPrefix } from '#/services/network/addressing/address.ts';
import { wordOf } from '#/services/network/attributes/checks.ts';
import { protocolNumbers } from '#/services/network/security-groups/security-group.plan.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface RuleAsk {
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  protocol: string | null;
  portMin: number | null;
  portMax: number | null;
  remoteGroupId: string | null;
  remoteAddressGroupId: string | null;
  remoteIpPrefix: string | null;
}

const icmp = ['icmp', '1'];
const icmp6 = ['icmpv6', 'ipv6-icmp', '58'];
const withPorts = ['tcp', 'udp', 'sctp', 'dccp', 'udplite', '6', '17', '132', '33', '136'];
const names = new Set([...Object.keys(protocolNumbers), 'tcp', 'udp', 'icmp', 'icmpv6', 'ipv6-icmp']);

/** The protocol as it is kept: a lower-case name or a number; null for any. @throws Problem invalid */
export function readProtocol(value: unknown): string | null {
  if (value === null || value === undefined || value === '') return null;
  const text = wordOf(value).toLowerCase();
  if (text === 'any') return null;
  if (typeof value === 'number' || /^\d{1,3}$/.test(text)) {
    const number = Number(text);
    // 0 (HOPOPT) has always meant any protocol here.
    if (Number.isInteger(number) && number >= 0 && number <= 255) return number === 0 ? null : String(number);
  } else if (typeof value === 'string' && names.has(text)) return text;
  throw new Problem('invalid', t.securityGroupRuleInvalidProtocol, { protocol: text.slice(0, 40) });
}

/** @throws Problem invalid */
export function readEthertype(value: unknown): 'IPv4' | 'IPv6' {
  const text = wordOf(value).toLowerCase();
  if (text === 'ipv4') return 'IPv4';
  if (text === 'ipv6') return 'IPv6';
  throw new Problem('invalid', t.securityGroupRuleInvalidEtherType, { ethertype: wordOf(value).slice(0, 40) });
}

/** @throws Problem invalid unless a port, or an ICMP type or code */
export function readPort(value: unknown): number | null {
  if (value === null || value === undefined || value === '') return null;
  const number = typeof value === 'number' ? value : /^-?\d{1,6}$/.test(wordOf(value)) ? Number(value) : Number.NaN;
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new Problem('invalid', t.securityGroupInvalidPortValue, { port: wordOf(value).slice(0, 40) });
  return number;
}

/** The rule, its prefix in canonical form. @throws Problem invalid for what contradicts itself */
export function planRule(ask: RuleAsk): RuleAsk {
  const { ethertype, protocol, portMin, portMax, remoteIpPrefix } = ask;
  if ([ask.remoteGroupId, ask.remoteAddressGroupId, remoteIpPrefix].filter(one => one !== null).length > 1)
    throw new Problem('invalid', t.securityGroupRemoteGroupAndRemoteIpPrefix);
  if (protocol !== null && icmp6.includes(protocol) && ethertype === 'IPv4')
    throw new Problem('invalid', t.securityGroupEthertypeConflictWithProtocol, { ethertype, protocol });
  if (protocol === null) {
    if (portMin !== null || portMax !== null) throw new Problem('invalid', t.securityGroupProtocolRequiredWithPorts);
  } else if (icmp.includes(protocol) || icmp6.includes(protocol)) checkIcmp(portMin, portMax);
  else checkPorts(protocol, portMin, portMax);
  return { ...ask, remoteIpPrefix: planPrefix(ethertype, remoteIpPrefix) };
}

function checkIcmp(type: number | null, code: number | null): void {
  for (const [field, value] of [
    ['type', type],
    ['code', code],
  ] as const)
    if (value !== null && value > 255) throw new Problem('invalid', t.securityGroupInvalidIcmpValue, { field, value });
  if (type === null && code !== null) throw new Problem('invalid', t.securityGroupMissingIcmpType, { value: code });
}

function checkPorts(protocol: string, min: number | null, max: number | null): void {
  if (min === null && max === null) return;
  if (!withPorts.includes(protocol)) throw new Problem('invalid', t.securityGroupInvalidProtocolForPort, { protocol });
  if (min === null || max === null || min > max) throw new Problem('invalid', t.securityGroupInvalidPortRange);
  if (min === 0) throw new Problem('invalid', t.securityGroupInvalidPortValue, { port: 0 });
}

function planPrefix(ethertype: 'IPv4' | 'IPv6', text: string | null): string | null {
  if (text === null) return null;
  const prefix = parsePrefix(text);
  if (!prefix)
    throw new Problem('invalid', t.invalidInput, {
      attribute: 'remote_ip_prefix',
      why: `'${text.slice(0, 60)}' is not a valid IP subnet`,
    });
  if (prefix.version !== (ethertype === 'IPv4' ? 4 : 6))
    throw new Problem('invalid', t.securityGroupRuleParameterConflict, { ethertype, cidr: text });
  return showPrefix(prefix);
}

/** Rules that mean the same are one: their protocols by any name, a remote of everywhere like none. */
export function sameRule(a: RuleAsk, b: RuleAsk): boolean {
  return JSON.stringify(meaning(a)) === JSON.stringify(meaning(b));
}

function meaning(rule: RuleAsk): unknown[] {
  const all = rule.remoteIpPrefix === '0.0.0.0/0' || rule.remoteIpPrefix === '::/0';
  return [
    rule.direction,
    rule.ethertype,
    numberOf(rule),
    rule.portMin,
    rule.portMax,
    rule.remoteGroupId,
    rule.remoteAddressGroupId,
    all ? null : rule.remoteIpPrefix,
  ];
}

function numberOf({ protocol, ethertype }: RuleAsk): string | null {
  if (protocol === null) return null;
  if (icmp6.includes(protocol) || (ethertype === 'IPv6' && icmp.includes(protocol))) return '58';
  const known: Record<string, number> = { ...protocolNumbers, tcp: 6, udp: 17, icmp: 1 };
  return String(known[protocol] ?? protocol);
}
