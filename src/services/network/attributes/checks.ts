// The kinds of values that attributes take: each reads what was sent, or says why not.

import { canonical, parseAddress, parsePrefix, showPrefix } from '#/services/network/addressing/address.ts';
import { Invalid } from '#/services/network/attributes/attribute.ts';

type Read<T> = (value: unknown) => T;

/** A word of a request as text; what is no word is shown as JSON. */
export function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

export const shown = (value: unknown): string =>
  `'${(typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, 80)}'`;

export function text(max = 255, options: { min?: number } = {}): Read<string> {
  return value => {
    if (typeof value !== 'string') throw new Invalid(`${shown(value)} is not a valid string`);
    // By code points, as clients count.
    const length = Array.from(value).length;
    if (length > max) throw new Invalid(`${shown(value)} exceeds maximum length of ${max}`);
    if (length < (options.min ?? 0)) throw new Invalid(`${shown(value)} is too short`);
    if (value.includes('\0')) throw new Invalid('it contains a null character');
    return value;
  };
}

export function orNull<T>(read: Read<T>): Read<T | null> {
  return value => (value === null ? null : read(value));
}

export const boolean: Read<boolean> = value => {
  if (typeof value === 'boolean') return value;
  const word = typeof value === 'string' ? value.toLowerCase() : value;
  if (word === 'true' || word === '1' || word === 1) return true;
  if (word === 'false' || word === '0' || word === 0) return false;
  throw new Invalid(`${shown(value)} cannot be converted to boolean`);
};

export function integer(min = -2_147_483_648, max = 2_147_483_647): Read<number> {
  return value => {
    const number =
      typeof value === 'number'
        ? value
        : typeof value === 'string' && /^-?\d{1,10}$/.test(value)
          ? Number(value)
          : Number.NaN;
    if (!Number.isInteger(number)) throw new Invalid(`${shown(value)} is not an integer`);
    if (number < min) throw new Invalid(`${shown(value)} is too small - must be at least '${min}'`);
    if (number > max) throw new Invalid(`${shown(value)} is too large - must be no larger than '${max}'`);
    return number;
  };
}

export function among<const T extends string>(...values: T[]): Read<T> {
  return value => {
    const found = values.find(one => one === value);
    if (found === undefined)
      throw new Invalid(`${shown(value)} is not in [${values.map(one => `'${one}'`).join(', ')}]`);
    return found;
  };
}

const uuidPattern = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
export const isUuid = (value: unknown): value is string => typeof value === 'string' && uuidPattern.test(value);

export const uuid: Read<string> = value => {
  if (!isUuid(value)) throw new Invalid(`${shown(value)} is not a valid UUID`);
  return value;
};

export const ipAddress: Read<string> = value => {
  if (!parseAddress(value)) throw new Invalid(`${shown(value)} is not a valid IP address`);
  return canonical(value as string);
};

/** A prefix with its length said. */
export const cidr: Read<string> = value => {
  const prefix = typeof value === 'string' && value.includes('/') ? parsePrefix(value) : undefined;
  if (!prefix) throw new Invalid(`${shown(value)} is not a valid IP subnet`);
  return showPrefix(prefix);
};

export function list<T>(read: Read<T>, options: { max?: number; unique?: boolean } = {}): Read<T[]> {
  return value => {
    if (!Array.isArray(value)) throw new Invalid(`${shown(value)} is not a list`);
    if (value.length > (options.max ?? 1_000))
      throw new Invalid(`the list has more than ${options.max ?? 1_000} items`);
    const items = value.map(read);
    if (options.unique && new Set(items.map(item => JSON.stringify(item))).size !== items.length)
      throw new Invalid(`Duplicate items in the list: ${shown(value)}`);
    return items;
  };
}

/** Null counts as the empty list. */
export function listOrNone<T>(read: Read<T[]>): Read<T[]> {
  return value => (value === null ? [] : read(value));
}

/** A map with these keys; those in `required` must be there. */
export function map<T>(keys: Record<string, Read<unknown>>, required: string[] = []): Read<T> {
  return value => {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw new Invalid(`${shown(value)} is not a dictionary`);
    const result: Record<string, unknown> = {};
    for (const [key, inner] of Object.entries(value)) {
      if (!Object.hasOwn(keys, key)) throw new Invalid(`Invalid data format: unexpected key ${shown(key)}`);
      result[key] = keys[key]!(inner);
    }
    for (const key of required) if (!Object.hasOwn(result, key)) throw new Invalid(`the key '${key}' is required`);
    return result as T;
  };
}

export const anyMap: Read<Record<string, unknown>> = value => {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new Invalid(`${shown(value)} is not a dictionary`);
  if (JSON.stringify(value).length > 4_095) throw new Invalid('it is longer than 4095 characters');
  return value as Record<string, unknown>;
};

/** Six octets, printed in lower case with colons; no group address and not all zero. */
export const macAddress: Read<string> = value => {
  const hex =
    typeof value === 'string' && /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(value)
      ? value.toLowerCase().replaceAll('-', ':')
      : '';
  if (!hex || hex === '00:00:00:00:00:00') throw new Invalid(`${shown(value)} is not a valid MAC address`);
  if (Number.parseInt(hex.slice(0, 2), 16) & 1) throw new Invalid(`${shown(value)} is a group address`);
  return hex;
};

export const fixedIps = list(
  map<{ subnet_id?: string; ip_address?: string }>({ subnet_id: uuid, ip_address: ipAddress }),
);
export const hostRoutes = listOrNone(
  list(
    map<{ destination: string; nexthop: string }>({ destination: cidr, nexthop: ipAddress }, [
      'destination',
      'nexthop',
    ]),
    { max: 30, unique: true },
  ),
);

const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;
/** A host's name in DNS, or empty. */
export const dnsName: Read<string> = value => {
  const name = text(255)(value);
  if (
    name !== '' &&
    !name
      .replace(/\.$/, '')
      .split('.')
      .every(part => label.test(part))
  )
    throw new Invalid(`${shown(value)} not a valid PQDN or FQDN`);
  return name.toLowerCase();
};
/** A domain in DNS with its final dot, or empty. */
export const dnsDomain: Read<string> = value => {
  const name = dnsName(value);
  if (name !== '' && !name.endsWith('.')) throw new Invalid(`${shown(value)} is not a FQDN: it must end with '.'`);
  return name;
};
export const tags = list(text(255), { max: 50 });
