// Address pairs and DHCP options of ports. Pure.

import { bitsOf, parsePrefix, showPrefix } from '#/services/network/addressing/address.ts';
import { Invalid } from '#/services/network/attributes/attribute.ts';
import { list, macAddress, map, orNull, shown, text } from '#/services/network/attributes/checks.ts';
import type { AddressPair, DhcpOption } from '#/services/network/ports/make-port.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';

const addressOrCidr = (value: unknown): string => {
  const prefix = parsePrefix(value);
  if (!prefix) throw new Invalid(`${shown(value)} is not a valid IP address or subnet`);
  const first = prefix.first >> BigInt(bitsOf(prefix.version) - 8);
  if (prefix.version === 6 ? first === 0xffn : first >= 224n && first < 240n)
    throw new Invalid(`${shown(value)} is a multicast address`);
  return prefix.length === bitsOf(prefix.version) && !String(value).includes('/')
    ? showPrefix(prefix).split('/')[0]!
    : showPrefix(prefix);
};

export const addressPairs = list(
  map<{ mac_address?: string; ip_address: string }>({ mac_address: macAddress, ip_address: addressOrCidr }, [
    'ip_address',
  ]),
  { max: 10 },
);

/** Pairs without a MAC address are for the port's own. @throws Problem invalid for a pair that comes twice */
export function checkAddressPairs(pairs: { mac_address?: string; ip_address: string }[], mac: string): AddressPair[] {
  const seen = new Set<string>();
  return pairs.map(pair => {
    const whole = { mac_address: pair.mac_address ?? mac, ip_address: pair.ip_address };
    const key = `${whole.mac_address} ${whole.ip_address}`;
    if (seen.has(key))
      throw new Problem('invalid', t.duplicateAddressPairInRequest, { mac: whole.mac_address, ip: whole.ip_address });
    seen.add(key);
    return whole;
  });
}

const oneLine =
  (max: number) =>
  (value: unknown): string => {
    const line = text(max, { min: 1 })(value);
    if (/[\r\n]/.test(line)) throw new Invalid(`${shown(value)} contains a line break`);
    return line;
  };

const family = (value: unknown): number => {
  if (value === 4 || value === '4') return 4;
  if (value === 6 || value === '6') return 6;
  throw new Invalid(`${shown(value)} is not in [4, 6]`);
};

const option = map<{ opt_name: string; opt_value: string | null; ip_version?: number }>(
  { opt_name: oneLine(64), opt_value: orNull(oneLine(255)), ip_version: family },
  ['opt_name', 'opt_value'],
);
export const dhcpOptions = list(
  (value): { opt_name: string; opt_value: string | null; ip_version: number } => ({ ip_version: 4, ...option(value) }),
  { max: 100 },
);

/** New options over old ones of the same name; a null value takes the option away. */
export function mergeDhcpOptions(
  before: DhcpOption[],
  changes: { opt_name: string; opt_value: string | null; ip_version: number }[],
): DhcpOption[] {
  const options = new Map(before.map(one => [`${one.ip_version} ${one.opt_name}`, one]));
  for (const { opt_name, opt_value, ip_version } of changes) {
    const key = `${ip_version} ${opt_name}`;
    if (opt_value === null) options.delete(key);
    else options.set(key, { opt_name, opt_value, ip_version });
  }
  return [...options.values()];
}
