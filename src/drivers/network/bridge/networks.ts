// A network on a host: a bridge, and a VXLAN port on it where other hosts have ports of the network.

import { join } from 'node:path';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Problem } from '#/platform/problem/problem.ts';
import { networkDriverTexts } from '../texts.ts';
import type { HostNetwork } from '../network-driver.ts';
import { parseAddress, parseInterface, parseMac } from './addresses.ts';
import { vxlanPort } from './filter-tunnels.ts';
import { ensureDirectory, type Host, type Link, readIfThere, setKernel } from './host.ts';
import { aliasOf, bridgeOf, tunnelOf } from './names.ts';

/** @param externalInterface the machine's own interface on the outside, if it has one */
export async function ensureNetwork(
  host: Host,
  network: HostNetwork,
  tunnelAddress: string | null,
  externalInterface: string | null,
): Promise<void> {
  if (network.peers.length > 0 && tunnelAddress === null)
    throw new Problem('invalid', networkDriverTexts.noTunnelAddress, { network: network.networkId });
  await ensureBridge(host, network);
  if (network.peers.length > 0) await ensureTunnel(host, network, tunnelAddress!);
  else await removeLink(host, tunnelOf(network.networkId));
  await ensureHostAddresses(host, network);
  if (network.external?.uplink && externalInterface !== null) await ensureUplink(host, network, externalInterface);
}

/** Puts an interface of the machine on the bridge. @throws Problem conflict for one that is missing or has addresses of its own */
async function ensureUplink(host: Host, network: HostNetwork, name: string): Promise<void> {
  const bridge = bridgeOf(network.networkId);
  const link = (await host.links()).get(name);
  const { stdout } = await host.tools.run(['ip', '-j', 'addr', 'show', 'scope', 'global']);
  const taken = (JSON.parse(stdout || '[]') as Link[]).some(one => one.ifname === name && one.addr_info?.length);
  if (!link || taken)
    throw new Problem('conflict', networkDriverTexts.badUplink, { network: network.networkId, interface: name });
  const commands: string[] = [];
  if (link.master !== bridge) commands.push(`link set dev ${name} master ${bridge}`);
  if (!link.flags.includes('UP')) commands.push(`link set dev ${name} up`);
  await host.ip(commands);
}

async function ensureBridge(host: Host, network: HostNetwork): Promise<void> {
  const name = bridgeOf(network.networkId);
  const alias = aliasOf(host.cloud, network.key);
  const link = (await host.links()).get(name);
  const commands: string[] = [];
  if (!link) commands.push(`link add name ${name} type bridge mcast_snooping 0 stp_state 0 forward_delay 0`);
  if (link?.ifalias !== alias) commands.push(`link set dev ${name} alias ${alias}`);
  if (link?.mtu !== network.mtu) commands.push(`link set dev ${name} mtu ${network.mtu}`);
  await host.ip(commands);
  // Guests of a tenant's network find nobody at home: the host has no address there and answers for none.
  const isOpen = network.external?.hostAddresses.some(address => parseInterface(address)?.family === 6) ?? false;
  await setKernel(`net/ipv6/conf/${name}/disable_ipv6`, isOpen ? '0' : '1');
  await setKernel(`net/ipv6/conf/${name}/accept_ra`, '0');
  await setKernel(`net/ipv4/conf/${name}/arp_ignore`, network.external ? '1' : '8');
  if (!link?.flags.includes('UP')) await host.ip([`link set dev ${name} up`]);
}

async function ensureTunnel(host: Host, network: HostNetwork, local: string): Promise<void> {
  const name = tunnelOf(network.networkId);
  const bridge = bridgeOf(network.networkId);
  const alias = aliasOf(host.cloud, network.key);
  const commands: string[] = [];
  let link = (await host.links()).get(name);
  const data = link?.linkinfo?.info_data;
  const end = String(data?.local ?? data?.local6);
  if (link && (data?.id !== network.segmentationId || parseAddress(end)?.address !== parseAddress(local)?.address)) {
    commands.push(`link del dev ${name}`);
    link = undefined;
  }
  if (!link) {
    const kind = `vxlan id ${network.segmentationId} local ${local} dstport ${vxlanPort} nolearning`;
    commands.push(`link add name ${name} type ${kind}`);
  }
  if (link?.ifalias !== alias) commands.push(`link set dev ${name} alias ${alias}`);
  if (link?.mtu !== network.mtu) commands.push(`link set dev ${name} mtu ${network.mtu}`);
  await host.ip(commands);
  await setKernel(`net/ipv6/conf/${name}/disable_ipv6`, '1');
  const joined: string[] = [];
  if (link?.master !== bridge) joined.push(`link set dev ${name} master ${bridge}`);
  if (!link?.flags.includes('UP')) joined.push(`link set dev ${name} up`);
  await host.ip(joined);
  await ensureForwarding(host, name, network);
}

