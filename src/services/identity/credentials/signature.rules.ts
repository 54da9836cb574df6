// AWS request signatures, versions 0, 1, 2 and 4 for EC2's dialect, 2 and 4 for S3's: is it made with this secret, and when.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A request as its receiver describes it, to have its signature checked. */
export interface Ec2Request {
  signature: string;
  params: Record<string, string>;
  headers?: Record<string, string>;
  host?: string;
  verb?: string;
  path?: string;
  body_hash?: string;
}

export interface S3Request {
  signature: string;
  /** The text that was signed, base64. */
  token: string;
}

/** How old a signature may be, and how far ahead its maker's clock. */
const maxSkewMs = 15 * 60_000;
const awsTime = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

export function ec2Fits(ask: Ec2Request, secret: string): boolean {
  return ec2Signatures(ask, secret).some(signature => same(signature, ask.signature));
}

/** When it was signed, or until when it holds, is near enough; unsigned times are not looked at. */
export function ec2IsFresh(ask: Ec2Request, now: number): boolean {
  const { params } = ask;
  const expires = params['Expires'];
  if (expires !== undefined) return timeOf(expires) > now;
  const at = timeOf(
    params['Timestamp'] ?? params['X-Amz-Date'] ?? headerOf(ask, 'x-amz-date') ?? headerOf(ask, 'date') ?? '',
  );
  return Math.abs(at - now) <= maxSkewMs;
}

export function s3Fits({ token, signature }: S3Request, secret: string): boolean {
  const text = Buffer.from(token, 'base64url');
  const [algorithm, , scope = ''] = text.toString('utf8').split('\n');
  if (algorithm !== 'AWS4-HMAC-SHA256')
    return same(createHmac('sha1', secret).update(text).digest('base64'), signature);
  const key = scopeKey(scope, secret);
  return key !== null && same(createHmac('sha256', key).update(text).digest('hex'), signature);
}

export function s3IsFresh({ token }: S3Request, now: number): boolean {
  const lines = Buffer.from(token, 'base64url').toString('utf8').split('\n');
  if (lines[0] === 'AWS4-HMAC-SHA256') return Math.abs(timeOf(lines[1] ?? '') - now) <= maxSkewMs;
  const amzDate = lines.find(line => /^x-amz-date:/i.test(line))?.slice('x-amz-date:'.length);
  const date = (amzDate ?? lines[3] ?? '').trim();
  // A link says until when it holds instead.
  if (/^\d{1,12}$/.test(date)) return Number(date) * 1000 > now;
  return Math.abs(timeOf(date) - now) <= maxSkewMs;
}

function ec2Signatures(ask: Ec2Request, secret: string): string[] {
  const { params } = ask;
  const authorization = headerOf(ask, 'authorization') ?? '';
  if (params['X-Amz-Algorithm'] !== undefined || authorization.startsWith('AWS4-HMAC-SHA256')) {
    const signature = versionFour(ask, secret, authorization);
    return signature === null ? [] : [signature];
  }
  const { Signature: _, ...signed } = params;
  const names = Object.keys(signed);
  const sha1 = (text: string): string => createHmac('sha1', secret).update(text).digest('base64');
  switch (params['SignatureVersion']) {
    case '0':
      return [sha1(`${params['Action'] ?? ''}${params['Timestamp'] ?? ''}`)];
    case '1':
      names.sort((a, b) => compare(a.toLowerCase(), b.toLowerCase()));
      return [sha1(names.map(name => `${name}${signed[name]}`).join(''))];
    case '2': {
      const query = queryOf(signed);
      const hash = params['SignatureMethod'] === 'HmacSHA1' ? 'sha1' : 'sha256';
      const host = ask.host ?? '';
      // Some clients leave the port out of what they sign.
      return [...new Set([host, host.replace(/:\d+$/, '')])].map(each =>
        createHmac(hash, secret)
          .update(`${ask.verb ?? ''}\n${each}\n${ask.path ?? ''}\n${query}`)
          .digest('base64'),
      );
    }
    default:
      return [];
  }
}

function versionFour(ask: Ec2Request, secret: string, authorization: string): string | null {
  const { params } = ask;
  const given = new Map(
    authorization
      .slice('AWS4-HMAC-SHA256'.length)
      .split(',')
      .map(part => part.trim().split('=', 2) as [string, string?])
      .map(([name, value]) => [name, value ?? '']),
  );
  const scope = (params['X-Amz-Credential'] ?? given.get('Credential') ?? '').split('/').slice(1).join('/');
  const signedHeaders = (params['X-Amz-SignedHeaders'] ?? given.get('SignedHeaders') ?? '').toLowerCase();
  const at = params['X-Amz-Date'] ?? headerOf(ask, 'x-amz-date') ?? '';
  const key = scopeKey(scope, secret);
  // The day of the scope is the day of the signature.
  if (key === null || !at.startsWith(scope.split('/')[0]!)) return null;
  const { 'X-Amz-Signature': _, ...signed } = params;
  const inForm = ask.verb === 'POST' && params['X-Amz-Algorithm'] === undefined;
  const headers = signedHeaders
    .split(';')
    .map(
      name =>
        `${name}:${(name === 'host' ? (headerOf(ask, 'host') ?? ask.host) : headerOf(ask, name))?.trim() ?? ''}\n`,
    );
  const canonical = [
    ask.verb ?? '',
    ask.path ?? '',
    inForm ? '' : queryOf(signed),
    headers.join(''),
    signedHeaders,
    ask.body_hash ?? '',
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', at, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  return createHmac('sha256', key).update(text).digest('hex');
}

/** The key for `20260131/RegionOne/s3/aws4_request`; null for any other form. */
function scopeKey(scope: string, secret: string): Buffer | null {
  const parts = scope.split('/');
  if (parts.length !== 4 || parts[3] !== 'aws4_request' || !/^\d{8}$/.test(parts[0]!)) return null;
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of parts) key = createHmac('sha256', key).update(part).digest();
  return key;
}

function queryOf(params: Record<string, string>): string {
  return Object.keys(params)
    .sort(compare)
    .map(name => `${escaped(name)}=${escaped(params[name]!)}`)
    .join('&');
}

/** Percent-encoding of RFC 3986: what `encodeURIComponent` leaves is escaped too. */
export function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, sign => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function headerOf({ headers = {} }: Ec2Request, name: string): string | undefined {
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}

/** Milliseconds since 1970; NaN, which no comparison lets pass, for what is no time. */
function timeOf(text: string): number {
  const parts = awsTime.exec(text);
  if (parts) return Date.parse(`${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}Z`);
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$/.test(text)) return Date.parse(`${text}Z`);
  return Date.parse(text);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** In constant time. */
export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
