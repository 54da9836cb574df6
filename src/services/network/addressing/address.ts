// IP addresses and prefixes as numbers: parsing and printing by ipaddr.js, arithmetic in BigInt. Pure.

import ipaddr from 'ipaddr.js';

export type Version = 4 | 6;

export interface Address {
  version: Version;
  value: bigint;
}

export interface Prefix {
  version: Version;
  first: bigint;
  last: bigint;
  length: number;
}

export const bitsOf = (version: number): number => (version === 4 ? 32 : 128);

/** An address in its usual notation; no zone, no shorthand IPv4 (`10.1`). Undefined when it is none. */
export function parseAddress(text: unknown): Address | undefined {
  if (typeof text !== 'string' || text.length > 64) return undefined;
  if (ipaddr.IPv4.isValidFourPartDecimal(text))
    return { version: 4, value: numberOf(ipaddr.IPv4.parse(text).toByteArray()) };
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return { version: 6, value: numberOf(ipaddr.IPv6.parse(text).toByteArray()) };
}

/** `10.0.0.0/24`; a bare address is a prefix of its full length. Host bits are dropped. */
export function parsePrefix(text: unknown): Prefix | undefined {
  if (typeof text !== 'string') return undefined;
  const [head, tail, more] = text.split('/');
  const address = parseAddress(head);
  if (!address || more !== undefined) return undefined;
  const bits = bitsOf(address.version);
  if (tail !== undefined && !/^\d{1,3}$/.test(tail)) return undefined;
  const length = tail === undefined ? bits : Number(tail);
  return length > bits ? undefined : prefixAt(address, length);
}

/** The prefix of a length around an address. */
export function prefixAt({ version, value }: Address, length: number): Prefix {
  const size = 1n << BigInt(bitsOf(version) - length);
  const first = value - (value % size);
  return { version, first, last: first + size - 1n, length };
}

export function showAddress(version: number, value: bigint): string {
  const bytes: number[] = [];
  for (let shift = bitsOf(version) - 8; shift >= 0; shift -= 8) bytes.push(Number((value >> BigInt(shift)) & 255n));
  return ipaddr.fromByteArray(bytes).toString();
}

export function showPrefix({ version, first, length }: Prefix): string {
  return `${showAddress(version, first)}/${length}`;
}

export function contains(prefix: Prefix, address: Address): boolean {
  return address.version === prefix.version && address.value >= prefix.first && address.value <= prefix.last;
}

export function overlap(a: Prefix, b: Prefix): boolean {
  return a.version === b.version && a.first <= b.last && b.first <= a.last;
}

/** Hexadecimal of fixed length: sorts as the addresses do. */
export function keyOf(version: number, value: bigint): string {
  return value.toString(16).padStart(bitsOf(version) / 4, '0');
}

/** The address in its shortest notation. */
export function canonical(text: string): string {
  const address = parseAddress(text);
  return address ? showAddress(address.version, address.value) : text;
}

/** The interface identifier of a MAC address in a /64 (RFC 4291, appendix A). */
export function slaacAddress(prefix: Prefix, mac: string): bigint {
  const bytes = mac.split(':').map(part => Number.parseInt(part, 16));
  const eui = [bytes[0]! ^ 2, bytes[1]!, bytes[2]!, 0xff, 0xfe, bytes[3]!, bytes[4]!, bytes[5]!];
  return prefix.first + numberOf(eui);
}

function numberOf(bytes: number[]): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}
