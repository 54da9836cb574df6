// What a guest may say about itself: the chain of the bridge family that its frames pass first.

import type { HostPort } from '../network-driver.ts';
import { type Cidr, disjoint, hexOf, linkLocalOf, parseCidr, parseMac, show } from './addresses.ts';

/** The Ethernet type by which a hypervisor tells bridges where a guest now is. */
const rarp = '0x8035';

/** What a port may speak as: each of its MACs with the addresses that go with it. */
export function identitiesOf(port: HostPort): Map<string, Cidr[]> {
  const identities = new Map<string, Cidr[]>();
  const add = (mac: string, cidrs: (Cidr | null)[]): void => {
    const parsed = parseMac(mac);
    if (!parsed) return;
    const known = identities.get(parsed) ?? [parseCidr(linkLocalOf(parsed))!];
    identities.set(parsed, disjoint([...known, ...cidrs.filter(cidr => cidr !== null)]));
  };
  add(port.mac, port.ips.map(parseCidr));
  for (const pair of port.allowedAddressPairs) add(pair.mac, [parseCidr(pair.cidr)]);
  return identities;
}

/**
 * The rules of a port's first chain. Whatever is not said to be allowed is dropped: other MACs, other addresses in ARP,
 * neighbour discovery, IPv4 and IPv6, being a DHCP server or a router, and all but ARP, IPv4 and IPv6 (so also VLAN tags,
 * whose packets the stateful filter would not see). A guest that has moved is announced by a broadcast in its name (RARP).
 */
export function spoofingRules(port: HostPort): string[] {
  const rules = [
    `ether type != { ip, arp, ip6, ${rarp} } drop`,
    'udp sport 67 udp dport 68 drop',
    'udp sport 547 udp dport 546 drop',
    'icmpv6 type { nd-router-advert, nd-redirect } drop',
  ];
  for (const [mac, cidrs] of identities(port)) {
    const v4 = cidrs.filter(cidr => cidr.family === 4);
    const v6 = cidrs.filter(cidr => cidr.family === 6);
    const from = `ether saddr ${mac}`;
    rules.push(`${from} ether daddr ff:ff:ff:ff:ff:ff ether type ${rarp} accept`);
    // DHCP before there is an address, and the probe for a duplicate (RFC 5227).
    rules.push(`${from} ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept`);
    if (v4.length > 0) {
      rules.push(`${from} arp saddr ether ${mac} arp saddr ip ${setOf(v4)} accept`);
      rules.push(
        `${from} arp operation request arp saddr ether ${mac} arp saddr ip 0.0.0.0 arp daddr ip ${setOf(v4)} accept`,
      );
      rules.push(`${from} ip saddr ${setOf(v4)} accept`);
    }
    // Neighbour discovery names its subject in the message: duplicate address detection, then advertisements.
    rules.push(
      `${from} ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report, nd-router-solicit } accept`,
    );
    for (const cidr of v6) rules.push(`${from} ip6 saddr :: icmpv6 type nd-neighbor-solicit ${target(cidr)} accept`);
    for (const cidr of v6)
      rules.push(`${from} ip6 saddr ${setOf(v6)} icmpv6 type nd-neighbor-advert ${target(cidr)} accept`);
    rules.push(`${from} ip6 saddr ${setOf(v6)} icmpv6 type != nd-neighbor-advert accept`);
    rules.push(`${from} ip6 saddr ${setOf(v6)} meta l4proto != ipv6-icmp accept`);
  }
  rules.push('drop');
  return rules;
}

function identities(port: HostPort): [string, Cidr[]][] {
  return [...identitiesOf(port)].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The target address of a neighbour message: 128 bits behind the first 64 of its header (RFC 4861 §4.3, §4.4). */
function target(cidr: Cidr): string {
  if (cidr.prefix === 128) return `@th,64,128 ${hexOf(cidr.address)}`;
  const mask = ((1n << BigInt(cidr.prefix)) - 1n) << BigInt(128 - cidr.prefix);
  return `@th,64,128 & 0x${mask.toString(16).padStart(32, '0')} == ${hexOf(cidr.address)}`;
}

function setOf(cidrs: Cidr[]): string {
  return cidrs.length === 1 ? show(cidrs[0]!) : `{ ${cidrs.map(show).join(', ')} }`;
}
