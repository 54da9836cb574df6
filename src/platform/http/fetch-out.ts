// Every request that this program makes because a user or an administrator said so goes through here. It reaches public
// addresses only, unless the operator has named others; resolves a name once and connects to what it checked; looks again
// at each redirect; carries no credentials of ours; and is bounded in size and time.

import { lookup } from 'node:dns/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';

export const fetchTexts = texts('fetch', {
  refused: {
    en: 'The address of {url} is not one that this cloud may fetch from; its operator can allow it (outgoing_allowed_networks).',
    ko: '{url}의 주소는 이 클라우드가 접속할 수 없는 주소입니다. 운영자가 outgoing_allowed_networks로 허용할 수 있습니다.',
  },
  badUrl: { en: '{url} is not a URL that can be fetched.', ko: '{url}은(는) 가져올 수 있는 URL이 아닙니다.' },
  failed: { en: '{url} could not be fetched: {why}.', ko: '{url}을(를) 가져오지 못했습니다: {why}.' },
});

export interface FetchOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Of the whole answer, redirects included; 10,000 by default. */
  timeoutMs?: number;
  /** Of the answer's body; 1 MiB by default. */
  limitBytes?: number;
  /** How many redirects are followed, for GET and HEAD; 3 by default, which is also the most. */
  redirects?: number;
}

/** @throws Problem invalid for a URL or address that is refused, unavailable when there is no whole answer in time */
export type FetchOut = (url: string, options?: FetchOptions) => Promise<Response>;

export interface FetchOutNeeds {
  clock: Clock;
  /** Networks (CIDR) that may be reached although they are private, or this machine. */
  allowed?: readonly string[];
  /** Name → addresses; the system's by default. */
  resolve?(host: string): Promise<string[]>;
}

const neverPublic = [
  ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ['224.0.0.0/4', '240.0.0.0/4', '::/127', '::ffff:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64'],
  ['2001::/32', '2001:db8::/32', '2002::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
].flat();

export function createFetchOut({ clock, allowed = [], resolve = addressesOf }: FetchOutNeeds): FetchOut {
  const refused = blockList(neverPublic);
  const exceptions = blockList(allowed);
  const mayReach = (address: string): boolean => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return exceptions.check(address, family) || (!refused.check(address, family) && !isOwn(address));
  };

  /** The address to connect to: every one that the name has must be fine, or it could be tried until a bad one comes. */
  async function addressFor(url: URL): Promise<string> {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    let addresses: string[];
    try {
      addresses = isIP(host) ? [host] : await resolve(host);
    } catch (cause) {
      throw new Problem('unavailable', fetchTexts.failed, { url: shown(url), why: 'no such host' }, { cause });
    }
    const [first] = addresses;
    if (first === undefined || !addresses.every(mayReach))
      throw new Problem('invalid', fetchTexts.refused, { url: shown(url) });
    return first;
  }

  return async (text, options = {}) => {
    const { timeoutMs = 10_000, redirects = 3 } = options;
    const deadline = clock.monotonic() + timeoutMs;
    let url = checkedUrl(text);
    let { headers = {} } = options;
    for (let left = Math.min(redirects, 3); ; left--) {
      const address = await addressFor(url);
      const answer = await exchange(url, address, { ...options, headers }, clock, deadline - clock.monotonic());
      const location = answer.headers.get('location');
      const follows = answer.status >= 300 && answer.status < 400 && location !== null && left > 0;
      if (!follows || !['GET', 'HEAD'].includes(options.method ?? 'GET')) return answer;
      const next = checkedUrl(URL.parse(location, url.href)?.href ?? location);
      if (next.origin !== url.origin) headers = withoutCredentials(headers);
      url = next;
    }
  };
}

function checkedUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '')
    throw new Problem('invalid', fetchTexts.badUrl, { url: url ? shown(url) : text.slice(0, 100) });
  return url;
}

/** Without what may be a secret. */
function shown(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 200);
}

function withoutCredentials(headers: Record<string, string>): Record<string, string> {
  const secret = ['authorization', 'cookie', 'x-auth-token'];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !secret.includes(name.toLowerCase())));
}

function exchange(
  url: URL,
  address: string,
  options: FetchOptions,
  clock: Clock,
  timeoutMs: number,
): Promise<Response> {
  const { method = 'GET', headers = {}, body, limitBytes = 1 << 20 } = options;
  const family = isIP(address);
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void => {
      timer.cancel();
      asked.destroy();
      reject(new Problem('unavailable', fetchTexts.failed, { url: shown(url), why }, { cause }));
    };
    const asked = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
      agent: false,
      lookup: (_host, { all }, answer) => (all ? answer(null, [{ address, family }]) : answer(null, address, family)),
    });
    const timer = clock.after(Math.max(1, timeoutMs), () => fail('no answer in time'));
    asked.on('error', error => fail(error.message, error));
    asked.on('response', answer => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > limitBytes) return fail(`the answer is larger than ${limitBytes} bytes`);
        chunks.push(chunk);
      });
      answer.on('error', error => fail(error.message, error));
      answer.on('end', () => {
        timer.cancel();
        const status = answer.statusCode ?? 502;
        if (status < 200 || status > 599) return fail(`status ${status}`);
        const bare = [204, 205, 304].includes(status) || method === 'HEAD';
        resolve(new Response(bare ? null : Buffer.concat(chunks), { status, headers: headersOf(answer.rawHeaders) }));
      });
    });
    asked.end(body);
  });
}

function headersOf(raw: string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < raw.length; at += 2) headers.append(raw[at]!, raw[at + 1]!);
  return headers;
}

async function addressesOf(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);
}

function isOwn(address: string): boolean {
  return Object.values(networkInterfaces()).some(list => list?.some(own => own.address === address));
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
