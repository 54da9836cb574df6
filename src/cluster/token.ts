// What `haneul invite` prints and `haneul join` is given: where the cluster is, which authority is the right one, and a
// secret that lets one machine in.

import { isAddress } from '#/platform/config/formats.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { clusterTexts as t } from './texts.ts';

export interface JoinToken {
  /** `https://10.0.0.11:8701`. */
  server: string;
  /** SHA-256 of the authority's certificate, hex. */
  authority: string;
  secret: string;
}

export function writeToken({ server, authority, secret }: JoinToken): string {
  return Buffer.from(`1 ${server} ${authority} ${secret}`).toString('base64url');
}

/** @throws Problem invalid */
export function readToken(text: string): JoinToken {
  const [, server = '', authority = '', secret = ''] =
    /^1 (https:\/\/\S{1,80}) ([0-9a-f]{64}) ([\w-]{43})$/.exec(Buffer.from(text.trim(), 'base64url').toString()) ?? [];
  const url = URL.parse(server);
  if (!url || url.origin !== server || !isAddress(url.hostname.replace(/^\[|\]$/g, '')))
    throw new Problem('invalid', t.badToken);
  return { server, authority, secret };
}
