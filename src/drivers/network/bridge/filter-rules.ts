// One security group rule as one line of nft. A rule that cannot be read allows nothing.

import { createHash } from 'node:crypto';
import type { FilterRule } from '../network-driver.ts';
import { parseCidr, show } from './addresses.ts';

/** Neutron's protocol names that are not nft's own (IANA protocol numbers). */
const protocolNumbers: Record<string, number> = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  icmp: 1,
  icmpv6: 58,
  igmp: 2,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  tcp: 6,
  udp: 17,
  udplite: 136,
  vrrp: 112,
};

/** The protocols whose ports nft can match, by number. */
const withPorts: Record<number, string> = { 6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp', 136: 'udplite' };

/** The name of the set with a security group's members of one family. */
export function groupSetOf(key: string, family: 4 | 6): string {
  return `g${family}-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
}

/** The rule as an nft statement, or null when it cannot be said. */
export function ruleLine(rule: FilterRule): string | null {
  const parts: string[] = [`meta nfproto ${rule.family === 4 ? 'ipv4' : 'ipv6'}`];
  const ip = `${rule.family === 4 ? 'ip' : 'ip6'} ${rule.direction === 'ingress' ? 'saddr' : 'daddr'}`;
  if (rule.remote && 'cidr' in rule.remote) {
    const cidr = parseCidr(rule.remote.cidr);
    if (!cidr || cidr.family !== rule.family) return null;
    if (cidr.prefix > 0) parts.push(`${ip} ${show(cidr)}`);
  } else if (rule.remote) parts.push(`${ip} @${groupSetOf(rule.remote.group, rule.family)}`);
  if (rule.protocol !== null) {
    const match = protocolMatch(rule, rule.protocol);
    if (match === null) return null;
    parts.push(match);
  }
  return `${parts.join(' ')} accept`;
}

function protocolMatch(rule: FilterRule, protocol: string): string | null {
  const name = protocol.toLowerCase();
  let number = /^\d{1,3}$/.test(name) ? Number(name) : protocolNumbers[name];
  if (number === undefined || number > 255) return null;
  // Neutron takes `icmp` in an IPv6 rule for ICMPv6.
  if (rule.family === 6 && number === 1) number = 58;
  if (number === 1 || number === 58) return icmpMatch(number, rule.min, rule.max);
  const ported = withPorts[number];
  if (!ported || (rule.min === null && rule.max === null)) return `meta l4proto ${number}`;
  const low = rule.min ?? 0;
  const high = rule.max ?? rule.min ?? 65535;
  if (!isWithin(low, 65535) || !isWithin(high, 65535) || low > high) return null;
  if (low === 0 && high === 65535) return `meta l4proto ${number}`;
  return `${ported} dport ${low === high ? low : `${low}-${high}`}`;
}

function icmpMatch(number: 1 | 58, type: number | null, code: number | null): string | null {
  if (type === null) return `meta l4proto ${number}`;
  if (!isWithin(type, 255) || (code !== null && !isWithin(code, 255))) return null;
  const name = number === 1 ? 'icmp' : 'icmpv6';
  return `${name} type ${type}${code === null ? '' : ` ${name} code ${code}`}`;
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