/** The tunnel's own table: where each MAC is, and that floods go to every peer. */
async function ensureForwarding(host: Host, tunnel: string, network: HostNetwork): Promise<void> {
  const wanted = new Set<string>();
  for (const peer of network.peers) {
    const address = parseAddress(peer.address)?.address;
    if (!address) continue;
    wanted.add(`00:00:00:00:00:00 ${address}`);
    for (const port of peer.ports) {
      const mac = parseMac(port.mac);
      if (mac) wanted.add(`${mac} ${address}`);
    }
  }
  const { stdout } = await host.tools.run(['bridge', '-j', 'fdb', 'show', 'dev', tunnel]);
  const present = new Set<string>();
  for (const entry of JSON.parse(stdout || '[]') as { mac: string; dst?: string }[])
    if (entry.dst) present.add(`${entry.mac} ${parseAddress(entry.dst)?.address ?? entry.dst}`);
  const commands: string[] = [];
  for (const entry of present) if (!wanted.has(entry)) commands.push(fdb('del', entry, tunnel));
  for (const entry of wanted) if (!present.has(entry)) commands.push(fdb('append', entry, tunnel));
  if (commands.length > 0) await host.tools.run(['bridge', '-batch', '-'], { input: `${commands.join('\n')}\n` });
}

function fdb(verb: 'append' | 'del', entry: string, tunnel: string): string {
  const [mac, address] = entry.split(' ');
  return `fdb ${verb} ${mac} dev ${tunnel} dst ${address} self`;
}

async function ensureHostAddresses(host: Host, network: HostNetwork): Promise<void> {
  const name = bridgeOf(network.networkId);
  const wanted = (network.external?.hostAddresses ?? []).map(parseInterface).filter(address => address !== null);
  if (network.external) {
    await ensureAddresses(
      host,
      name,
      wanted.map(a => `${a.address}/${a.prefix}`),
    );
    if (network.external.masquerade)
      await forwardFor(
        host,
        network,
        wanted.some(address => address.family === 6),
      );
  } else await stopForwardingFor(host, network.networkId);
}

/** Gives an interface exactly these addresses, besides its link-local ones. */
export async function ensureAddresses(host: Host, device: string, wanted: string[], namespace?: string): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace];
  const { stdout } = await host.tools.run(['ip', ...where, '-j', 'addr', 'show', 'dev', device]);
  const [link] = JSON.parse(stdout || '[]') as Link[];
  await host.ip(addressCommands(link, device, wanted), namespace);
}

export function addressCommands(link: Link | undefined, device: string, wanted: string[]): string[] {
  const present = (link?.addr_info ?? [])
    .filter(({ family, scope }) => family === 'inet' || scope !== 'link')
    .map(({ local, prefixlen }) => `${parseAddress(local)?.address ?? local}/${prefixlen}`);
  return [
    ...present.filter(address => !wanted.includes(address)).map(address => `addr del ${address} dev ${device}`),
    ...wanted
      .filter(address => !present.includes(address))
      .map(address => `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`),
  ];
}

/** Kernel settings that masquerading needs. What they were is remembered and put back behind the last such network. */
const forwarding = { 4: 'net/ipv4/ip_forward', 6: 'net/ipv6/conf/all/forwarding' } as const;

async function forwardFor(host: Host, network: HostNetwork, withIpv6: boolean): Promise<void> {
  const directory = join(host.directory, 'forwarding');
  await ensureDirectory(directory, 0o700);
  await writeFile(join(directory, `for.${network.networkId}`), '');
  for (const family of withIpv6 ? ([4, 6] as const) : ([4] as const)) {
    // A forwarding host ignores router advertisements unless told otherwise, and would lose its own way out.
    if (family === 6) await keepRouterAdvertisements();
    const before = await setKernel(forwarding[family], '1');
    if (before === '0') await writeFile(join(directory, `was-off.${family}`), '');
  }
}

async function keepRouterAdvertisements(): Promise<void> {
  const root = '/proc/sys/net/ipv6/conf';
  for (const name of await readdir(root)) {
    if (name === 'all' || (await readFile(join(root, name, 'accept_ra'), 'utf8')).trim() !== '1') continue;
    await setKernel(`net/ipv6/conf/${name}/accept_ra`, '2');
  }
}

async function stopForwardingFor(host: Host, networkId: string): Promise<void> {
  const directory = join(host.directory, 'forwarding');
  if ((await readIfThere(join(directory, `for.${networkId}`))) === null) return;
  await rm(join(directory, `for.${networkId}`), { force: true });
  const left = await readdir(directory);
  if (left.some(name => name.startsWith('for.'))) return;
  for (const family of [4, 6] as const)
    if (left.includes(`was-off.${family}`)) await setKernel(forwarding[family], '0');
  await rm(directory, { recursive: true, force: true });
}

export async function removeNetwork(host: Host, networkId: string): Promise<void> {
  await removeLink(host, tunnelOf(networkId));
  await removeLink(host, bridgeOf(networkId));
  await stopForwardingFor(host, networkId);
}

/** Removes a link of the root namespace. */
export async function removeLink(host: Host, name: string): Promise<void> {
  if ((await host.links()).has(name)) await host.ip([`link del dev ${name}`]);
}

/** The bridge that something is to be attached to. @throws Problem unavailable while it is not there */
export async function bridgeFor(host: Host, key: string, networkId: string): Promise<string> {
  const bridge = bridgeOf(networkId);
  if (!(await host.links()).has(bridge))
    throw new Problem('unavailable', networkDriverTexts.noBridge, { network: networkId, key });
  return bridge;
}
