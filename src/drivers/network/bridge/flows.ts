// Which flows a change of the filters no longer allows. What is established passes whatever the rules say, so these flows
// must be ended: their next packet is judged anew, and what is still allowed goes on.

import type { Filters, HostPort } from '../network-driver.ts';
import { parseAddress } from './addresses.ts';
import { ruleLine } from './filter-rules.ts';
import { groupOf, zonesOf } from './filters.compile.ts';

/** The flows of an address in a zone (0 is the host's own), or of the whole zone. */
export interface EndedFlows {
  zone: number;
  address: string | null;
}

/** More addresses than this in one zone, and the zone is judged anew as a whole. */
const fewAddresses = 16;

/** Compares two states of the filters. Adding rules ends nothing. */
export function endedFlows(before: Filters, after: Filters, cloud: string): EndedFlows[] {
  const zonesBefore = zonesOf(before.networks, cloud);
  const zonesAfter = zonesOf(after.networks, cloud);
  const now = new Map(after.ports.map(port => [port.portId, port]));
  const members = { before: membersOf(before), after: membersOf(after) };
  const ended = new Map<number, Set<string>>();
  const end = (zone: number, address: string): void => {
    ended.set(zone, (ended.get(zone) ?? new Set()).add(address));
  };
  for (const old of before.ports) {
    const port = now.get(old.portId);
    const zone = zonesBefore.get(old.networkId) ?? 0;
    const gone = !port || zone !== (zonesAfter.get(port.networkId) ?? 0) || isNarrower(old, port);
    for (const address of addressesOf(old)) {
      if (gone || !port.ips.some(ip => parseAddress(ip)?.address === address)) end(zone, address);
    }
    // All flows of who left a group, with whomever: what else still allows them goes on.
    if (port && !gone) for (const peer of lostPeers(port, members)) end(zone, peer);
  }
  return [...ended].flatMap(([zone, addresses]) =>
    zone !== 0 && addresses.size > fewAddresses
      ? [{ zone, address: null }]
      : [...addresses].map((address): EndedFlows => ({ zone, address })),
  );
}

/** Whether the port may do less than before. */
function isNarrower(old: HostPort, port: HostPort): boolean {
  if (port.portSecurity && !old.portSecurity) return true;
  if (!port.portSecurity) return false;
  if (old.mac !== port.mac || old.networkId !== port.networkId) return true;
  const kept = new Set(port.rules.map(rule => `${rule.direction} ${ruleLine(rule)}`));
  if (old.rules.some(rule => !kept.has(`${rule.direction} ${ruleLine(rule)}`))) return true;
  const pairs = new Set(port.allowedAddressPairs.map(pair => `${pair.mac} ${pair.cidr}`));
  return old.allowedAddressPairs.some(pair => !pairs.has(`${pair.mac} ${pair.cidr}`));
}

type Members = Map<string, Set<string>>;

function membersOf(filters: Filters): Members {
  return new Map(filters.groups.map(group => [group.key, new Set(group.addresses)]));
}

/** Addresses that left the groups that this port's rules name. */
function lostPeers(port: HostPort, members: { before: Members; after: Members }): string[] {
  if (!port.portSecurity) return [];
  const lost = new Set<string>();
  for (const group of new Set(port.rules.flatMap(groupOf)))
    for (const address of members.before.get(group) ?? [])
      if (!members.after.get(group)?.has(address)) lost.add(address);
  return [...lost].map(address => parseAddress(address)?.address).filter(address => address !== undefined);
}

function addressesOf(port: HostPort): string[] {
  return port.ips.map(ip => parseAddress(ip)?.address).filter(address => address !== undefined);
}
