// A user as clients see it. Never anything of the password.

import type { RequestFacts } from '#/platform/http/endpoint.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import { json, printed, selfLink, type Wire } from '#/services/identity/wire.ts';

export const userAttributes = [
  'id',
  'name',
  'domain_id',
  'enabled',
  'default_project_id',
  'password',
  'password_expires_at',
  'options',
  'links',
  'federated',
] as const;

export function viewUser(row: UserRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domainId,
    enabled: row.enabled === 1,
    ...(row.defaultProjectId === null ? {} : { default_project_id: row.defaultProjectId }),
    password_expires_at: printed(row.passwordExpiresAt),
    options: json(row.options),
    links: { self: selfLink(request, `users/${row.id}`) },
  };
}
