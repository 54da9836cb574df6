// An interface of a namespace: a veth pair from a bridge into it, as it must be.

import { linkLocalOf, parseAddress } from './addresses.ts';
import { addressCommands, bridgeFor } from './networks.ts';
import { type Host, type Link, linksIn } from './host.ts';
import { aliasOf, checkedMac, type HostKey } from './names.ts';

export interface Veth {
  /** The entry that it belongs to. */
  key: HostKey;
  networkId: string;
  namespace: string;
  /** The end on the bridge, and the end in the namespace. */
  outside: string;
  inside: string;
  mac: string;
  mtu: number;
  /** With prefix length; null: another gives them, link-local ones too. */
  addresses: string[] | null;
  up: boolean;
}

/**
 * Makes the pair and mends what differs.
 * @param present the namespace's links when they were read just now
 * @returns whether anything had to be changed
 */
export async function ensureVeth(host: Host, veth: Veth, present?: Map<string, Link>): Promise<boolean> {
  const mac = checkedMac(veth.key, veth.mac);
  const bridge = await bridgeFor(host, veth.key, veth.networkId);
  const links = present ?? (await linksIn(host, veth.namespace)) ?? new Map<string, Link>();
  let end = links.get(veth.inside);
  let root = (await host.links()).get(veth.outside);
  const outside: string[] = [];
  if (!end || !root) {
    // One end without the other is not a pair of ours: it was renamed, or belongs to a port that is gone.
    if (root) outside.push(`link del dev ${veth.outside}`);
    else if (end) await host.ip([`link del dev ${veth.inside}`], veth.namespace);
    outside.push(
      `link add name ${veth.outside} type veth peer name ${veth.inside} address ${mac} netns ${veth.namespace}`,
    );
    root = undefined;
    end = undefined;
  }
  const alias = aliasOf(host.cloud, veth.key);
  if (root?.ifalias !== alias) outside.push(`link set dev ${veth.outside} alias ${alias}`);
  if (root?.mtu !== veth.mtu) outside.push(`link set dev ${veth.outside} mtu ${veth.mtu}`);
  if (root?.master !== bridge) outside.push(`link set dev ${veth.outside} addrgenmode none master ${bridge}`);
  if (!root?.flags.includes('UP')) outside.push(`link set dev ${veth.outside} up`);
  await host.ip(outside);
  const within: string[] = [];
  if (end && end.address !== mac) {
    within.push(`link set dev ${veth.inside} down`, `link set dev ${veth.inside} address ${mac}`);
    end = { ...end, flags: [] };
  }
  if (end?.mtu !== veth.mtu) within.push(`link set dev ${veth.inside} mtu ${veth.mtu}`);
  if (!end && !veth.addresses) within.push(`link set dev ${veth.inside} addrgenmode none`);
  const isUp = end?.flags.includes('UP') ?? false;
  if (isUp !== veth.up) within.push(`link set dev ${veth.inside} ${veth.up ? 'up' : 'down'}`);
  if (veth.addresses)
    within.push(...addressCommands(end, veth.inside, veth.addresses), ...linkLocalCommands(end, veth, veth.addresses));
  await host.ip(within, veth.namespace);
  return outside.length + within.length > 0;
}

/** An interface that stays up gets its link-local address back, without which IPv6 finds no neighbours. */
function linkLocalCommands(end: Link | undefined, veth: Veth, addresses: string[]): string[] {
  if (!end || !veth.up || !addresses.some(address => address.includes(':'))) return [];
  const own = linkLocalOf(checkedMac(veth.key, veth.mac));
  const isThere = end.addr_info?.some(({ local }) => parseAddress(local)?.address === own) ?? false;
  return isThere ? [] : [`addr replace ${own}/64 dev ${veth.inside} scope link nodad`];
}
