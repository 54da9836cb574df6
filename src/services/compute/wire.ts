// Schemas and forms that many of compute's calls share: names, loose numbers, links, times.

import ipaddr from 'ipaddr.js';
import type { Query, RequestFacts } from '#/platform/http/endpoint.ts';
import { as, either, integer, isTrue, mapOf, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';

/** Printable, with no white space at either end. */
export const name = (max = 255) => string({ min: 1, max, pattern: '^(?![\\s])[^\\u0000-\\u001f\\u007f]*(?<![\\s])$' });
export const uuid = () =>
  string({ pattern: '^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$' });
export const metadata = () => mapOf(string({ max: 255 }), { key: '^[a-zA-Z0-9\\-_:. ]{1,255}$' });
export const extraSpecs = () =>
  mapOf(as<string | number>({ anyOf: [{ type: 'string', maxLength: 255 }, { type: 'number' }] }), {
    key: '^[a-zA-Z0-9\\-_:. ]{1,255}$',
  });
/** A number, or its digits in a text, as Nova takes them. */
export const looseInteger = (options: { min?: number; max?: number } = {}) =>
  either(integer(options), string({ pattern: '^-?[0-9]{1,12}$' }));

/** Reads a loose integer. @throws Problem invalid outside the limits, which a text's schema cannot say */
export function toInteger(value: string | number, where: string, min: number, max = 2_147_483_647): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < min || number > max)
    throw new Problem('invalid', platformTexts.invalidBody, {
      where,
      why: `${String(value)} is not between ${min} and ${max}`,
    });
  return number;
}

export interface Link {
  rel: string;
  href: string;
}

/** The links of a resource: its own URL, and the one without a version. */
export function linksTo(request: Pick<RequestFacts, 'base'>, path: string): Link[] {
  return [
    { rel: 'self', href: `${request.base}/v2.1/${path}` },
    { rel: 'bookmark', href: `${request.base}/${path}` },
  ];
}

/** A stored time as Nova prints most of them: `2026-01-31T12:00:00Z`. */
export function seconds(at: string): string;
export function seconds(at: string | null): string | null;
export function seconds(at: string | null): string | null {
  return at === null ? null : `${at.slice(0, 19)}Z`;
}

/** The last value of a query parameter that may come more than once. */
export function one(query: Query, key: string): string | undefined {
  const value = query[key];
  return Array.isArray(value) ? value.at(-1) : value;
}

/** Whether a query parameter is on; absent is off. `?all_tenants` without a value is on. @throws Problem invalid */
export function flag(query: Query, key: string): boolean {
  const value = one(query, key);
  if (value === undefined) return false;
  if (value === '') return true;
  if (!/^(true|false|1|0|yes|no|on|off|t|f|y|n)$/i.test(value))
    throw new Problem('invalid', platformTexts.invalidQuery, {
      where: key,
      why: `'${value.slice(0, 40)}' is neither true nor false`,
    });
  return isTrue(value);
}

/** A time in a query, to the stored form. @throws Problem invalid */
export function queryTime(query: Query, key: string): string | undefined {
  const text = one(query, key);
  if (text === undefined) return undefined;
  const iso = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?([zZ]|[+-]\d{2}:?\d{2})?$/.test(text);
  const ms = !iso ? Number.NaN : Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
  if (Number.isNaN(ms))
    throw new Problem('invalid', platformTexts.invalidQuery, {
      where: key,
      why: `'${text.slice(0, 40)}' is not a time`,
    });
  return `${new Date(ms).toISOString().slice(0, -1)}000`;
}

/** An address in its one canonical form (RFC 5952), null for none. @throws Problem invalid */
export function canonicalIp(text: string | undefined, where: string): string | null {
  if (text === undefined || text === '') return null;
  if (!ipaddr.isValid(text))
    throw new Problem('invalid', platformTexts.invalidBody, { where, why: `'${text}' is not an address` });
  return ipaddr.parse(text).toString();
}

/** A problem of another kind with the same sentence: what is 404 by itself is 400 inside a larger request. */
export async function asInvalid<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.kind === 'notFound')
      throw new Problem('invalid', thrown.text, thrown.facts);
    throw thrown;
  }
}
