// Registered limits: how much of a resource a project gets where nothing else is said.
// API: Identity v3, "Unified limits".

import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { array, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, anyone } from '#/services/identity/allow.ts';
import { findRegion } from '#/services/identity/catalog/region.api.ts';
import { findService } from '#/services/identity/catalog/service.api.ts';
import { type RegisteredLimitRow, tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { anyQuery, listOf, notFound, one, schemas, selfLink, type Wire } from '#/services/identity/wire.ts';

const path = '/v3/registered_limits';

function view(row: RegisteredLimitRow, request: RequestFacts): Wire {
  return {
    id: row.id,
    service_id: row.serviceId,
    region_id: row.regionId,
    resource_name: row.resourceName,
    default_limit: row.defaultLimit,
    description: row.description,
    links: { self: selfLink(request, `registered_limits/${row.id}`) },
  };
}

const finder: Finder<RegisteredLimitRow> = {
  find: ({ tx, path: { registered_limit_id: id = '' } }) =>
    tables(tx).selectFrom('registeredLimits').selectAll().where('id', '=', id).executeTakeFirst(),
  missing: ({ registered_limit_id: id }) => notFound('registered limit', id),
  visible: () => true,
};

/** @throws Problem invalid for a service or region that is not there, conflict for a second limit of the same resource */
async function checkPlace(tx: Tx, row: RegisteredLimitRow): Promise<void> {
  if (!(await findService(tx, row.serviceId)))
    throw new Problem('invalid', t.notFound, { what: 'service', id: row.serviceId });
  if (row.regionId !== null && !(await findRegion(tx, row.regionId)))
    throw new Problem('invalid', t.notFound, { what: 'region', id: row.regionId });
  const same = await tables(tx)
    .selectFrom('registeredLimits')
    .select('id')
    .where('unique', '=', row.unique)
    .executeTakeFirst();
  if (same && same.id !== row.id)
    throw new Problem('conflict', t.duplicate, { what: 'registered limit', name: row.resourceName });
}

function uniqueKey(row: Pick<RegisteredLimitRow, 'serviceId' | 'regionId' | 'resourceName'>): string {
  return JSON.stringify([row.serviceId, row.regionId, row.resourceName]);
}

/** @throws Problem forbidden when projects have limits of their own over it */
async function checkFree(tx: Tx, id: string): Promise<void> {
  if (await tables(tx).selectFrom('resourceLimits').select('id').where('registeredLimitId', '=', id).executeTakeFirst())
    throw new Problem('forbidden', t.limitInUse, { id });
}

const list = endpoint({
  policy: 'identity:list_registered_limits',
  allow: anyone,
  route: `GET ${path}`,
  summary: 'Lists registered limits',
  query: anyQuery,
  replies: { 200: schemas.list('registered_limits') },
  async handle({ tx, query, request }) {
    const [service, region, name] = [one(query, 'service_id'), one(query, 'region_id'), one(query, 'resource_name')];
    const rows = await tables(tx).selectFrom('registeredLimits').selectAll().orderBy('id').execute();
    const kept = rows.filter(
      row =>
        (service === undefined || row.serviceId === service) &&
        (region === undefined || row.regionId === region) &&
        (name === undefined || row.resourceName === name),
    );
    return {
      200: listOf(
        request,
        query,
        'registered_limits',
        kept.map(row => view(row, request)),
        [],
      ),
    };
  },
});

const show = endpoint({
  policy: 'identity:get_registered_limit',
  allow: anyone,
  route: `GET ${path}/{registered_limit_id}`,
  summary: 'Shows a registered limit',
  find: finder,
  replies: { 200: schemas.wrapped('registered_limit') },
  handle: async ({ found, request }) => ({ 200: { registered_limit: view(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_registered_limits',
  allow: admin,
  route: `POST ${path}`,
  summary: 'Creates registered limits',
  body: object({
    registered_limits: array(
      object({
        service_id: schemas.id(),
        region_id: optional(nullable(string())),
        resource_name: schemas.name(),
        default_limit: schemas.limit(),
        description: schemas.description(),
      }),
      { min: 1 },
    ),
  }),
  replies: { 201: open({ registered_limits: array(open({})) }) },
  async handle({ tx, body, request }) {
    const made: Wire[] = [];
    for (const ask of body.registered_limits) {
      const place = { serviceId: ask.service_id, regionId: ask.region_id ?? null, resourceName: ask.resource_name };
      const row = {
        id: newHexId(tx),
        ...place,
        defaultLimit: ask.default_limit,
        description: ask.description ?? null,
        unique: uniqueKey(place),
      };
      await checkPlace(tx, row);
      await tables(tx).insertInto('registeredLimits').values(row).execute();
      made.push(view(row, request));
    }
    return { 201: { registered_limits: made } };
  },
});

const update = endpoint({
  policy: 'identity:update_registered_limit',
  allow: admin,
  route: `PATCH ${path}/{registered_limit_id}`,
  summary: 'Changes a registered limit',
  find: finder,
  body: object({
    registered_limit: object({
      service_id: optional(schemas.id()),
      region_id: optional(nullable(string())),
      resource_name: optional(schemas.name()),
      default_limit: optional(schemas.limit()),
      description: schemas.description(),
    }),
  }),
  replies: { 200: schemas.wrapped('registered_limit') },
  async handle({ tx, body: { registered_limit: ask }, found, request }) {
    const place = {
      serviceId: ask.service_id ?? found.serviceId,
      regionId: ask.region_id === undefined ? found.regionId : ask.region_id,
      resourceName: ask.resource_name ?? found.resourceName,
    };
    const row: RegisteredLimitRow = {
      ...found,
      ...place,
      unique: uniqueKey(place),
      defaultLimit: ask.default_limit ?? found.defaultLimit,
      description: ask.description === undefined ? found.description : ask.description,
    };
    if (row.unique !== found.unique) {
      await checkFree(tx, found.id);
      await checkPlace(tx, row);
    }
    await tables(tx).updateTable('registeredLimits').set(row).where('id', '=', found.id).execute();
    return { 200: { registered_limit: view(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_registered_limit',
  allow: admin,
  route: `DELETE ${path}/{registered_limit_id}`,
  summary: 'Deletes a registered limit',
  find: finder,
  replies: { 204: null },
  async handle({ tx, found: { id } }) {
    await checkFree(tx, id);
    await tables(tx).deleteFrom('registeredLimits').where('id', '=', id).execute();
    return { 204: undefined };
  },
});

export const registeredLimitEndpoints = [list, show, create, update, remove];
