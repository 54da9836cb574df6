// What all of identity's answers have in common: links, lists, name filters, free-form attributes.

import type { Query, RequestFacts } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { as, integer, mapOf, any, nullable, open, optional, string, boolean, isTrue } from '#/platform/http/schema.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';

export type Wire = Record<string, unknown>;

/** `http://host/identity/v3/users/1`. */
export function selfLink(request: RequestFacts, path: string): string {
  return `${request.base}/v3/${path}`;
}

/** The links of a list; `next` where there is a page after it. */
export function listLinks(request: RequestFacts, next: string | null = null) {
  return { next, self: request.base.replace(/\/identity$/, '') + request.url, previous: null };
}

/** A list as it is answered: filtered by name patterns and cut to a page where the query says so. */
export function listOf(request: RequestFacts, query: Query, key: string, rows: Wire[], fields: string[] = ['name']) {
  let kept = rows.filter(row => fitsFilters(row, query, fields));
  const marker = one(query, 'marker');
  if (marker !== undefined) {
    const at = kept.findIndex(row => row['id'] === marker);
    if (at < 0) throw new Problem('notFound', t.notFound, { what: 'marker', id: marker.slice(0, 80) });
    kept = kept.slice(at + 1);
  }
  const limit = one(query, 'limit');
  let next: string | null = null;
  if (limit !== undefined && /^[1-9]\d{0,8}$/.test(limit) && kept.length > Number(limit)) {
    kept = kept.slice(0, Number(limit));
    const parameters = new URLSearchParams(request.url.split('?')[1]);
    parameters.set('marker', String(kept.at(-1)?.['id']));
    next = `${request.base.replace(/\/identity$/, '')}${request.url.split('?', 1)[0]!}?${parameters.toString()}`;
  }
  return { [key]: kept, links: listLinks(request, next) };
}

const comparators: Record<string, (value: string, wanted: string) => boolean> = {
  '': (value, wanted) => value === wanted,
  contains: (value, wanted) => value.includes(wanted),
  icontains: (value, wanted) => value.toLowerCase().includes(wanted.toLowerCase()),
  startswith: (value, wanted) => value.startsWith(wanted),
  istartswith: (value, wanted) => value.toLowerCase().startsWith(wanted.toLowerCase()),
  endswith: (value, wanted) => value.endsWith(wanted),
  iendswith: (value, wanted) => value.toLowerCase().endsWith(wanted.toLowerCase()),
};

/** `name=x`, `name__contains=x` and friends, `enabled=true`; other parameters are not filters. */
function fitsFilters(row: Wire, query: Query, fields: string[]): boolean {
  for (const parameter of Object.keys(query)) {
    const cut = parameter.indexOf('__');
    const field = cut < 0 ? parameter : parameter.slice(0, cut);
    if (!fields.includes(field)) continue;
    const comparator = cut < 0 ? '' : parameter.slice(cut + 2);
    const compare = Object.hasOwn(comparators, comparator) ? comparators[comparator] : undefined;
    const wanted = one(query, parameter);
    if (!compare || wanted === undefined) continue;
    const value = row[field];
    if (typeof value === 'boolean') {
      if (value !== flag(wanted)) return false;
    } else if (!compare(typeof value === 'string' ? value : '', wanted)) return false;
  }
  return true;
}

/** One value of a query parameter, the last where it was repeated. */
export function one(query: Query, name: string): string | undefined {
  const value = query[name];
  return Array.isArray(value) ? value.at(-1) : value;
}

/** A parameter that is a flag: present without a value means yes. */
export function flagOf(query: Query, name: string): boolean {
  const value = one(query, name);
  return value !== undefined && flag(value);
}

function flag(value: string): boolean {
  return value === '' || isTrue(value) || !['0', 'false', 'off', 'no', 'f', 'n'].includes(value.toLowerCase());
}

/** What a body holds beyond the attributes that we know. */
export function extraOf(body: Wire, known: readonly string[]): Wire {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !known.includes(name)));
}

/** Stored JSON, read back. */
export function json(text: string): Wire {
  return JSON.parse(text) as Wire;
}

/** A stored list of ids or tags, read back. */
export function listIn(text: string): string[] {
  return JSON.parse(text) as string[];
}

/** Options as they are after a change: null takes one away. */
export function mergedOptions(before: string, change: Wire | undefined): string {
  const merged = { ...json(before), ...change };
  return JSON.stringify(Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)));
}

/** @throws Problem forbidden when the resource is immutable and stays so */
export function checkMutable(what: string, row: { id: string; options: string }, change?: Wire): void {
  if (json(row.options)['immutable'] !== true) return;
  const options = change?.['options'] as Wire | undefined;
  const unlocks =
    options && 'immutable' in options && options['immutable'] !== true && Object.keys(change!).length === 1;
  if (!unlocks) throw new Problem('forbidden', t.immutable, { what, id: row.id });
}

/** @throws Problem invalid when an update names another id than its URL */
export function checkSameId(body: Wire, id: string): void {
  if (body['id'] !== undefined && body['id'] !== id) throw new Problem('invalid', t.idMismatch);
}

/** @throws Problem notFound */
export function notFound(what: string, id: unknown): Problem {
  return new Problem('notFound', t.notFound, { what, id: String(id).slice(0, 80) });
}

/** `2026-01-31T12:00:00.000000` → as Keystone prints it. */
export function printed(time: string | null): string | null {
  return time === null ? null : `${time}Z`;
}

/** For calls that take filters: any parameter, read one by one. */
export const anyQuery = as<Query>(mapOf(any()));

const pattern = '[\\S]+';
export const schemas = {
  name: () => string({ min: 1, max: 255, pattern }),
  shortName: () => string({ min: 1, max: 64, pattern }),
  id: () => string({ min: 1, max: 64, pattern: '^[a-zA-Z0-9-]+$' }),
  description: () => optional(nullable(string())),
  enabled: () => optional(boolean()),
  options: () => optional(open({ immutable: optional(nullable(boolean())) })),
  links: () => open({}),
  list: <K extends string>(key: K) =>
    as<Record<K, Wire[]>>(
      open({
        [key]: as(any()),
        links: open({ self: string(), next: nullable(string()), previous: nullable(string()) }),
      }),
    ),
  wrapped: (key: string) => open({ [key]: mapOf(any()) }),
  limit: () => integer({ min: -1, max: 0x7fffffff }),
};
