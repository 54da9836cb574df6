// Addresses as nft and dnsmasq must read them: parsed, never passed through, so that odd input can do no harm.

import ipaddr from 'ipaddr.js';

export interface Cidr {
  family: 4 | 6;
  /** Canonical network address. */
  address: string;
  prefix: number;
}

/** A CIDR or plain address in canonical form, or null when it is neither. Host bits are cleared. */
export function parseCidr(text: string): Cidr | null {
  const [head = '', tail, ...rest] = text.split('/');
  if (rest.length > 0 || !isPlain(head)) return null;
  const address = ipaddr.parse(head);
  const bits = address.kind() === 'ipv4' ? 32 : 128;
  const prefix = tail === undefined ? bits : /^\d{1,3}$/.test(tail) ? Number(tail) : -1;
  if (prefix < 0 || prefix > bits) return null;
  const bytes = address.toByteArray();
  for (let bit = prefix; bit < bits; bit++) bytes[bit >> 3]! &= ~(0x80 >> (bit & 7));
  return { family: bits === 32 ? 4 : 6, address: ipaddr.fromByteArray(bytes).toString(), prefix };
}

/** An address in canonical form, or null. */
export function parseAddress(text: string): { family: 4 | 6; address: string } | null {
  if (!isPlain(text)) return null;
  const address = ipaddr.parse(text);
  return { family: address.kind() === 'ipv4' ? 4 : 6, address: address.toString() };
}

/** An address that keeps its host bits, with prefix length: what an interface is given. */
export function parseInterface(text: string): { family: 4 | 6; address: string; prefix: number } | null {
  const cidr = parseCidr(text);
  const address = parseAddress(text.split('/')[0]!);
  return cidr && address && { ...address, prefix: cidr.prefix };
}

function isPlain(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (ipaddr.IPv6.isValid(text) && !text.includes('%'));
}

/** A MAC address in small letters, or null. */
export function parseMac(text: string): string | null {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? text.toLowerCase() : null;
}

export function show(cidr: Cidr): string {
  return cidr.prefix === (cidr.family === 4 ? 32 : 128) ? cidr.address : `${cidr.address}/${cidr.prefix}`;
}

/** Whether the first holds all of the second. */
export function holds(outer: Cidr, inner: Cidr): boolean {
  if (outer.family !== inner.family || outer.prefix > inner.prefix) return false;
  return parseCidr(`${inner.address}/${outer.prefix}`)!.address === outer.address;
}

/** Sorted, without those that others hold: intervals of one nft set must not overlap. */
export function disjoint(cidrs: Cidr[]): Cidr[] {
  const sorted = [...cidrs].sort((a, b) => a.prefix - b.prefix || (show(a) < show(b) ? -1 : 1));
  const kept: Cidr[] = [];
  for (const cidr of sorted) if (!kept.some(k => holds(k, cidr))) kept.push(cidr);
  return kept.sort((a, b) => (show(a) < show(b) ? -1 : 1));
}

/** The link-local address of a MAC (RFC 4291, appendix A). */
export function linkLocalOf(mac: string): string {
  const bytes = mac.split(':').map(part => Number.parseInt(part, 16));
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  return ipaddr.fromByteArray([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]).toString();
}

/** An IPv6 address as one number in nft's hexadecimal. */
export function hexOf(address: string): string {
  return `0x${ipaddr
    .parse(address)
    .toByteArray()
    .map(byte => byte.toString(16).padStart(2, '0'))
    .join('')}`;
}
