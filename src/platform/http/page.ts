// Lists: marker, limit, sort order, and the link to the next page.

import type { RequestFacts } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts as t } from '#/platform/text/texts.ts';

/** The largest page that any list gives. */
export const maxPage = 1000;

export interface SortKey<R> {
  key: keyof R & string;
  direction: 'asc' | 'desc';
}

/** Reads `limit`. Absent: `fallback`; larger than the maximum: the maximum. @throws Problem invalid unless a non-negative integer */
export function pageLimit(
  value: string | string[] | undefined,
  fallback = maxPage,
  options: { zero?: 'empty' | 'none' | 'refuse' } = {},
): number {
  const text = Array.isArray(value) ? value[0] : value;
  if (text === undefined || text === '') return fallback;
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(limit) || (limit === 0 && options.zero === 'refuse'))
    throw new Problem('invalid', t.invalidQuery, { where: 'limit', why: `'${text.slice(0, 40)}' is not a page size` });
  if (limit === 0 && options.zero === 'none') return fallback;
  return Math.min(limit, maxPage);
}

/**
 * A page of rows that are already filtered, in memory: sorted, from after the marker on.
 * @param rows each with an `id` @throws Problem invalid when the marker is not among them
 */
export function pageOf<R extends { id: string }>(
  rows: R[],
  options: { sort: SortKey<R>[]; marker?: string; limit: number; reverse?: boolean; markerKey?: keyof R },
): { rows: R[]; more: boolean } {
  const sorted = rows.toSorted((a, b) => {
    for (const { key, direction } of options.sort) {
      const order = compare(a[key], b[key]);
      if (order) return direction === 'asc' ? order : -order;
    }
    return compare(a.id, b.id);
  });
  if (options.reverse) sorted.reverse();
  let from = 0;
  if (options.marker !== undefined) {
    from = sorted.findIndex(row => row[options.markerKey ?? 'id'] === options.marker) + 1;
    if (from === 0) throw new Problem('invalid', t.invalidMarker, { marker: options.marker.slice(0, 80) });
  }
  const page = sorted.slice(from, from + options.limit);
  if (options.reverse) page.reverse();
  return { rows: page, more: from + options.limit < sorted.length };
}

/**
 * Reads `sort_key` and `sort_dir` (or Cinder's and Glance's `sort=a:asc,b`). @param keys wire name → field
 * @throws Problem invalid for a key that is not among them
 */
export function sortKeys<R>(
  query: Record<string, unknown>,
  keys: Record<string, keyof R & string>,
  fallback: SortKey<R>[],
): SortKey<R>[] {
  const asked: [string, string][] = [];
  if (typeof query['sort'] === 'string')
    for (const part of query['sort'].split(','))
      asked.push((part.split(':') as [string, string?]).concat('').slice(0, 2) as [string, string]);
  const names = list(query['sort_key']);
  const directions = list(query['sort_dir']);
  names.forEach((name, at) => asked.push([name, directions[at] ?? directions[0] ?? '']));
  if (!asked.length)
    return directions[0]
      ? fallback.map(sort => ({ ...sort, direction: direction(directions[0]!, sort.direction) }))
      : fallback;
  return asked.map(([name, dir]) => {
    const key = Object.hasOwn(keys, name) ? keys[name] : undefined;
    if (!key) throw new Problem('invalid', t.unknownSortKey, { key: name.slice(0, 80), keys: Object.keys(keys) });
    return { key, direction: direction(dir, 'desc') };
  });
}

function direction(text: string, fallback: 'asc' | 'desc'): 'asc' | 'desc' {
  if (text === '') return fallback;
  if (text === 'asc' || text === 'desc') return text;
  throw new Problem('invalid', t.invalidQuery, {
    where: 'sort_dir',
    why: `'${text.slice(0, 40)}' is neither asc nor desc`,
  });
}

/** The link to the page after `marker`: the same request with another marker. */
export function nextLink(request: RequestFacts, marker: string, changes: Record<string, string | null> = {}): string {
  const [path = '', query = ''] = request.url.split('?');
  const parameters = new URLSearchParams(query);
  parameters.set('marker', marker);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) parameters.delete(name);
    else parameters.set(name, value);
  }
  return `${new URL(request.base).origin}${path}?${parameters.toString()}`;
}

function list(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return typeof value === 'string' ? [value] : [];
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return a < b ? -1 : 1;
}
