// Domains: they hold projects, users and groups, and may be administered by themselves.
// API: Identity v3, "Domains".

import { newHexId } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { object, open, optional } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, domainRules } from '#/services/identity/allow.ts';
import { confinedTo, somewhereOwn } from '#/services/identity/judge.ts';
import { defaultDomainId } from '#/services/identity/seed.ts';
import { deleteGroup } from '#/services/identity/groups/group.store.ts';
import { deleteRole } from '#/services/identity/roles/role.store.ts';
import { type ProjectRow, tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { deleteUser } from '#/services/identity/users/user.store.ts';
import {
  anyQuery,
  checkMutable,
  extraOf,
  listOf,
  mergedOptions,
  notFound,
  one,
  schemas,
} from '#/services/identity/wire.ts';
import { changeProject } from '#/services/identity/projects/project.api.ts';
import {
  deleteProjects,
  findDomain,
  findProject,
  insertProject,
  listProjects,
  nameTaken,
  subtreeOf,
} from '#/services/identity/projects/project.store.ts';
import { projectAttributes, viewDomain } from '#/services/identity/projects/project.view.ts';

const attributes = { enabled: schemas.enabled(), description: schemas.description(), options: schemas.options() };
const reply = schemas.wrapped('domain');

export const domainFinder: Finder<ProjectRow> = {
  find: ({ tx, path }) => findDomain(tx, path['domain_id']!),
  missing: path => notFound('domain', path['domain_id']),
  target: row => ({ target: { domain: { id: row.id } } }),
  visible: (row, caller) => row.id === (caller.domainId ?? caller.credentials.project_domain_id),
};

const list = endpoint({
  policy: 'identity:list_domains',
  allow: domainRules.list,
  route: 'GET /v3/domains',
  summary: 'Lists domains',
  find: somewhereOwn,
  query: anyQuery,
  replies: { 200: schemas.list('domains') },
  async handle({ tx, caller, query, request }) {
    const confined = confinedTo(caller);
    const rows = await listProjects(tx, { isDomain: true, name: one(query, 'name') });
    const views = rows.filter(({ id }) => confined === null || id === confined).map(row => viewDomain(row, request));
    return { 200: listOf(request, query, 'domains', views, ['id', 'name', 'enabled']) };
  },
});

const show = endpoint({
  policy: 'identity:get_domain',
  allow: domainRules.get,
  route: 'GET /v3/domains/{domain_id}',
  summary: 'Shows a domain',
  find: domainFinder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { domain: viewDomain(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_domain',
  allow: admin,
  route: 'POST /v3/domains',
  summary: 'Creates a domain',
  body: object({
    domain: open({ name: schemas.shortName(), explicit_domain_id: optional(schemas.id()), ...attributes }),
  }),
  replies: { 201: reply },
  async handle({ tx, body, request }) {
    const { explicit_domain_id: id = newHexId(tx), ...ask } = body.domain;
    if (await nameTaken(tx, '', ask.name, null))
      throw new Problem('conflict', t.duplicate, { what: 'domain', name: ask.name });
    // Domains and projects share their ids.
    if (await findProject(tx, id)) throw new Problem('conflict', t.duplicateId, { what: 'domain', id });
    const row: ProjectRow = {
      id,
      name: ask.name,
      domainId: null,
      parentId: null,
      isDomain: 1,
      enabled: ask.enabled === false ? 0 : 1,
      description: ask.description ?? '',
      tags: '[]',
      options: mergedOptions('{}', ask.options),
      extra: JSON.stringify(extraOf(ask, projectAttributes)),
      nameScope: '',
    };
    await insertProject(tx, row);
    return { 201: { domain: viewDomain(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_domain',
  allow: admin,
  route: 'PATCH /v3/domains/{domain_id}',
  summary: 'Changes a domain',
  find: domainFinder,
  body: object({ domain: open({ name: optional(schemas.shortName()), ...attributes }) }),
  replies: { 200: reply },
  async handle({ tx, body, found, request }) {
    if (found.id === defaultDomainId && body.domain.enabled === false) throw new Problem('forbidden', t.defaultDomain);
    await changeProject(tx, found, body.domain);
    return { 200: { domain: viewDomain((await findDomain(tx, found.id))!, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_domain',
  allow: admin,
  route: 'DELETE /v3/domains/{domain_id}',
  summary: 'Deletes a domain with all that is in it',
  find: domainFinder,
  replies: { 204: null },
  async handle({ tx, found: { id, ...found } }) {
    checkMutable('domain', { id, ...found });
    if (id === defaultDomainId) throw new Problem('forbidden', t.defaultDomain);
    if (found.enabled) throw new Problem('forbidden', t.domainEnabled, { id });
    const db = tables(tx);
    for (const user of await db.selectFrom('users').select('id').where('domainId', '=', id).execute())
      await deleteUser(tx, user.id);
    for (const group of await db.selectFrom('userGroups').select('id').where('domainId', '=', id).execute())
      await deleteGroup(tx, group.id);
    for (const role of await db.selectFrom('roles').select('id').where('domainId', '=', id).execute())
      await deleteRole(tx, role.id);
    await db.deleteFrom('domainConfigs').where('domainId', '=', id).execute();
    await db.deleteFrom('resourceLimits').where('domainId', '=', id).execute();
    const below = await subtreeOf(tx, id);
    await deleteProjects(tx, [...below.map(project => project.id), id]);
    return { 204: undefined };
  },
});

export const domainEndpoints = [list, show, create, update, remove];
