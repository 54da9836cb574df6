// What crosses the tunnels between hosts, and what must not: only peers are heard, no guest speaks to a tunnel, and metadata is
// asked of the guest's own host whatever way the guest takes.

import type { HostNetwork, HostPort } from '../network-driver.ts';
import { parseAddress, parseMac } from './addresses.ts';
import { bridgeOf, checkedTap, tunnelOf } from './names.ts';
import { chain, named, typed } from './nft-text.ts';

/** Where the kernel takes tunnelled packets (IANA's port of VXLAN). */
export const vxlanPort = 4_789;

/** A guest's metadata request is led to the namespace of its own host that answers it. Bridge family. */
export function metadataChain(networks: HostNetwork[], ports: HostPort[]): string[] {
  const macs = new Map(networks.map(({ networkId, metadataMac }) => [networkId, parseMac(metadataMac ?? '')]));
  const led = ports.flatMap(port => {
    const mac = macs.get(port.networkId);
    return mac ? [`"${checkedTap(port.key, port.tap)}" : ${mac}`] : [];
  });
  if (!led.length) return [];
  return [
    ...named('map', 'metadata', 'ifname : ether_addr', led.toSorted()),
    ...chain('to-metadata', [
      'type filter hook prerouting priority -250; policy accept;',
      'ip daddr 169.254.169.254 tcp dport 80 ether daddr set iifname map @metadata',
      'ip6 daddr fe80::a9fe:a9fe tcp dport 80 ether daddr set iifname map @metadata',
    ]),
  ];
}

/** Every host has metadata at the same MAC address: other hosts must not learn of it. Bridge family. */
export function tunnelChain(networks: HostNetwork[]): string[] {
  const tunnelled = networks.filter(network => network.peers.length > 0);
  if (!tunnelled.length) return [];
  return [
    ...named('set', 'tunnels', 'ifname', tunnelled.map(({ networkId }) => `"${tunnelOf(networkId)}"`).toSorted()),
    ...named('set', 'local', 'ether_addr', tunnelled.flatMap(({ metadataMac }) => localOnly(metadataMac)).toSorted()),
    ...chain('tunnels', [
      'type filter hook forward priority -250; policy accept;',
      'oifname @tunnels ether saddr @local drop',
      'iifname @tunnels ether saddr @local drop',
    ]),
  ];
}

/** A locally administered address: the others are of DHCP servers, which guests everywhere ask. */
function localOnly(mac: string | null): string[] {
  const parsed = parseMac(mac ?? '');
  return parsed?.startsWith('02:') ? [parsed] : [];
}

/** The network identifier of a VXLAN packet: 24 bits, 96 behind the beginning of its UDP header (RFC 7348 §5). */
const vni = '@th,96,24';

/**
 * Tunnelled packets of a network come from its peers alone; and nothing that guests send by way of the host reaches a peer's
 * tunnel, where it would seem to be the host's own. `inet` family.
 */
export function underlayChains(networks: HostNetwork[]): string[] {
  const ends = networks.flatMap(({ peers, segmentationId }) =>
    peers.flatMap(peer => {
      const end = parseAddress(peer.address);
      return end ? [{ ...end, segment: `0x${segmentationId.toString(16)}` }] : [];
    }),
  );
  if (!ends.length) return [];
  const outside = networks.filter(network => network.external).map(({ networkId }) => `"${bridgeOf(networkId)}"`);
  const guests = outside.length ? `iifname { ${outside.toSorted().join(', ')} } udp dport ${vxlanPort}` : null;
  const families = ([4, 6] as const).map(family => ({
    ip: family === 4 ? 'ip' : 'ip6',
    type: `ipv${family}_addr`,
    own: ends.filter(end => end.family === family),
  }));
  return [
    ...families.flatMap(({ ip, type, own }) => [
      ...named('set', `ends-${ip}`, type, own.map(end => end.address).toSorted()),
      ...typed(
        'set',
        `peers-${ip}`,
        `${ip} saddr . ${vni}`,
        own.map(end => `${end.address} . ${end.segment}`).toSorted(),
      ),
    ]),
    ...chain('underlay', [
      'type filter hook input priority -10; policy accept;',
      ...families.map(({ ip }) => `udp dport ${vxlanPort} ${ip} saddr . ${vni} != @peers-${ip} drop`),
    ]),
    ...(guests
      ? chain('to-peers', [
          'type filter hook forward priority -10; policy accept;',
          ...families.map(({ ip }) => `${guests} ${ip} daddr @ends-${ip} drop`),
        ])
      : []),
  ];
}
