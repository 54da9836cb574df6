// The filters of a whole host as one nft script. The kernel cannot track connections in the bridge family, so the work is
// shared: bridge chains judge who speaks (MAC, ARP, addresses) and turn ports into packet marks, and `inet` chains, which
// br_netfilter calls for bridged packets too, apply security groups by mark, with a connection tracking zone per network.
// In the `inet` chains the interface is the bridge, not the tap.

import { createHash } from 'node:crypto';
import type { FilterRule, Filters, HostNetwork, HostPort } from '../network-driver.ts';
import { type Cidr, disjoint, parseAddress, parseCidr, show } from './addresses.ts';
import { groupSetOf, ruleLine } from './filter-rules.ts';
import { identitiesOf, spoofingRules } from './filter-spoofing.ts';
import { metadataChain, tunnelChain, underlayChains } from './filter-tunnels.ts';
import { chain, named } from './nft-text.ts';
import { bridgeOf, checkedTap, groupsTable, portsTable, tapGroupOf } from './names.ts';

/** A secured port with the marks of its packets: odd while it sends, even while it is sent to. */
interface Marked {
  port: HostPort;
  sends: number;
  receives: number;
}

/** Far from the small numbers that others use as marks. */
const markBase = 0x48000000;

/**
 * The script that makes the host's filters be these, in one transaction, whatever was there before. Without networks and
 * ports it removes the tables.
 * @param cloud the cloud's mark, six hexadecimal digits
 * @throws Problem invalid when a tap's name cannot be an interface's
 */
export function compileFilters(filters: Filters, cloud: string): string {
  const tables = [`bridge ${portsTable(cloud)}`, `inet ${groupsTable(cloud)}`];
  const clear = tables.flatMap(table => [`table ${table}`, `delete table ${table}`]);
  if (filters.ports.length === 0 && filters.networks.length === 0) return `${clear.join('\n')}\n`;
  const body = bodyOf(filters, cloud);
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
  return `${clear.join('\n')}\n${body.replaceAll('{{hash}}', hash)}`;
}

