// Shapes of values that a schema cannot say.

import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export function isAddress(value: string): boolean {
  return isIP(value) !== 0;
}

/** A network, not an address in one: `10.0.0.0/24`. */
export function isCidr(value: string): boolean {
  const [address = '', prefix] = value.split('/');
  if (!isAddress(address) || prefix === undefined || !ipaddr.isValidCIDR(value)) return false;
  const family = isIP(address) === 4 ? ipaddr.IPv4 : ipaddr.IPv6;
  return family.networkAddressFromCIDR(value).toNormalizedString() === ipaddr.parse(address).toNormalizedString();
}

export function isHttpUrl(value: string): boolean {
  const url = URL.parse(value);
  return (
    url !== null &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.search === '' &&
    url.hash === '' &&
    url.username === ''
  );
}

/** `postgres://user:password@host:5432/name`. */
export function isDatabaseUrl(value: string): boolean {
  return /^postgres(ql)?:\/\/[^/]*\/[^?/]+(\?.*)?$/.test(value);
}

export function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'u').unicode;
  } catch {
    return false;
  }
}

/** What a machine of a cluster runs. */
export const machineRoles = ['api', 'worker', 'host'] as const;
/** What a host gives to the cloud. */
export const hostOffers = ['compute', 'network', 'storage'] as const;

export function isMachineRole(value: string): boolean {
  return (machineRoles as readonly string[]).includes(value);
}

export function isHostOffer(value: string): boolean {
  return (hostOffers as readonly string[]).includes(value);
}

/** A host's name as others know it: letters, digits, dots, hyphens and underscores. */
export function isHostName(value: string): boolean {
  return /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(value);
}

/** `https://10.0.0.11:8701`. */
export function isHttpsOrigin(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && url.protocol === 'https:' && url.origin === value;
}
