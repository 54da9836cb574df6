// Roles: names for rights, global or of one domain.
// API: Identity v3, "Roles".

import { newHexId } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import type { RequestFacts } from '#/platform/http/endpoint.ts';
import { nullable, object, open, optional } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, roleRules, systemReader } from '#/services/identity/allow.ts';
import { judge, somewhereOwn } from '#/services/identity/judge.ts';
import { findDomain } from '#/services/identity/projects/project.store.ts';
import type { RoleRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import {
  anyQuery,
  checkMutable,
  checkSameId,
  extraOf,
  json,
  listOf,
  mergedOptions,
  notFound,
  one,
  schemas,
  selfLink,
  type Wire,
} from '#/services/identity/wire.ts';
import {
  deleteRole,
  findRole,
  insertRole,
  listRoles,
  roleNameTaken,
  updateRole,
} from '#/services/identity/roles/role.store.ts';

const roleAttributes = ['id', 'name', 'domain_id', 'description', 'options', 'links'] as const;
const attributes = { description: schemas.description(), options: schemas.options() };
const reply = schemas.wrapped('role');

export function viewRole(row: RoleRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    name: row.name,
    domain_id: row.domainId,
    description: row.description,
    options: json(row.options),
    links: { self: selfLink(request, `roles/${row.id}`) },
  };
}

export function roleTarget(row: RoleRow): Wire {
  return { id: row.id, name: row.name, domain_id: row.domainId };
}

const roleFinder: Finder<RoleRow> = {
  find: ({ tx, path }) => findRole(tx, path['role_id']!),
  missing: path => notFound('role', path['role_id']),
  target: row => ({ target: { role: roleTarget(row) } }),
  visible: () => false,
};

const list = endpoint({
  policy: 'identity:list_roles',
  allow: roleRules.list,
  route: 'GET /v3/roles',
  summary: 'Lists roles',
  find: somewhereOwn,
  query: anyQuery,
  replies: { 200: schemas.list('roles') },
  async handle({ tx, caller, policy, query, request }) {
    const domainId = one(query, 'domain_id');
    if (domainId !== undefined) judge({ caller, policy }, 'identity:list_domain_roles', { domain_id: domainId });
    const rows = await listRoles(tx, domainId ?? null, one(query, 'name'));
    const shown = rows.filter(
      row =>
        domainId !== undefined ||
        policy.allows('identity:get_role', caller.credentials, { target: { role: roleTarget(row) } }),
    );
    return {
      200: listOf(
        request,
        query,
        'roles',
        shown.map(row => viewRole(row, request)),
      ),
    };
  },
});

const show = endpoint({
  policy: 'identity:get_role',
  allow: roleRules.get,
  route: 'GET /v3/roles/{role_id}',
  summary: 'Shows a role',
  find: roleFinder,
  replies: { 200: reply },
  async handle({ found, caller, policy, request }) {
    if (found.domainId !== null)
      judge({ caller, policy }, 'identity:get_domain_role', { target: { role: roleTarget(found) } });
    return { 200: { role: viewRole(found, request) } };
  },
});

const create = endpoint({
  policy: 'identity:create_role',
  allow: admin,
  route: 'POST /v3/roles',
  summary: 'Creates a role',
  body: object({ role: open({ name: schemas.name(), domain_id: optional(nullable(schemas.id())), ...attributes }) }),
  replies: { 201: reply },
  async handle({ tx, body, caller, policy, request }) {
    const ask = body.role;
    const domainId = ask.domain_id ?? null;
    if (domainId !== null) {
      judge({ caller, policy }, 'identity:create_domain_role', { target: { role: { domain_id: domainId } } });
      if (!(await findDomain(tx, domainId))) throw notFound('domain', domainId);
    }
    const nameScope = domainId ?? '';
    if (await roleNameTaken(tx, nameScope, ask.name, null))
      throw new Problem('conflict', t.duplicate, { what: 'role', name: ask.name });
    const row: RoleRow = {
      id: newHexId(tx),
      name: ask.name,
      domainId,
      description: ask.description ?? null,
      options: mergedOptions('{}', ask.options),
      extra: JSON.stringify(extraOf(ask, roleAttributes)),
      nameScope,
    };
    await insertRole(tx, row);
    return { 201: { role: viewRole(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_role',
  allow: admin,
  route: 'PATCH /v3/roles/{role_id}',
  summary: 'Changes a role',
  find: roleFinder,
  body: object({ role: open({ name: optional(schemas.name()), ...attributes }) }),
  replies: { 200: reply },
  async handle({ tx, body, found, caller, policy, request }) {
    const ask = body.role;
    if (found.domainId !== null)
      judge({ caller, policy }, 'identity:update_domain_role', { target: { role: roleTarget(found) } });
    checkSameId(ask, found.id);
    checkMutable('role', found, ask);
    if ('domain_id' in ask && ask['domain_id'] !== found.domainId)
      throw new Problem('invalid', t.domainFixed, { what: 'role' });
    if (ask.name !== undefined && (await roleNameTaken(tx, found.nameScope, ask.name, found.id)))
      throw new Problem('conflict', t.duplicate, { what: 'role', name: ask.name });
    const row: RoleRow = {
      ...found,
      ...(ask.name === undefined ? {} : { name: ask.name }),
      ...(ask.description === undefined ? {} : { description: ask.description }),
      options: mergedOptions(found.options, ask.options),
      extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, roleAttributes) }),
    };
    await updateRole(tx, found.id, row);
    return { 200: { role: viewRole(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_role',
  allow: admin,
  route: 'DELETE /v3/roles/{role_id}',
  summary: 'Deletes a role',
  find: roleFinder,
  replies: { 204: null },
  async handle({ tx, found, caller, policy }) {
    if (found.domainId !== null)
      judge({ caller, policy }, 'identity:delete_domain_role', { target: { role: roleTarget(found) } });
    checkMutable('role', found);
    await deleteRole(tx, found.id);
    return { 204: undefined };
  },
});

export const roleEndpoints = [list, show, create, update, remove];
/** Rules for roles of a domain, which the handlers check besides. */
export const domainRoleRules = {
  'identity:get_domain_role': systemReader,
  'identity:list_domain_roles': systemReader,
  'identity:create_domain_role': admin,
  'identity:update_domain_role': admin,
  'identity:delete_domain_role': admin,
};
