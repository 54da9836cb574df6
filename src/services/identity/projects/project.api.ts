// Projects: what owns resources; a tree below each domain.
// API: Identity v3, "Projects".

import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { array, boolean, nullable, object, open, optional, type Static, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { projectRules } from '#/services/identity/allow.ts';
import { confinedTo, domainOfToken, judge, somewhereOwn } from '#/services/identity/judge.ts';
import type { ProjectRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { ancestorsOf } from '#/services/identity/tokens/scope.store.ts';
import { projectsOfUser } from '#/services/identity/assignments/reach.store.ts';
import {
  anyQuery,
  checkMutable,
  checkSameId,
  extraOf,
  flagOf,
  json,
  listIn,
  listOf,
  mergedOptions,
  notFound,
  one,
  schemas,
  type Wire,
} from '#/services/identity/wire.ts';
import { projectLevels } from '#/services/identity/limits/limit-model.ts';
import { checkFixed, fitsTags, idChain, idTree } from '#/services/identity/projects/project.rules.ts';
import {
  childrenOf,
  deleteProjects,
  findProject,
  insertProject,
  listProjects,
  nameTaken,
  subtreeOf,
  updateProject,
} from '#/services/identity/projects/project.store.ts';
import { projectAttributes, viewProject } from '#/services/identity/projects/project.view.ts';

/** At most 80 different tags without comma or slash. */
export const tagList = () => array(string({ min: 1, max: 255, pattern: '^[^,/]*$' }), { max: 80, unique: true });
const attributes = {
  domain_id: optional(nullable(schemas.id())),
  parent_id: optional(nullable(schemas.id())),
  is_domain: optional(boolean()),
  enabled: schemas.enabled(),
  description: schemas.description(),
  tags: optional(tagList()),
  options: schemas.options(),
};
const createBody = object({ project: open({ name: schemas.shortName(), ...attributes }) });
export const updateBody = object({ project: open({ name: optional(schemas.shortName()), ...attributes }) });
const reply = schemas.wrapped('project');

export const projectFinder: Finder<ProjectRow> = {
  find: ({ tx, path }) => findProject(tx, path['project_id']!),
  missing: path => notFound('project', path['project_id']),
  target: row => ({ target: { project: { id: row.id, domain_id: row.domainId } } }),
  visible: (row, caller) =>
    row.id === caller.projectId || (caller.domainId !== null && row.domainId === caller.domainId),
};

const list = endpoint({
  policy: 'identity:list_projects',
  allow: projectRules.list,
  route: 'GET /v3/projects',
  summary: 'Lists projects',
  find: somewhereOwn,
  query: anyQuery,
  replies: { 200: schemas.list('projects') },
  async handle({ tx, caller, query, request, ...asked }) {
    const confined = confinedTo(caller);
    const domainId = one(query, 'domain_id');
    if (confined !== null && domainId !== undefined)
      judge({ caller, ...asked }, 'identity:list_projects', { target: { domain_id: domainId } });
    const isDomain = query['is_domain'] !== undefined && flagOf(query, 'is_domain');
    const rows = await listProjects(tx, {
      isDomain,
      domainId: domainId ?? confined ?? undefined,
      parentId: one(query, 'parent_id'),
      name: one(query, 'name'),
    });
    const views = rows.filter(row => fitsTags(listIn(row.tags), query)).map(row => viewProject(row, request));
    return { 200: listOf(request, query, 'projects', views, ['name', 'enabled', 'description']) };
  },
});

const show = endpoint({
  policy: 'identity:get_project',
  allow: projectRules.get,
  route: 'GET /v3/projects/{project_id}',
  summary: 'Shows a project',
  find: projectFinder,
  query: anyQuery,
  replies: { 200: reply },
  async handle({ tx, found, query, request, caller }) {
    const project = viewProject(found, request);
    const asks = (name: string): boolean => name in query && flagOf(query, name);
    for (const side of ['parents', 'subtree'])
      if (asks(`${side}_as_list`) && asks(`${side}_as_ids`))
        throw new Problem('invalid', t.exclusiveQuery, { a: `${side}_as_list`, b: `${side}_as_ids` });
    if (asks('parents_as_ids')) project['parents'] = idChain(await ancestorsOf(tx, found));
    if (asks('subtree_as_ids')) project['subtree'] = idTree(found.id, await subtreeOf(tx, found.id));
    if (asks('parents_as_list') || asks('subtree_as_list')) {
      const reachable = new Set((await projectsOfUser(tx, caller.userId)).map(({ id }) => id));
      const shown = (rows: ProjectRow[]): Wire[] =>
        rows.filter(({ id }) => reachable.has(id)).map(row => ({ project: viewProject(row, request) }));
      if (asks('parents_as_list')) project['parents'] = shown(await ancestorsOf(tx, found));
      if (asks('subtree_as_list')) project['subtree'] = shown(await subtreeOf(tx, found.id));
    }
    return { 200: { project } };
  },
});

const create = endpoint({
  policy: 'identity:create_project',
  allow: projectRules.manage,
  route: 'POST /v3/projects',
  summary: 'Creates a project',
  find: somewhereOwn,
  body: createBody,
  replies: { 201: reply },
  async handle({ tx, body, caller, policy, request }) {
    const ask = body.project;
    const place = ask.is_domain ? domainPlace(ask) : await placeOf(tx, ask, domainOfToken(caller));
    judge({ policy, caller }, 'identity:create_project', { target: { project: { domain_id: place.domainId } } });
    const nameScope = place.domainId ?? '';
    if (await nameTaken(tx, nameScope, ask.name, null))
      throw new Problem('conflict', t.duplicate, { what: 'project', name: ask.name });
    const row: ProjectRow = {
      id: newHexId(tx),
      name: ask.name,
      ...place,
      isDomain: ask.is_domain ? 1 : 0,
      enabled: ask.enabled === false ? 0 : 1,
      description: ask.description ?? '',
      tags: JSON.stringify(ask.tags ?? []),
      options: mergedOptions('{}', ask.options),
      extra: JSON.stringify(extraOf(ask, projectAttributes)),
      nameScope,
    };
    await insertProject(tx, row);
    return { 201: { project: viewProject(row, request) } };
  },
});

type Ask = Static<typeof createBody>['project'];

function domainPlace(ask: Ask): { domainId: null; parentId: null } {
  if ((ask.domain_id ?? null) !== null || (ask.parent_id ?? null) !== null)
    throw new Problem('invalid', t.domainHasParent);
  return { domainId: null, parentId: null };
}

/** Where a new project comes to be. @throws Problem notFound, invalid, forbidden */
async function placeOf(tx: Tx, ask: Ask, own: string | null): Promise<{ domainId: string; parentId: string }> {
  const parentId = ask.parent_id ?? ask.domain_id ?? own;
  if (parentId === null) throw new Problem('invalid', t.needsDomain);
  const parent = await findProject(tx, parentId);
  // As Keystone has it: a parent that is not there is a bad request, a domain that is not there is not found.
  if (!parent && ask.parent_id) throw new Problem('invalid', t.notFound, { what: 'project', id: parentId });
  if (!parent || (!ask.parent_id && !parent.isDomain)) throw notFound('domain', parentId);
  const domainId = parent.domainId ?? parent.id;
  if (ask.domain_id != null && ask.domain_id !== domainId)
    throw new Problem('invalid', t.parentOtherDomain, { domain: ask.domain_id });
  if (!parent.enabled) throw new Problem('forbidden', t.parentDisabled, { id: parent.id });
  const limit = projectLevels(tx);
  if ((await ancestorsOf(tx, parent)).length >= limit) throw new Problem('forbidden', t.tooDeep, { limit });
  return { domainId, parentId };
}

const update = endpoint({
  policy: 'identity:update_project',
  allow: projectRules.manage,
  route: 'PATCH /v3/projects/{project_id}',
  summary: 'Changes a project',
  find: projectFinder,
  body: updateBody,
  replies: { 200: reply },
  async handle({ tx, body, found, request }) {
    await changeProject(tx, found, body.project);
    return { 200: { project: viewProject((await findProject(tx, found.id))!, request) } };
  },
});

/** Changes a project or domain. @throws Problem invalid, forbidden, conflict */
export async function changeProject(
  tx: Tx,
  found: ProjectRow,
  ask: Static<typeof updateBody>['project'],
): Promise<void> {
  const what = found.isDomain ? 'domain' : 'project';
  checkSameId(ask, found.id);
  checkMutable(what, found, ask);
  checkFixed(ask, found);
  if (ask.name !== undefined && (await nameTaken(tx, found.nameScope, ask.name, found.id)))
    throw new Problem('conflict', t.duplicate, { what, name: ask.name });
  if (
    ask.enabled === false &&
    found.enabled &&
    !found.isDomain &&
    (await subtreeOf(tx, found.id)).some(({ enabled }) => enabled)
  )
    throw new Problem('forbidden', t.childrenEnabled, { id: found.id });
  if (ask.enabled === true && !found.enabled) {
    const off = (await ancestorsOf(tx, found)).find(({ enabled }) => !enabled);
    if (off) throw new Problem('forbidden', t.parentDisabled, { id: off.id });
  }
  await updateProject(tx, found.id, {
    ...(ask.name === undefined ? {} : { name: ask.name }),
    ...(ask.description === undefined ? {} : { description: ask.description ?? '' }),
    ...(ask.enabled === undefined ? {} : { enabled: ask.enabled ? 1 : 0 }),
    ...(ask.tags === undefined ? {} : { tags: JSON.stringify(ask.tags) }),
    options: mergedOptions(found.options, ask.options),
    extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, projectAttributes) }),
  });
}

const remove = endpoint({
  policy: 'identity:delete_project',
  allow: projectRules.manage,
  route: 'DELETE /v3/projects/{project_id}',
  summary: 'Deletes a project',
  find: projectFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    checkMutable('project', found);
    if (found.isDomain && found.enabled) throw new Problem('forbidden', t.domainEnabled, { id: found.id });
    if ((await childrenOf(tx, [found.id])).length) throw new Problem('forbidden', t.hasChildren, { id: found.id });
    await deleteProjects(tx, [found.id]);
    return { 204: undefined };
  },
});

export const projectEndpoints = [list, show, create, update, remove];
