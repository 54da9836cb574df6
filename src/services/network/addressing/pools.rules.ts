// Which addresses of a subnet are handed out. Pure.

import { bitsOf, contains, parseAddress, parsePrefix, type Prefix, showAddress, type Version } from './address.ts';

export interface Pool {
  start: string;
  end: string;
}

export interface Range {
  start: bigint;
  end: bigint;
}

export function rangesOf(pools: Pool[]): Range[] {
  return pools.map(pool => ({ start: parseAddress(pool.start)!.value, end: parseAddress(pool.end)!.value }));
}

/**
 * The addresses that hosts of a prefix may have: not the network's own nor IPv4's broadcast, except in a prefix so long
 * that there is no room for them (RFC 3021).
 */
export function usable(prefix: Prefix): Range {
  const short = bitsOf(prefix.version) - prefix.length <= 1;
  if (short) return { start: prefix.first, end: prefix.last };
  return { start: prefix.first + 1n, end: prefix.version === 4 ? prefix.last - 1n : prefix.last };
}

/** The pools of a subnet that names none: everything usable but the gateway. */
export function defaultPools(cidr: string, gateway: string | null): Pool[] {
  const prefix = parsePrefix(cidr)!;
  const all = usable(prefix);
  const skip = gateway === null ? undefined : parseAddress(gateway);
  const ranges =
    skip && contains(prefix, skip) && skip.value >= all.start && skip.value <= all.end
      ? [
          { start: all.start, end: skip.value - 1n },
          { start: skip.value + 1n, end: all.end },
        ]
      : [all];
  return ranges.filter(range => range.start <= range.end).map(range => poolOf(prefix.version, range));
}

function poolOf(version: Version, { start, end }: Range): Pool {
  return { start: showAddress(version, start), end: showAddress(version, end) };
}

export function sizeOf(ranges: Range[]): bigint {
  return ranges.reduce((sum, { start, end }) => sum + end - start + 1n, 0n);
}

/** The address at a place in the ranges, counted from 0. */
export function at(ranges: Range[], index: bigint): bigint {
  let left = index;
  for (const { start, end } of ranges) {
    const size = end - start + 1n;
    if (left < size) return start + left;
    left -= size;
  }
  throw new RangeError('beyond the pools');
}

export function within(ranges: Range[], value: bigint): boolean {
  return ranges.some(({ start, end }) => value >= start && value <= end);
}

/** The lowest free values, at most `limit`. @param taken in ascending order */
export function lowestFree(ranges: Range[], taken: bigint[], limit: number): bigint[] {
  const used = new Set(taken);
  const free: bigint[] = [];
  for (const { start, end } of ranges)
    for (let value = start; value <= end; value++) {
      if (used.has(value)) continue;
      free.push(value);
      if (free.length === limit) return free;
    }
  return free;
}
