// What a subnet may be: its prefix, gateway, pools and IPv6 modes. Pure.

import {
  bitsOf,
  contains,
  overlap,
  parseAddress,
  parsePrefix,
  type Prefix,
  showAddress,
  showPrefix,
} from '#/services/network/addressing/address.ts';
import { defaultPools, type Pool, rangesOf, usable } from '#/services/network/addressing/pools.rules.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';

const refuse = (attribute: string, why: string): Problem => new Problem('invalid', t.invalidInput, { attribute, why });

/** The prefix of a new subnet. @throws Problem invalid */
export function planPrefix(cidr: string, version: number): Prefix {
  const prefix = parsePrefix(cidr)!;
  if (prefix.version !== version) throw refuse('cidr', `cidr '${cidr}' does not match the ip_version '${version}'`);
  if (prefix.length === 0) throw refuse('cidr', '0 is not allowed as CIDR prefix length');
  const first = prefix.first >> BigInt(bitsOf(version) - 8);
  if (version === 6 ? first === 0xffn : first >= 224n && first < 240n)
    throw refuse('cidr', 'multicast IP subnet is not supported');
  if (version === 4 && (first === 127n || first === 0n))
    throw refuse('cidr', 'loopback and this-network subnets are not supported');
  return prefix;
}

/** @throws Problem invalid when the prefix overlaps one of the network's others */
export function checkOverlap(prefix: Prefix, networkId: string, others: { id: string; cidr: string }[]): void {
  const other = others.find(one => overlap(parsePrefix(one.cidr)!, prefix));
  if (other)
    throw new Problem('invalid', t.subnetOverlaps, {
      cidr: showPrefix(prefix),
      network: networkId,
      other: `${other.id} (${other.cidr})`,
    });
}

/** The gateway of a subnet that names none: its first usable address. */
export function defaultGateway(prefix: Prefix): string {
  return showAddress(prefix.version, usable(prefix).start);
}

/** @throws Problem invalid for a gateway that no host of the subnet could have */
export function checkGateway(prefix: Prefix, gateway: string): void {
  const address = parseAddress(gateway)!;
  if (address.version !== prefix.version)
    throw refuse('gateway_ip', `gateway_ip '${gateway}' does not match the ip_version '${prefix.version}'`);
  const { start, end } = usable(prefix);
  const isEdge = contains(prefix, address) && (address.value < start || address.value > end);
  if (isEdge && !(prefix.version === 6 && address.value === prefix.first))
    throw refuse('gateway_ip', 'Gateway is not valid on subnet');
}

/** Checks and orders pools. @throws Problem invalid, or conflict with the gateway */
export function planPools(prefix: Prefix, gateway: string | null, asked: Pool[] | undefined): Pool[] {
  const cidr = showPrefix(prefix);
  if (!asked) return defaultPools(cidr, gateway);
  const show = (pool: Pool): string => `${pool.start}-${pool.end}`;
  for (const pool of asked) {
    const [start, end] = [parseAddress(pool.start)!, parseAddress(pool.end)!];
    if (start.version !== prefix.version || end.version !== prefix.version || start.value > end.value)
      throw new Problem('invalid', t.invalidAllocationPool, { pool: show(pool) });
    const room = usable(prefix);
    if (start.value < room.start || end.value > room.end)
      throw new Problem('invalid', t.outOfBoundsAllocationPool, { pool: show(pool), cidr });
  }
  const sorted = asked.toSorted((a, b) => (parseAddress(a.start)!.value < parseAddress(b.start)!.value ? -1 : 1));
  const ranges = rangesOf(sorted);
  for (let index = 1; index < ranges.length; index++)
    if (ranges[index]!.start <= ranges[index - 1]!.end)
      throw new Problem('conflict', t.overlappingAllocationPools, { pools: sorted.map(show), cidr });
  checkGatewayOutside(gateway, sorted);
  return sorted;
}

/** @throws Problem conflict when the gateway lies in a pool */
export function checkGatewayOutside(gateway: string | null, pools: Pool[]): void {
  if (gateway === null) return;
  const { value, version } = parseAddress(gateway)!;
  const pool = pools.find(
    one =>
      parseAddress(one.start)!.version === version &&
      value >= parseAddress(one.start)!.value &&
      value <= parseAddress(one.end)!.value,
  );
  if (pool)
    throw new Problem('conflict', t.gatewayConflictWithAllocationPools, {
      ip: gateway,
      pool: `${pool.start}-${pool.end}`,
    });
}

/** @throws Problem invalid for modes that do not go together */
export function checkModes(ask: {
  version: number;
  enableDhcp: boolean;
  raMode: string | null;
  addressMode: string | null;
  length: number;
}): void {
  const { version, enableDhcp, raMode, addressMode, length } = ask;
  if (!raMode && !addressMode) return;
  if (version === 4)
    throw refuse(
      raMode ? 'ipv6_ra_mode' : 'ipv6_address_mode',
      'ipv6_ra_mode or ipv6_address_mode cannot be set when ip_version is set to 4',
    );
  if (!enableDhcp)
    throw refuse('enable_dhcp', 'ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False');
  if (raMode && addressMode && raMode !== addressMode)
    throw refuse(
      'ipv6_ra_mode',
      `ipv6_ra_mode set to '${raMode}' with ipv6_address_mode set to '${addressMode}' is not valid`,
    );
  if (isAuto(addressMode ?? raMode) && length !== 64)
    throw refuse('cidr', 'Invalid CIDR for IPv6 address mode. SLAAC and DHCPv6 stateless take a /64 prefix');
}

/** Ports derive their address from their MAC: no server keeps leases. */
export function isAuto(mode: string | null): boolean {
  return mode === 'slaac' || mode === 'dhcpv6-stateless';
}
