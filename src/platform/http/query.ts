// The query part of a URL: parsed within limits, checked by the endpoint's schema.

import type { Endpoint, Query } from '#/platform/http/endpoint.ts';
import { parse } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts as t } from '#/platform/text/texts.ts';

/** @throws Problem invalid when it does not fit the endpoint's schema */
export function checkQuery(endpoint: Endpoint, query: Query): Query {
  return endpoint.query ? (parse(endpoint.query, query, t.invalidQuery) as Query) : query;
}

export const emptyQuery: Query = Object.freeze(Object.create(null) as Query);

/** Names that come twice become lists. @throws Problem invalid over 1,000 parameters */
export function parseQuery(text: string): Query {
  const query: Query = Object.create(null) as Query;
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > 1_000)
      throw new Problem('invalid', t.invalidQuery, { where: 'query', why: 'there are more than 1,000 parameters' });
    const before = query[name];
    query[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return query;
}
