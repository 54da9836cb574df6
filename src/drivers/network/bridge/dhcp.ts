// DHCP for one network: a namespace with one interface on the network's bridge, and dnsmasq in it.

import { join } from 'node:path';
import type { HostDhcp } from '../network-driver.ts';
import { parseCidr, parseInterface, show } from './addresses.ts';
import { dhcpAddresses, dhcpFiles, metadataAddress, needsServer, servesIpv6 } from './dhcp.files.ts';
import { ensureServer, removeServer } from './dnsmasq.ts';
import { ensureNamespace, type Host, removeNamespace, setInside } from './host.ts';
import { dhcpLinkOf, dhcpPortOf, namespaceOf, partsOf } from './names.ts';
import { removeLink } from './networks.ts';
import { ensureVeth } from './veth.ts';

/** Where guests find metadata over IPv6. */
export const metadataIpv6 = 'fe80::a9fe:a9fe';

export function dhcpDirectory(host: Host, id: string): string {
  return join(host.directory, 'dhcp', id);
}

/** Makes all of it. @returns the server's pid, or null when the network needs none */
export async function ensureDhcp(host: Host, dhcp: HostDhcp): Promise<number | null> {
  const { id } = partsOf(dhcp.key);
  const namespace = namespaceOf(host.cloud, 'dhcp', id);
  const device = dhcpPortOf(dhcp.portId);
  await ensureNamespace(host, namespace);
  await ensureVeth(host, {
    key: dhcp.key,
    networkId: dhcp.networkId,
    namespace,
    outside: dhcpLinkOf(id),
    inside: device,
    mac: dhcp.mac,
    mtu: dhcp.mtu,
    addresses: dhcpAddresses(dhcp),
    up: true,
  });
  const gateway = advertisedGateway(dhcp);
  await setInside(host, namespace, {
    'net.ipv4.ip_forward': 0,
    'net.ipv6.conf.all.forwarding': gateway ? 1 : 0,
    'net.ipv6.conf.all.accept_ra': 0,
    [`net.ipv6.conf.${device}.accept_ra`]: 0,
  });
  const routes = dhcp.local ? guestRoutes(dhcp, device) : [];
  if (servesIpv6(dhcp)) routes.push(`addr replace ${metadataIpv6}/64 dev ${device} scope link nodad`);
  // Router advertisements come from here, so the first packets do too; they go on to the true gateway.
  if (gateway) routes.push(`-6 route replace default via ${gateway} dev ${device}`);
  for (const command of routes) await host.tools.run(['ip', '-n', namespace, ...command.split(' ')]);
  const directory = dhcpDirectory(host, id);
  if (needsServer(dhcp)) return ensureServer(host, directory, namespace, dhcpFiles(dhcp, directory));
  await removeServer(host, directory);
  return null;
}

/** Without an address among the guests, the way back to them must be said. */
function guestRoutes(dhcp: HostDhcp, device: string): string[] {
  return dhcp.subnets.flatMap(subnet => {
    const cidr = parseCidr(subnet.cidr);
    return cidr?.family === 4
      ? [`route replace ${show(cidr)} dev ${device} scope link src ${metadataAddress} proto static`]
      : [];
  });
}

/** The gateway behind our router advertisements: of the first subnet that has both and an address for us. */
function advertisedGateway(dhcp: HostDhcp): string | null {
  const hasIpv6 = dhcp.addresses.some(address => parseInterface(address)?.family === 6);
  const subnet = dhcp.subnets.find(s => (s.ipv6?.raMode ?? null) !== null && s.gateway !== null);
  const gateway = subnet && parseInterface(subnet.gateway!);
  return hasIpv6 && gateway?.family === 6 ? gateway.address : null;
}

export async function removeDhcp(host: Host, id: string): Promise<void> {
  await removeServer(host, dhcpDirectory(host, id));
  await removeLink(host, dhcpLinkOf(id));
  await removeNamespace(host, namespaceOf(host.cloud, 'dhcp', id));
}
