// A guest's port: a tap on its network's bridge, owned by the user that guests run as.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '#/platform/problem/problem.ts';
import { networkDriverTexts } from '../texts.ts';
import type { HostPort } from '../network-driver.ts';
import type { Host, Link } from './host.ts';
import { setKernel } from './host.ts';
import { aliasOf, checkedTap, tapGroupOf } from './names.ts';
import { bridgeFor } from './networks.ts';

/**
 * Makes the port's link and puts it on the bridge. A veth that already has the port's name is taken as it is: that is how a
 * container, whose end of the pair is in its own namespace, is plugged in.
 * @param isFiltered whether the filters in the kernel hold the tap
 * @throws Problem conflict for a port that is not filtered yet; its link then stays down
 */
export async function ensurePort(
  host: Host,
  port: HostPort,
  isFiltered: boolean,
  guestUser: { uid: number; gid: number },
): Promise<void> {
  const tap = checkedTap(port.key, port.tap);
  const bridge = await bridgeFor(host, port.key, port.networkId);
  const alias = aliasOf(host.cloud, port.key);
  const group = tapGroupOf(host.cloud);
  const links = await host.links();
  const link = links.get(tap);
  const mtu = links.get(bridge)!.mtu;
  if (!link) {
    const owner = ['user', String(guestUser.uid), 'group', String(guestUser.gid)];
    await host.ip([`tuntap add dev ${tap} mode tap ${owner.join(' ')}`]);
  }
  const commands: string[] = [];
  // The group first: from then on, and until the filters hold it, the tap passes nothing.
  if (!isInGroup(link, group)) commands.push(`link set dev ${tap} group ${group}`);
  if (link?.ifalias !== alias) commands.push(`link set dev ${tap} alias ${alias}`);
  if (link?.mtu !== mtu) commands.push(`link set dev ${tap} mtu ${mtu}`);
  await host.ip(commands);
  await setKernel(`net/ipv6/conf/${tap}/disable_ipv6`, '1');
  const joined: string[] = [];
  if (link?.master !== bridge) joined.push(`link set dev ${tap} master ${bridge}`);
  const isUp = link?.flags.includes('UP') ?? false;
  if (port.adminUp && isFiltered) {
    if (!isUp) joined.push(`link set dev ${tap} up`);
  } else if (isUp) joined.push(`link set dev ${tap} down`);
  await host.ip(joined);
  if (!isFiltered) throw new Problem('conflict', networkDriverTexts.noFilter, { key: port.key });
}

function isInGroup(link: Link | undefined, group: number): boolean {
  const shown = link?.group;
  return shown !== undefined && Number(shown) === group;
}

/** Removes a port's link, found by its alias or, before it had one, by its name. */
export async function removePort(host: Host, key: HostPort['key'], portId: string): Promise<void> {
  const alias = aliasOf(host.cloud, key);
  const links = await host.links();
  const named = links.get(`tap${portId.slice(0, 11)}`);
  const own = [...links.values()].filter(link => link.ifalias === alias);
  if (named && !named.ifalias) own.push(named);
  await host.ip(own.map(link => `link del dev ${link.ifname}`));
}

/**
 * Bytes, packets, errors and drops of a port as its guest sees them: what the tap received is what the guest sent.
 * @throws Problem notFound
 */
export async function portCounters(host: Host, portId: string): Promise<Record<string, number>> {
  const alias = aliasOf(host.cloud, `port/${portId}`);
  const link = [...(await host.links()).values()].find(found => found.ifalias === alias);
  if (!link) throw new Problem('notFound', networkDriverTexts.noPort, { port: portId });
  const directory = join('/sys/class/net', link.ifname, 'statistics');
  const counters: Record<string, number> = {};
  for (const name of await readdir(directory).catch(() => [])) {
    const match = /^(rx|tx)_(bytes|packets|errors|dropped)$/.exec(name);
    if (match)
      counters[`${match[1] === 'rx' ? 'tx' : 'rx'}_${match[2]}`] = Number(
        await readFile(join(directory, name), 'utf8'),
      );
  }
  return counters;
}
