// Lists as Neutron gives them: filters on attributes, chosen fields, order, pages with links.

import type { Values } from '#/services/network/attributes/attribute.ts';
import { wordOf } from '#/services/network/attributes/checks.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Query, RequestFacts } from '#/platform/http/endpoint.ts';
import { pageLimit, pageOf, sortKeys } from '#/platform/http/page.ts';
import { Problem } from '#/platform/problem/problem.ts';

/** A filter that is not simply "this attribute has one of these values". */
export type SpecialFilter = (view: Values, wanted: string[]) => boolean;

const control = new Set(['fields', 'sort_key', 'sort_dir', 'limit', 'marker', 'page_reverse']);

export const asList = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** The filters of a query: everything but what controls fields, order and pages. */
export function filtersOf(query: Query): [string, string[]][] {
  return Object.entries(query)
    .filter(([name]) => !control.has(name))
    .map(([name, value]) => [name === 'tenant_id' ? 'project_id' : name, asList(value)]);
}

/** Whether a view passes all filters. @throws Problem invalid for what cannot be filtered by */
export function makeFilter(
  filters: [string, string[]][],
  known: ReadonlySet<string>,
  special: Record<string, SpecialFilter>,
): (view: Values) => boolean {
  const unknown = filters
    .map(([name]) => name)
    .filter(name => !known.has(name) && !Object.hasOwn(special, name) && !Object.hasOwn(tagFilters, name));
  if (unknown.length) throw new Problem('invalid', t.unknownFilter, { names: unknown.map(name => name.slice(0, 80)) });
  const checks = filters.map(([name, wanted]) => {
    const own = special[name] ?? tagFilters[name];
    if (own) return (view: Values) => own(view, wanted);
    const values = new Set(wanted.map(one => one.toLowerCase()));
    const exact = new Set(wanted);
    return (view: Values) => {
      const value = view[name];
      if (typeof value === 'boolean') return values.has(String(value)) || values.has(value ? '1' : '0');
      if (Array.isArray(value)) return value.some(item => exact.has(String(item)));
      return (
        exact.has(value === null || value === undefined ? '' : wordOf(value)) ||
        (value === null && (exact.has('None') || exact.has('null')))
      );
    };
  });
  return view => checks.every(check => check(view));
}

const names = (wanted: string[]): string[] => wanted.flatMap(one => one.split(','));
const tagsOf = (view: Values): string[] => (view['tags'] as string[] | undefined) ?? [];

const tagFilters: Record<string, SpecialFilter> = {
  tags: (view, wanted) => names(wanted).every(tag => tagsOf(view).includes(tag)),
  'tags-any': (view, wanted) => names(wanted).some(tag => tagsOf(view).includes(tag)),
  'not-tags': (view, wanted) => !names(wanted).every(tag => tagsOf(view).includes(tag)),
  'not-tags-any': (view, wanted) => !names(wanted).some(tag => tagsOf(view).includes(tag)),
  changed_since: (view, wanted) =>
    wanted.every(since => wordOf(view['updated_at'] ?? '') >= since.replace(/(\.\d+)?Z?$/, 'Z')),
};

/** Only the fields that were asked for; all where none were. */
export function chooseFields(view: Values, fields: string[]): Values {
  if (!fields.length) return view;
  return Object.fromEntries(fields.filter(field => Object.hasOwn(view, field)).map(field => [field, view[field]]));
}

export interface Page {
  rows: Values[];
  links: { rel: string; href: string }[] | undefined;
}

/** Orders and cuts. Links are given when a limit was. */
export function page(views: Values[], query: Query, request: RequestFacts, sortable: string[]): Page {
  const keys = Object.fromEntries(sortable.map(name => [name, name]));
  const sort = sortKeys<Values>(ascending(query), keys, [{ key: 'id', direction: 'asc' }]);
  const [marker] = asList(query['marker']);
  const reverse = /^true$/i.test(asList(query['page_reverse'])[0] ?? '');
  const limited = query['limit'] !== undefined && query['limit'] !== '0';
  const limit = limited
    ? pageLimit(query['limit'], Number.MAX_SAFE_INTEGER, { zero: 'none' })
    : Number.MAX_SAFE_INTEGER;
  const { rows, more } = pageOf(views as (Values & { id: string })[], {
    sort,
    limit,
    reverse,
    ...(marker ? { marker } : {}),
  });
  if (!limited) return { rows, links: undefined };
  const links: { rel: string; href: string }[] = [];
  const first = rows[0]?.id;
  const last = rows.at(-1)?.id;
  if (last && (reverse ? marker : more)) links.push({ rel: 'next', href: link(request, last, false) });
  if (first && (reverse ? more : marker)) links.push({ rel: 'previous', href: link(request, first, true) });
  return { rows, links };
}

/** Without `sort_dir` Neutron sorts upwards. */
function ascending(query: Query): Query {
  const directions = asList(query['sort_dir']);
  return { ...query, sort_dir: asList(query['sort_key']).map((_, index) => directions[index] ?? 'asc') };
}

function link(request: RequestFacts, marker: string, reverse: boolean): string {
  const [path = '', search = ''] = request.url.split('?');
  const parameters = new URLSearchParams(search);
  parameters.set('marker', marker);
  if (reverse) parameters.set('page_reverse', 'True');
  else parameters.delete('page_reverse');
  return `${new URL(request.base).origin}${path}?${parameters.toString()}`;
}
