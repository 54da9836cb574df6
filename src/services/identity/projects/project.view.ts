// Projects and domains as clients see them.

import type { RequestFacts } from '#/platform/http/endpoint.ts';
import type { ProjectRow } from '#/services/identity/tables.ts';
import { json, listIn, selfLink, type Wire } from '#/services/identity/wire.ts';

export const projectAttributes = [
  'id',
  'name',
  'domain_id',
  'parent_id',
  'is_domain',
  'enabled',
  'description',
  'tags',
  'options',
  'links',
] as const;

export function viewProject(row: ProjectRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domainId,
    description: row.description,
    enabled: row.enabled === 1,
    parent_id: row.parentId,
    is_domain: row.isDomain === 1,
    tags: listIn(row.tags),
    options: json(row.options),
    links: { self: selfLink(request, `projects/${row.id}`) },
  };
}

export function viewDomain(row: ProjectRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    name: row.name,
    description: row.description,
    enabled: row.enabled === 1,
    tags: listIn(row.tags),
    options: json(row.options),
    links: { self: selfLink(request, `domains/${row.id}`) },
  };
}
