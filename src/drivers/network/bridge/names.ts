// The names of everything that the driver makes on a host, and the marks by which it knows its own again.

import { Problem } from '#/platform/problem/problem.ts';
import { parseMac } from './addresses.ts';
import { networkDriverTexts } from '../texts.ts';
import type { HostGroup, NetworkEntry } from '../network-driver.ts';

/** A thing on the host: every entry but security groups, which are part of the filters. */
export type HostKey = Exclude<NetworkEntry['key'], HostGroup['key']>;
export type HostKind = 'network' | 'dhcp' | 'port' | 'router';

const hostKey = /^(network|dhcp|port|router)\/([A-Za-z0-9][A-Za-z0-9-]{0,63})$/;

/** Splits a key. @throws Problem invalid for what is no key of this driver */
export function partsOf(key: string): { kind: HostKind; id: string } {
  const match = hostKey.exec(key);
  if (!match) throw new Problem('invalid', networkDriverTexts.badKey, { key });
  return { kind: match[1] as HostKind, id: match[2]! };
}

export function isHostKey(key: string): key is HostKey {
  return hostKey.test(key);
}

/** The first 12 digits of a UUID: 48 bits tell the objects of one host apart. */
function short(id: string): string {
  return checkedId(id).replaceAll('-', '').slice(0, 12);
}

/** Ids go into command lines and scripts. @throws Problem invalid for one with anything but letters, digits, dashes */
function checkedId(id: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(id)) return id;
  throw new Problem('invalid', networkDriverTexts.badKey, { key: JSON.stringify(id) });
}

/** Interface names (at most 15 characters): bridge, tunnel, and the bridge's ends of veth pairs. */
export const bridgeOf = (networkId: string): string => `hb${short(networkId)}`;
export const tunnelOf = (networkId: string): string => `hv${short(networkId)}`;
export const dhcpLinkOf = (dhcpId: string): string => `hd${short(dhcpId)}`;
export const routerLinkOf = (portId: string): string => `hr${short(portId)}`;

/** The ends inside the namespaces, named as Neutron's. */
export const dhcpPortOf = (portId: string): string => `ns-${checkedId(portId).slice(0, 11)}`;
export const routerPortOf = (portId: string): string => `qr-${checkedId(portId).slice(0, 11)}`;
export const haPortOf = (portId: string): string => `ha-${checkedId(portId).slice(0, 11)}`;
export const gatewayPortOf = (portId: string): string => `qg-${checkedId(portId).slice(0, 11)}`;

export function namespaceOf(cloud: string, kind: 'dhcp' | 'router', id: string): string {
  return `hn${cloud}-${kind === 'dhcp' ? 'd' : 'r'}-${short(id)}`;
}

/** A namespace of this cloud as a key with the short id, for one whose entry was never written down. */
export function keyOfNamespace(cloud: string, name: string): HostKey | null {
  const match = new RegExp(`^hn${cloud}-([dr])-([A-Za-z0-9]{1,12})$`).exec(name);
  return match && `${match[1] === 'd' ? 'dhcp' : 'router'}/${match[2]!}`;
}

/** The alias that marks an interface in the root namespace. */
export function aliasOf(cloud: string, key: HostKey): string {
  return `haneul:${cloud}:${key}`;
}

export function keyOfAlias(cloud: string, alias: string | undefined): HostKey | null {
  const prefix = `haneul:${cloud}:`;
  if (!alias?.startsWith(prefix)) return null;
  const key = alias.slice(prefix.length);
  return isHostKey(key) ? key : null;
}

/** The device group of a cloud's taps: what is in it but not in the filters passes nothing. */
export function tapGroupOf(cloud: string): number {
  return 0x48000000 + Number.parseInt(cloud, 16);
}

/** The tables in the root namespace. */
export const portsTable = (cloud: string): string => `haneul-${cloud}-ports`;
export const groupsTable = (cloud: string): string => `haneul-${cloud}-sg`;

/** A name for an interface that is safe on command lines and in nft. @throws Problem invalid */
export function checkedTap(key: string, tap: string): string {
  if (!/^[A-Za-z][A-Za-z0-9-]{0,14}$/.test(tap))
    throw new Problem('invalid', networkDriverTexts.badValue, { key, field: 'tap', value: JSON.stringify(tap) });
  return tap;
}

/** A MAC address in small letters. @throws Problem invalid */
export function checkedMac(key: string, mac: string): string {
  const parsed = parseMac(mac);
  if (parsed) return parsed;
  throw new Problem('invalid', networkDriverTexts.badValue, { key, field: 'mac', value: JSON.stringify(mac) });
}

/** A cloud's mark. @throws Problem invalid unless it is six hexadecimal digits */
export function checkedCloud(cloud: string): string {
  if (!/^[0-9a-f]{6}$/.test(cloud))
    throw new Problem('invalid', networkDriverTexts.badValue, {
      key: 'cloud',
      field: 'cloud',
      value: JSON.stringify(cloud),
    });
  return cloud;
}
