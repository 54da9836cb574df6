// A router's address translation as one nft script for its namespace: floating IPs both ways, port forwarding, the way out
// behind the gateway's address, and metadata requests to the agent.

import { createHash } from 'node:crypto';
import type { HostRouter } from '../network-driver.ts';
import { parseAddress, parseInterface } from './addresses.ts';
import { gatewayPortOf } from './names.ts';

/** Where the agent takes metadata requests that come through a router. */
export const routerMetadataPort = 9697;

/** Set on packets that come from inside, to tell hairpins from visitors once the destination is translated. */
const fromInside = '0x1';

/** The script, in one transaction, whatever was there before. */
export function routerScript(router: HostRouter): string {
  const body = bodyOf(router);
  const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
  return `table ip haneul\ndelete table ip haneul\n${body.replace('{{hash}}', hash)}`;
}

/** The chain whose presence tells that a namespace holds this very script. */
export function routerSignature(script: string): string {
  return /^ chain (is-[0-9a-f]{16}) \{/m.exec(script)![1]!;
}

function bodyOf(router: HostRouter): string {
  const floating = router.floatingIps.flatMap(({ floatingIp, fixedIp }) => {
    const outer = v4(floatingIp);
    const inner = v4(fixedIp);
    return outer && inner ? [{ outer, inner }] : [];
  });
  const gateway = router.gateway;
  const own = gateway?.addresses.map(parseInterface).find(address => address?.family === 4)?.address;
  const out = gateway && `"${gatewayPortOf(gateway.portId)}"`;
  const lines = [
    'table ip haneul {',
    ' chain is-{{hash}} { }',
    ...map('inward', new Map(floating.map(({ outer, inner }) => [outer, inner]))),
    // One floating IP per fixed IP speaks for it.
    ...map('outward', new Map(floating.map(({ outer, inner }) => [inner, outer]))),
    ' chain from-inside {',
    '  type filter hook prerouting priority -150; policy accept;',
    `  iifname "qr-*" meta mark set ${fromInside}`,
    ' }',
    ' chain inward-nat {',
    '  type nat hook prerouting priority -100; policy accept;',
    `  iifname "qr-*" ip daddr 169.254.169.254 tcp dport 80 redirect to :${routerMetadataPort}`,
    ...forwardings(router),
    '  dnat to ip daddr map @inward',
    ' }',
    // The metadata port is for redirected requests only.
    ' chain guard {',
    '  type filter hook input priority 0; policy accept;',
    `  tcp dport ${routerMetadataPort} ct original ip daddr != 169.254.169.254 drop`,
    ' }',
    ' chain outward-nat {',
    '  type nat hook postrouting priority 100; policy accept;',
    ...(out ? [`  oifname ${out} snat to ip saddr map @outward`] : []),
    ...(out && own && gateway.snat
      ? [`  oifname ${out} ip saddr != ${own} meta mark ${fromInside} snat to ${own}`]
      : []),
    // A guest that calls a neighbour by its floating IP: answers must come back through here.
    `  oifname "qr-*" ct status dnat meta mark ${fromInside} snat to ip saddr map @outward`,
    ...(own ? [`  oifname "qr-*" ct status dnat meta mark ${fromInside} snat to ${own}`] : []),
    ' }',
    '}',
    '',
  ];
  return lines.join('\n');
}

function forwardings(router: HostRouter): string[] {
  return router.portForwardings.flatMap(({ externalIp, externalPort, protocol, internalIp, internalPort }) => {
    const outer = v4(externalIp);
    const inner = v4(internalIp);
    const isPort = [externalPort, internalPort].every(port => Number.isInteger(port) && port > 0 && port < 65_536);
    if (!outer || !inner || !isPort || !['tcp', 'udp', 'sctp'].includes(protocol)) return [];
    return [`  ip daddr ${outer} ${protocol} dport ${externalPort} dnat to ${inner}:${internalPort}`];
  });
}

function map(name: string, elements: Map<string, string>): string[] {
  const pairs = [...elements].map(([from, to]) => `${from} : ${to}`).sort();
  const list = pairs.length > 0 ? [`  elements = { ${pairs.join(', ')} }`] : [];
  return [` map ${name} {`, '  type ipv4_addr : ipv4_addr;', ...list, ' }'];
}

function v4(text: string): string | null {
  const address = parseAddress(text);
  return address?.family === 4 ? address.address : null;
}

/** The addresses that a router answers for on its gateway, besides its own: each as /32. */
export function translatedAddresses(router: HostRouter): string[] {
  const all = [...router.floatingIps.map(f => f.floatingIp), ...router.portForwardings.map(f => f.externalIp)];
  return [...new Set(all.map(v4).filter(address => address !== null))].sort();
}