/** The chain whose presence in both tables tells that the kernel holds this very script; null for an empty one. */
export function signatureOf(script: string): string | null {
  return /^ chain (is-[0-9a-f]{16}) \{/m.exec(script)?.[1] ?? null;
}

/** Connection tracking zones (1 to 65535) of networks: networks with equal addresses must not share one. */
export function zonesOf(networks: HostNetwork[], cloud: string): Map<string, number> {
  const zones = new Map<string, number>();
  const taken = new Set<number>();
  for (const network of sorted(networks, n => n.networkId)) {
    // The host itself routes what an external network sends: both sides must track it in the same zone.
    if (network.external) continue;
    const digest = createHash('sha256').update(`${cloud}/${network.networkId}`).digest();
    let zone = (digest.readUInt16BE() % 65535) + 1;
    while (taken.has(zone)) zone = (zone % 65535) + 1;
    taken.add(zone);
    zones.set(network.networkId, zone);
  }
  return zones;
}

function bodyOf(filters: Filters, cloud: string): string {
  const ports = sorted(filters.ports, port => port.portId);
  const marked = ports
    .filter(port => port.portSecurity)
    .map((port, index) => ({ port, sends: markBase + 2 * index + 1, receives: markBase + 2 * index + 2 }));
  return [
    `table bridge ${portsTable(cloud)} {`,
    ...portsBody(filters.networks, ports, marked, cloud),
    '}',
    `table inet ${groupsTable(cloud)} {`,
    ...groupsBody(filters, marked, cloud),
    '}',
    '',
  ].join('\n');
}

function portsBody(networks: HostNetwork[], ports: HostPort[], marked: Marked[], cloud: string): string[] {
  const group = tapGroupOf(cloud);
  const macs = marked.flatMap(({ port }) =>
    [...identitiesOf(port).keys()].sort().map(mac => `${quoted(port)} . ${mac}`),
  );
  return [
    ' chain is-{{hash}} { }',
    ...named('set', 'known', 'ifname', ports.map(quoted)),
    ...named(
      'set',
      'secured',
      'ifname',
      marked.map(({ port }) => quoted(port)),
    ),
    ...named('set', 'macs', 'ifname . ether_addr', macs),
    ...named(
      'map',
      'sends',
      'ifname : mark',
      marked.map(({ port, sends }) => `${quoted(port)} : ${hex(sends)}`),
    ),
    ...named(
      'map',
      'receives',
      'ifname : mark',
      marked.map(({ port, receives }) => `${quoted(port)} : ${hex(receives)}`),
    ),
    ...marked.flatMap(({ port }) => chain(`from-${checkedTap(port.key, port.tap)}`, spoofingRules(port))),
    ...named(
      'map',
      'speakers',
      'ifname : verdict',
      marked.map(({ port }) => `${quoted(port)} : goto from-${port.tap}`),
    ),
    ...chain('from-ports', [
      'type filter hook prerouting priority -300; policy accept;',
      `iifgroup ${hex(group)} iifname != @known drop`,
      'meta mark set iifname map @sends',
      'iifname vmap @speakers',
    ]),
    ...metadataChain(networks, ports),
    ...tunnelChain(networks),
    ...chain('to-ports', ['type filter hook forward priority -200; policy accept;', ...toPorts(group)]),
    ...chain('host-to-ports', ['type filter hook output priority -200; policy accept;', ...toPorts(group)]),
  ];
}

/** Before a guest gets a frame: it must be known, the frame be for it or for many, and one that the groups can judge. */
function toPorts(group: number): string[] {
  return [
    `oifgroup ${hex(group)} oifname != @known drop`,
    'oifname @secured ether type != { ip, arp, ip6 } drop',
    'oifname @secured ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 oifname . ether daddr != @macs drop',
    'meta mark set oifname map @receives',
  ];
}

function groupsBody(filters: Filters, marked: Marked[], cloud: string): string[] {
  const networks = sorted(filters.networks, network => network.networkId);
  const zones = zonesOf(networks, cloud);
  const bridges = networks.map(network => `"${bridgeOf(network.networkId)}"`);
  const external = networks.filter(network => network.external);
  return [
    ' chain is-{{hash}} { }',
    ...named('set', 'bridges', 'ifname', bridges),
    ...named(
      'set',
      'closed',
      'ifname',
      networks.filter(n => !n.external).map(n => `"${bridgeOf(n.networkId)}"`),
    ),
    ...named(
      'set',
      'external',
      'ifname',
      external.map(n => `"${bridgeOf(n.networkId)}"`),
    ),
    ...named(
      'set',
      'bridged',
      'ifname . ifname',
      bridges.map(bridge => `${bridge} . ${bridge}`),
    ),
    ...groupSets(filters, marked),
    ...sharedChains,
    ...marked.flatMap(({ port }) => [
      ...chain(`out-${port.tap}`, ['jump out-any', ...ruleLines(port, 'egress'), 'drop']),
      ...chain(`in-${port.tap}`, ['jump in-any', ...ruleLines(port, 'ingress'), 'drop']),
    ]),
    ...named(
      'map',
      'senders',
      'mark : verdict',
      marked.map(m => `${hex(m.sends)} : goto out-${m.port.tap}`),
    ),
    ...named(
      'map',
      'receivers',
      'mark : verdict',
      marked.map(m => `${hex(m.receives)} : goto in-${m.port.tap}`),
    ),
    ...chain('zone', [
      'type filter hook prerouting priority -300; policy accept;',
      ...(zones.size > 0 ? [`ct zone set iifname map { ${zoneElements(zones)} }`] : []),
    ]),
    ...chain('egress', [
      'type filter hook prerouting priority -140; policy accept;',
      'iifname @bridges meta mark vmap @senders',
    ]),
    // A mark that stayed on a packet for the host itself could be mistaken for one of the host's own routing rules.
    ...chain('unmark', [
      'type filter hook prerouting priority -130; policy accept;',
      'iifname @external meta mark set 0',
    ]),
    ...chain('routed', [
      'type filter hook forward priority -10; policy accept;',
      'iifname @closed iifname . oifname != @bridged drop',
      'oifname @closed iifname . oifname != @bridged drop',
    ]),
    ...chain('ingress', [
      'type filter hook forward priority 0; policy accept;',
      'iifname @bridges meta mark vmap @receivers',
    ]),
    ...underlayChains(networks),
    ...chain('host', [
      'type filter hook input priority 0; policy accept;',
      'iifname @closed drop',
      'iifname @external jump from-external',
    ]),
    ...externalChains(external, marked),
  ];
}

function zoneElements(zones: Map<string, number>): string {
  return [...zones].map(([networkId, zone]) => `"${bridgeOf(networkId)}" : ${zone}`).join(', ');
}

const alwaysOut =
  'mld-listener-report, mld2-listener-report, nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert';
const alwaysIn = 'mld-listener-query, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert';

/** What every secured port may do whatever its groups: finish what is allowed, find neighbours, DHCP and metadata. */
const sharedChains = [
  ...chain('out-any', [
    // Said here once more, where fragments have been put together.
    'udp sport 67 udp dport 68 drop',
    'udp sport 547 udp dport 546 drop',
    'icmpv6 type { nd-router-advert, nd-redirect } drop',
    'ct state established,related accept',
    'ct state invalid drop',
    'udp sport 68 udp dport 67 accept',
    'udp sport 546 udp dport 547 accept',
    `icmpv6 type { ${alwaysOut} } accept`,
    'ip daddr 169.254.169.254 tcp dport 80 accept',
    'ip6 daddr fe80::a9fe:a9fe tcp dport 80 accept',
  ]),
  ...chain('in-any', [
    'ct state established,related accept',
    'ct state invalid drop',
    'udp sport 67 udp dport 68 accept',
    'udp sport 547 udp dport 546 accept',
    `icmpv6 type { ${alwaysIn} } accept`,
  ]),
  ...chain('from-external', ['ct state established,related accept', 'meta l4proto { icmp, ipv6-icmp } accept', 'drop']),
];

function externalChains(external: HostNetwork[], marked: Marked[]): string[] {
  const ids = new Set(external.map(network => network.networkId));
  // Packets that the host routes or sends to its external network do not pass the bridge's forward hook.
  const guests = marked.filter(({ port }) => ids.has(port.networkId));
  const routedIn = guests.flatMap(({ port }) =>
    port.ips.flatMap(ip => {
      const address = parseAddress(ip);
      const family = address?.family === 4 ? 'ip' : 'ip6';
      return address
        ? [`oifname "${bridgeOf(port.networkId)}" ${family} daddr ${address.address} goto in-${port.tap}`]
        : [];
    }),
  );
  const hidden = external.filter(network => network.external!.masquerade);
  const masquerade = hidden.flatMap(network => {
    const bridge = bridgeOf(network.networkId);
    const cidrs = disjoint(network.external!.hostAddresses.map(parseCidr).filter(cidr => cidr !== null));
    // Only what came from this network: bridged packets of other networks pass this hook too, whatever their addresses.
    return cidrs.map(cidr => `iifname "${bridge}" oifname != { "lo", "${bridge}" } ${saddr(cidr)} masquerade`);
  });
  return [
    ...(routedIn.length > 0
      ? chain('to-external', ['type filter hook postrouting priority 0; policy accept;', ...routedIn])
      : []),
    ...(masquerade.length > 0
      ? chain('hide', ['type nat hook postrouting priority 100; policy accept;', ...masquerade])
      : []),
  ];
}

function saddr(cidr: Cidr): string {
  return `${cidr.family === 4 ? 'ip' : 'ip6'} saddr ${show(cidr)}`;
}

/** The groups that rules of this host's ports name, each family as one set that all those rules share. */
function groupSets(filters: Filters, marked: Marked[]): string[] {
  const used = new Set(marked.flatMap(({ port }) => port.rules.flatMap(groupOf)));
  return [...used].sort().flatMap(key => {
    const members = filters.groups.find(group => group.key === key)?.addresses ?? [];
    const cidrs = disjoint(members.map(parseCidr).filter(cidr => cidr !== null));
    return ([4, 6] as const).flatMap(family =>
      named(
        'set',
        groupSetOf(key, family),
        `ipv${family}_addr; flags interval`,
        cidrs.filter(cidr => cidr.family === family).map(show),
      ),
    );
  });
}

export function groupOf(rule: FilterRule): string[] {
  return rule.remote && 'group' in rule.remote ? [rule.remote.group] : [];
}

function ruleLines(port: HostPort, direction: FilterRule['direction']): string[] {
  const lines = port.rules.filter(rule => rule.direction === direction).map(ruleLine);
  return [...new Set(lines.filter(line => line !== null))].sort();
}

function quoted(port: HostPort): string {
  return `"${checkedTap(port.key, port.tap)}"`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function sorted<T>(items: T[], by: (item: T) => string): T[] {
  return [...items].sort((a, b) => (by(a) < by(b) ? -1 : by(a) > by(b) ? 1 : 0));
}
