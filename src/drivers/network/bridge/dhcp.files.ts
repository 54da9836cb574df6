// What dnsmasq is told about a network: its command line, its hosts and its options, as text. Every value is parsed or
// checked before it is written, so that none can begin a line or a field of its own.

import { isIPv6 } from 'node:net';
import type { DhcpLease, DhcpSubnet, HostDhcp } from '../network-driver.ts';
import { parseAddress, parseCidr, parseInterface, parseMac, show } from './addresses.ts';
import { dhcpPortOf } from './names.ts';

export interface DhcpFiles {
  /** The command line. A change needs a restart. */
  args: string[];
  /** Fixed addresses, `mac,tags,address,name,lease time`. Read again at SIGHUP. */
  hosts: string;
  /** Options by tag. Read again at SIGHUP. */
  options: string;
}

export const metadataAddress = '169.254.169.254';
const leaseSeconds = 86_400;

/** Whether the network needs a DHCP server or router advertisements at all. */
export function needsServer(dhcp: HostDhcp): boolean {
  return !dhcp.local && dhcp.subnets.some(subnet => rangeOf(subnet) !== null);
}

/** @param directory where the files will be */
export function dhcpFiles(dhcp: HostDhcp, directory: string): DhcpFiles {
  return { args: argsOf(dhcp, directory), hosts: hostsOf(dhcp), options: optionsOf(dhcp) };
}

function argsOf(dhcp: HostDhcp, directory: string): string[] {
  const device = dhcpPortOf(dhcp.portId);
  const ranges = dhcp.subnets.map(rangeOf).filter(range => range !== null);
  const advertises = dhcp.subnets.some(advertisesRouter);
  const domain = label(dhcp.domain, 253);
  return [
    'dnsmasq',
    '--conf-file=/dev/null',
    '--no-hosts',
    '--no-resolv',
    '--port=0',
    '--bind-interfaces',
    `--interface=${device}`,
    '--except-interface=lo',
    '--user=nobody',
    `--pid-file=${directory}/pid`,
    `--dhcp-hostsfile=${directory}/hosts`,
    `--dhcp-optsfile=${directory}/options`,
    // All addresses are fixed by the hosts file: there is nothing to remember, so no address stays taken by a port that is gone.
    '--leasefile-ro',
    '--dhcp-authoritative',
    '--no-ping',
    `--dhcp-lease-max=${Math.max(1_000, 1 << Math.ceil(Math.log2(dhcp.leases.length * 2 + 1)))}`,
    ...(domain ? [`--domain=${domain}`] : []),
    ...ranges.map(range => `--dhcp-range=${range}`),
    ...(advertises ? ['--enable-ra', `--ra-param=${device},mtu:${dhcp.mtu},60,${routerSeconds(dhcp)}`] : []),
  ];
}

/** A network without a gateway advertises its prefixes, but nobody as a router. */
function routerSeconds(dhcp: HostDhcp): number {
  return dhcp.subnets.some(subnet => advertisesRouter(subnet) && subnet.gateway !== null) ? 1_800 : 0;
}

function advertisesRouter(subnet: DhcpSubnet): boolean {
  return (subnet.ipv6?.raMode ?? null) !== null && parseCidr(subnet.cidr)?.family === 6;
}

function tagOf(subnet: DhcpSubnet): string {
  return `subnet-${label(subnet.subnetId, 64)}`;
}

/** A subnet's range, or null when dnsmasq has nothing to do with it. */
function rangeOf(subnet: DhcpSubnet): string | null {
  const cidr = parseCidr(subnet.cidr);
  if (!cidr) return null;
  const start = `set:${tagOf(subnet)},${cidr.address}`;
  if (cidr.family === 4) return subnet.dhcp ? `${start},static,${maskOf(cidr.prefix)},${leaseSeconds}s` : null;
  const { addressMode = null, raMode = null } = subnet.ipv6 ?? {};
  const hands = subnet.dhcp ? addressMode : null;
  const end = `${cidr.prefix},${leaseSeconds}s`;
  if (hands === 'dhcpv6-stateful' || (subnet.dhcp && raMode === 'dhcpv6-stateful')) return `${start},static,${end}`;
  if (hands === 'dhcpv6-stateless' || raMode === 'dhcpv6-stateless') return `${start},ra-stateless,${end}`;
  return raMode === null ? null : `${start},ra-only,${end}`;
}

function maskOf(prefix: number): string {
  const bits = prefix === 0 ? 0 : (~0 << (32 - prefix)) >>> 0;
  return [24, 16, 8, 0].map(shift => (bits >>> shift) & 255).join('.');
}

