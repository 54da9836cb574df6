// What the lists of block storage have in common: filters, order, pages, links.

import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Query, RequestFacts } from '#/platform/http/endpoint.ts';
import { maxPage, nextLink, pageLimit, type SortKey, sortKeys } from '#/platform/http/page.ts';
import { any, as, isTrue, mapOf, string, type TSchema } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';

export const anyQuery = as<Query>(mapOf(any()));
export const reader = '(role:admin) or (role:reader and project_id:%(project_id)s)';
export const member = '(role:admin) or (role:member and project_id:%(project_id)s)';
export const admin = 'role:admin';
/** Names and descriptions. */
export const label = string({ max: 255 });
export const metadataSchema: TSchema = mapOf(string({ max: 255 }), { key: '^.{1,255}$' });
export const wire = mapOf(any());

export function first(query: Query, name: string): string | undefined {
  const value = query[name];
  return Array.isArray(value) ? value[0] : value;
}

/** `/volumes/` is a volume without an id, not the list. @throws Problem notFound */
export function checkNamed({ url }: RequestFacts): void {
  if (url.split('?')[0]!.endsWith('/')) throw new Problem('notFound', t.notFound, { id: '' });
}

/** Our own rule: may read what volumes, snapshots and quotas every project has. */
const allRule = 'haneul:volumes:all_projects';
export const readingRules = { [allRule]: admin };

export function readsAll(caller: Caller, policy: Policy): boolean {
  return policy.allows(allRule, caller.credentials, { project_id: caller.projectId });
}

/** Whose rows a list shows: null for all, which those ask for who may. */
export function listedProject(query: Query, caller: Caller, policy: Policy): string | null {
  const all = first(query, 'all_tenants') ?? first(query, 'all_projects');
  if (all === undefined || !isTrue(all) || !readsAll(caller, policy)) return caller.projectId ?? '';
  return first(query, 'project_id') ?? null;
}

/** A page of rows and the link to the next. @throws Problem invalid, notFound for an unknown marker */
export function onePage<R extends { id: string }>(
  rows: R[],
  query: Query,
  request: RequestFacts,
  options: { keys: Record<string, keyof R & string>; fallback: SortKey<R>[]; noMarker(id: string): Problem },
): { rows: R[]; links: { rel: string; href: string }[] } {
  const sort = sortKeys<R>(query, options.keys, options.fallback);
  const limit = pageLimit(query['limit'], maxPage);
  const offset = first(query, 'offset') ?? '0';
  if (!/^\d{1,9}$/.test(offset))
    throw new Problem('invalid', t.invalidInput, { name: 'offset', why: 'it must be a number of rows' });
  const sorted = rows.toSorted((a, b) => {
    for (const { key, direction } of sort) {
      const order = compare(a[key], b[key]);
      if (order) return direction === 'asc' ? order : -order;
    }
    return sort[0]?.direction === 'asc' ? compare(a.id, b.id) : compare(b.id, a.id);
  });
  const marker = first(query, 'marker');
  const at = marker === undefined ? 0 : sorted.findIndex(row => row.id === marker) + 1;
  if (marker !== undefined && at === 0) throw options.noMarker(marker);
  const from = at + Number(offset);
  const page = sorted.slice(from, from + limit);
  const last = page.at(-1);
  // As clients expect it: a full page has a link, even when nothing comes after it.
  const more = last !== undefined && page.length === limit;
  return { rows: page, links: more ? [{ rel: 'next', href: nextLink(request, last.id, { offset: null }) }] : [] };
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return (a as string) < (b as string) ? -1 : 1;
}

/** `{'a': 'b'}`, as Python or JSON writes it. @throws Problem invalid */
export function readMap(name: string, text: string): Record<string, string> {
  try {
    const value: unknown = JSON.parse(
      text.replaceAll(/u?'((?:[^'\\]|\\.)*)'/g, (_, inner: string) => JSON.stringify(inner)),
    );
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, String(one)]));
  } catch {
    // Said below.
  }
  throw new Problem('invalid', t.invalidInput, { name, why: 'it must be a map of texts' });
}

/** Whether every item of `wanted` is in the JSON map. */
export function hasItems(json: string, wanted: Record<string, string>): boolean {
  const own = JSON.parse(json) as Record<string, string>;
  return Object.entries(wanted).every(([key, value]) => own[key] === value);
}

/** A comparison of 3.60: `gt:2026-01-31T12:00:00`. @throws Problem invalid */
export function timeTest(name: string, text: string): (at: string | null) => boolean {
  const tests = text.split(',').map(part => {
    const cut = /^(gte|gt|lte|lt|eq|neq):(.*)$/.exec(part.trim());
    const [operator, value] = cut ? [cut[1]!, cut[2]!] : ['eq', part.trim()];
    const wanted = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
    if (Number.isNaN(wanted)) throw new Problem('invalid', t.invalidInput, { name, why: 'it must be a time' });
    return (at: number): boolean => {
      if (operator === 'gte') return at >= wanted;
      if (operator === 'gt') return at > wanted;
      if (operator === 'lte') return at <= wanted;
      if (operator === 'lt') return at < wanted;
      return (at === wanted) === (operator === 'eq');
    };
  });
  return at => at !== null && tests.every(test => test(Date.parse(`${at.slice(0, 23)}Z`)));
}

/** A size as clients send it: a number or its digits. @throws Problem invalid unless a positive integer */
export function readSize(name: string, value: unknown): number {
  const size = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof size === 'number' && Number.isInteger(size) && size > 0 && size < 2 ** 31) return size;
  throw new Problem('invalid', t.invalidInput, {
    name,
    why: `it must be a positive number of GiB, not ${JSON.stringify(value)?.slice(0, 40)}`,
  });
}
