// OAuth 1.0 requests (RFC 5849): what their Authorization header says, and whether its signature is made with these secrets.

import { createHmac } from 'node:crypto';
import { escaped, same } from '#/services/identity/credentials/signature.rules.ts';

export type OAuthParameters = Record<string, string>;

/** The parameters of an `Authorization: OAuth …` header; null for any other. */
export function readOAuthHeader(header: string | undefined): OAuthParameters | null {
  const match = /^OAuth\s+(.{1,8192})$/is.exec(header ?? '');
  if (!match) return null;
  const found: OAuthParameters = {};
  for (const part of match[1]!.split(',')) {
    const pair = /^\s*([\w.~%-]+)="([^"]*)"\s*$/.exec(part);
    if (!pair) return null;
    const [name, value] = [unescaped(pair[1]!), unescaped(pair[2]!)];
    if (name === null || value === null || Object.hasOwn(found, name)) return null;
    found[name] = value;
  }
  return found;
}

/** @param urls those by which the client may have known the call, query included */
export function oauthFits(
  parameters: OAuthParameters,
  { method, urls }: { method: string; urls: readonly string[] },
  { consumerSecret, tokenSecret = '' }: { consumerSecret: string; tokenSecret?: string },
): boolean {
  const signature = parameters['oauth_signature'] ?? '';
  const key = `${escaped(consumerSecret)}&${escaped(tokenSecret)}`;
  const hash = { 'HMAC-SHA1': 'sha1', 'HMAC-SHA256': 'sha256' }[parameters['oauth_signature_method'] ?? ''];
  if (!hash) return false;
  return urls.some(url => {
    const base = baseString(parameters, method, url);
    return base !== null && same(createHmac(hash, key).update(base).digest('base64'), signature);
  });
}

function baseString(parameters: OAuthParameters, method: string, url: string): string | null {
  if (!URL.canParse(url)) return null;
  const { origin, pathname, searchParams } = new URL(url);
  const signed = Object.entries(parameters).filter(([name]) => name !== 'oauth_signature' && name !== 'realm');
  const pairs = [...signed, ...searchParams.entries()].map(([name, value]) => [escaped(name), escaped(value)] as const);
  pairs.sort((a, b) => (a[0] === b[0] ? compare(a[1], b[1]) : compare(a[0], b[0])));
  const normal = pairs.map(([name, value]) => `${name}=${value}`).join('&');
  return [method.toUpperCase(), escaped(`${origin}${pathname}`), escaped(normal)].join('&');
}

function unescaped(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