function hostsOf(dhcp: HostDhcp): string {
  const lines = dhcp.leases.flatMap(lease => {
    const mac = parseMac(lease.mac);
    if (!mac) return [];
    const tags = lease.options.length > 0 ? [`set:${leaseTag(lease)}`] : [];
    const name = label(lease.hostname, 63);
    return lease.ips.flatMap(ip => {
      const address = parseAddress(ip);
      if (!address) return [];
      const shown = address.family === 4 ? address.address : `[${address.address}]`;
      return [[mac, ...tags, shown, ...(name ? [name] : []), `${leaseSeconds}s`].join(',')];
    });
  });
  return [...lines.sort(), ''].join('\n');
}

function leaseTag(lease: DhcpLease): string {
  return `port-${label(lease.portId, 64)}`;
}

function optionsOf(dhcp: HostDhcp): string {
  const lines = [`option:mtu,${dhcp.mtu}`, ...dhcp.subnets.flatMap(subnet => subnetOptions(dhcp, subnet))];
  for (const lease of [...dhcp.leases].sort((a, b) => (a.portId < b.portId ? -1 : 1)))
    for (const option of lease.options) {
      const name = /^[a-z0-9][a-z0-9-]{0,63}$/.exec(option.name)?.[0];
      const value = plain(option.value);
      if (!name || value === null) continue;
      const which = option.ipVersion === 6 ? `option6:${name}` : /^\d+$/.test(name) ? name : `option:${name}`;
      lines.push(`tag:${leaseTag(lease)},${which},${value}`);
    }
  return [...lines, ''].join('\n');
}

function subnetOptions(dhcp: HostDhcp, subnet: DhcpSubnet): string[] {
  const cidr = parseCidr(subnet.cidr);
  if (!cidr || rangeOf(subnet) === null) return [];
  const tag = `tag:${tagOf(subnet)}`;
  const dns = subnet.dnsServers.map(parseAddress).filter(address => address?.family === cidr.family);
  const servers = dns.map(address => (cidr.family === 4 ? address!.address : `[${address!.address}]`)).join(',');
  const nameServers = `${tag},option${cidr.family === 4 ? '' : '6'}:dns-server${servers ? `,${servers}` : ''}`;
  if (cidr.family === 6) return servers ? [nameServers] : [];
  const gateway = subnet.gateway === null ? null : (parseAddress(subnet.gateway)?.address ?? null);
  const routes = routesOf(dhcp, subnet, gateway);
  return [
    nameServers,
    // Without a value the option is not sent at all; left out, dnsmasq would name itself.
    `${tag},option:router${gateway ? `,${gateway}` : ''}`,
    // 249 is what Microsoft's clients ask for in place of 121.
    ...(routes ? [`${tag},option:classless-static-route,${routes}`, `${tag},249,${routes}`] : []),
  ];
}

/** Metadata through the DHCP port, then the subnet's routes, then the default: with option 121 clients ignore `router`. */
function routesOf(dhcp: HostDhcp, subnet: DhcpSubnet, gateway: string | null): string {
  const cidr = show(parseCidr(subnet.cidr)!);
  const own = dhcp.addresses.map(parseInterface).find(a => a && show(parseCidr(`${a.address}/${a.prefix}`)!) === cidr);
  const routes = own ? [`${metadataAddress}/32,${own.address}`] : [];
  for (const route of subnet.hostRoutes) {
    const destination = parseCidr(route.destination);
    const nexthop = parseAddress(route.nexthop);
    if (destination?.family === 4 && nexthop?.family === 4)
      routes.push(`${destination.address}/${destination.prefix},${nexthop.address}`);
  }
  if (gateway) routes.push(`0.0.0.0/0,${gateway}`);
  return routes.join(',');
}

/** A name's letters, digits, dots, dashes; anything else makes it empty. */
function label(text: string, max: number): string {
  return text.length <= max && /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text) ? text : '';
}

/** A value without control characters; dnsmasq's own lines end there. */
function plain(text: string): string | null {
  return text.length > 0 && text.length <= 255 && !/\p{Cc}/u.test(text) ? text : null;
}

/** Addresses that the namespace's interface must have: the port's own and those at which guests find metadata. */
export function dhcpAddresses(dhcp: HostDhcp): string[] {
  const own = dhcp.addresses.map(parseInterface).filter(address => address !== null);
  return [...new Set([...own.map(({ address, prefix }) => `${address}/${prefix}`), `${metadataAddress}/32`])];
}

/** Whether metadata is also served at the link-local IPv6 address. */
export function servesIpv6(dhcp: HostDhcp): boolean {
  return dhcp.subnets.some(subnet => isIPv6(subnet.cidr.split('/')[0] ?? ''));
}

/** A lease that an earlier server may have given out and that is no longer right: only a restart forgets it. */
export function hasLost(before: string, after: string): boolean {
  const kept = new Set(after.split('\n').map(identity));
  return before.split('\n').some(line => line !== '' && !kept.has(identity(line)));
}

function identity(line: string): string {
  const parts = line.split(',');
  return `${parts[0]} ${parts.find((part, index) => index > 0 && !part.startsWith('set:'))}`;
}
