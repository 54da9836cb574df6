// Limits: what one project or domain gets instead of the registered default.
// API: Identity v3, "Unified limits".

import type { Caller } from '#/platform/access/caller.ts';
import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { any, array, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, anyone, limitRules } from '#/services/identity/allow.ts';
import { checkLimits, limitModel, limitModels } from '#/services/identity/limits/limit-model.ts';
import { findDomain, findProject } from '#/services/identity/projects/project.store.ts';
import { type LimitRow, type RegisteredLimitRow, tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { anyQuery, listOf, notFound, one, schemas, selfLink, type Wire } from '#/services/identity/wire.ts';

const path = '/v3/limits';

interface Limit extends LimitRow {
  registered: RegisteredLimitRow;
  projectDomainId: string | null;
}

async function listLimits(tx: Tx): Promise<Limit[]> {
  const registered = new Map(
    (await tables(tx).selectFrom('registeredLimits').selectAll().execute()).map(row => [row.id, row]),
  );
  const rows = await tables(tx)
    .selectFrom('resourceLimits')
    .leftJoin('projects', 'projects.id', 'resourceLimits.projectId')
    .selectAll('resourceLimits')
    .select('projects.domainId as projectDomainId')
    .orderBy('resourceLimits.id')
    .execute();
  return rows.map(row => ({ ...row, registered: registered.get(row.registeredLimitId)! }));
}

function view({ registered, ...row }: Limit, request: RequestFacts): Wire {
  return {
    id: row.id,
    project_id: row.projectId,
    domain_id: row.domainId,
    service_id: registered.serviceId,
    region_id: registered.regionId,
    resource_name: registered.resourceName,
    resource_limit: row.resourceLimit,
    description: row.description,
    links: { self: selfLink(request, `limits/${row.id}`) },
  };
}

/** Whose it is: the caller's own project, or one in the caller's domain. */
function concerns(row: Limit, caller: Caller): boolean {
  if (caller.isAdmin || caller.systemScope) return true;
  if (caller.domainId !== null) return caller.domainId === row.domainId || caller.domainId === row.projectDomainId;
  return row.projectId !== null && row.projectId === caller.projectId;
}

const finder: Finder<Limit> = {
  find: async ({ tx, path: { limit_id: id = '' } }) => (await listLimits(tx)).find(row => row.id === id),
  missing: ({ limit_id: id }) => notFound('limit', id),
  target: row => ({
    target: {
      limit: { project_id: row.projectId, domain: { id: row.domainId }, project: { domain_id: row.projectDomainId } },
    },
  }),
  visible: () => false,
};

const model = endpoint({
  policy: 'identity:get_limit_model',
  allow: anyone,
  route: `GET ${path}/model`,
  summary: 'Shows how limits add up',
  replies: { 200: open({ model: any() }) },
  handle: async ({ tx }) => ({
    200: {
      model: {
        name: limitModel.of(tx),
        description: limitModels[limitModel.of(tx)].description,
      },
    },
  }),
});

const list = endpoint({
  policy: 'identity:list_limits',
  allow: anyone,
  route: `GET ${path}`,
  summary: 'Lists limits',
  query: anyQuery,
  replies: { 200: schemas.list('limits') },
  async handle({ tx, caller, query, request }) {
    const rows = (await listLimits(tx)).filter(row => concerns(row, caller));
    const views = rows.map(row => view(row, request));
    const kept = ['service_id', 'region_id', 'resource_name', 'project_id', 'domain_id'].reduce(
      (left, name) => (query[name] === undefined ? left : left.filter(row => row[name] === one(query, name))),
      views,
    );
    return { 200: listOf(request, query, 'limits', kept, []) };
  },
});

const show = endpoint({
  policy: 'identity:get_limit',
  allow: limitRules.get,
  route: `GET ${path}/{limit_id}`,
  summary: 'Shows a limit',
  find: finder,
  replies: { 200: schemas.wrapped('limit') },
  handle: async ({ found, request }) => ({ 200: { limit: view(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_limits',
  allow: admin,
  route: `POST ${path}`,
  summary: 'Creates limits',
  body: object({
    limits: array(
      object({
        project_id: optional(nullable(schemas.id())),
        domain_id: optional(nullable(schemas.id())),
        service_id: schemas.id(),
        region_id: optional(nullable(string())),
        resource_name: schemas.name(),
        resource_limit: schemas.limit(),
        description: schemas.description(),
      }),
      { min: 1 },
    ),
  }),
  replies: { 201: open({ limits: array(open({})) }) },
  async handle({ tx, body, request }) {
    const ids = new Set<string>();
    const touched: [RegisteredLimitRow, string][] = [];
    for (const ask of body.limits) {
      const [projectId, domainId] = [ask.project_id ?? null, ask.domain_id ?? null];
      if ((projectId === null) === (domainId === null)) throw new Problem('invalid', t.limitOneScope);
      const project = projectId === null ? undefined : await findProject(tx, projectId);
      if (projectId !== null && !project) throw new Problem('invalid', t.notFound, { what: 'project', id: projectId });
      if (domainId !== null && !(await findDomain(tx, domainId)))
        throw new Problem('invalid', t.notFound, { what: 'domain', id: domainId });
      const registered = await registeredFor(tx, ask.service_id, ask.region_id ?? null, ask.resource_name);
      const same = (await listLimits(tx)).some(
        row => row.registeredLimitId === registered.id && row.projectId === projectId && row.domainId === domainId,
      );
      if (same) throw new Problem('conflict', t.duplicate, { what: 'limit', name: ask.resource_name });
      const id = newHexId(tx);
      ids.add(id);
      touched.push([registered, domainId ?? project?.domainId ?? projectId!]);
      await tables(tx)
        .insertInto('resourceLimits')
        .values({
          id,
          registeredLimitId: registered.id,
          projectId,
          domainId,
          resourceLimit: ask.resource_limit,
          description: ask.description ?? null,
        })
        .execute();
    }
    // When all are there: a domain's may come after those of its projects.
    for (const [registered, of] of touched) await checkLimits(tx, registered, of);
    const made = (await listLimits(tx)).filter(({ id }) => ids.has(id)).map(row => view(row, request));
    return { 201: { limits: made } };
  },
});

/** @throws Problem forbidden where nothing is registered */
async function registeredFor(
  tx: Tx,
  service: string,
  region: string | null,
  resource: string,
): Promise<RegisteredLimitRow> {
  const rows = await tables(tx)
    .selectFrom('registeredLimits')
    .selectAll()
    .where('serviceId', '=', service)
    .where('resourceName', '=', resource)
    .execute();
  const row = rows.find(({ regionId }) => regionId === region);
  if (!row) throw new Problem('forbidden', t.limitUnregistered, { resource, service });
  return row;
}

const update = endpoint({
  policy: 'identity:update_limit',
  allow: admin,
  route: `PATCH ${path}/{limit_id}`,
  summary: 'Changes a limit',
  find: finder,
  body: object({ limit: object({ resource_limit: optional(schemas.limit()), description: schemas.description() }) }),
  replies: { 200: schemas.wrapped('limit') },
  async handle({ tx, body: { limit: ask }, found, request }) {
    const change = {
      resourceLimit: ask.resource_limit ?? found.resourceLimit,
      description: ask.description === undefined ? found.description : ask.description,
    };
    await tables(tx).updateTable('resourceLimits').set(change).where('id', '=', found.id).execute();
    await checkLimits(tx, found.registered, found.domainId ?? found.projectDomainId ?? found.projectId!);
    return { 200: { limit: view({ ...found, ...change }, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_limit',
  allow: admin,
  route: `DELETE ${path}/{limit_id}`,
  summary: 'Deletes a limit',
  find: finder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await tables(tx).deleteFrom('resourceLimits').where('id', '=', found.id).execute();
    return { 204: undefined };
  },
});

export const limitEndpoints = [model, list, show, create, update, remove];
