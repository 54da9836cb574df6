// A group as clients see it.

import type { RequestFacts } from '#/platform/http/endpoint.ts';
import type { GroupRow } from '#/services/identity/tables.ts';
import { json, selfLink, type Wire } from '#/services/identity/wire.ts';

export const groupAttributes = ['id', 'name', 'domain_id', 'description', 'links'] as const;

export function viewGroup(row: GroupRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domainId,
    description: row.description,
    links: { self: selfLink(request, `groups/${row.id}`) },
  };
}
