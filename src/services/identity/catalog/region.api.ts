// Regions of the catalog; a region may be part of another.
// API: Identity v3, "Regions".

import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, anyone } from '#/services/identity/allow.ts';
import { type RegionRow, tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';
import {
  anyQuery,
  checkSameId,
  extraOf,
  json,
  listOf,
  notFound,
  one,
  schemas,
  selfLink,
  type Wire,
} from '#/services/identity/wire.ts';

const known = ['id', 'description', 'parent_region_id', 'links'] as const;
const attributes = { description: schemas.description(), parent_region_id: optional(nullable(string({ max: 255 }))) };
const createBody = object({ region: open({ id: optional(nullable(string({ max: 255 }))), ...attributes }) });
const reply = schemas.wrapped('region');

function view(row: RegionRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    description: row.description,
    parent_region_id: row.parentRegionId,
    links: { self: selfLink(request, `regions/${encodeURIComponent(row.id)}`) },
  };
}

export async function findRegion(tx: Tx, id: string): Promise<RegionRow | undefined> {
  return tables(tx).selectFrom('regions').selectAll().where('id', '=', id).executeTakeFirst();
}

const regionFinder: Finder<RegionRow> = {
  find: ({ tx, path }) => findRegion(tx, path['region_id']!),
  missing: path => notFound('region', path['region_id']),
  visible: () => true,
};

const list = endpoint({
  policy: 'identity:list_regions',
  allow: anyone,
  route: 'GET /v3/regions',
  summary: 'Lists regions',
  query: anyQuery,
  replies: { 200: schemas.list('regions') },
  async handle({ tx, query, request }) {
    const parent = one(query, 'parent_region_id');
    const rows = await tables(tx).selectFrom('regions').selectAll().orderBy('id').execute();
    const views = rows
      .filter(row => parent === undefined || row.parentRegionId === parent)
      .map(row => view(row, request));
    return { 200: listOf(request, query, 'regions', views, []) };
  },
});

const show = endpoint({
  policy: 'identity:get_region',
  allow: anyone,
  route: 'GET /v3/regions/{region_id}',
  summary: 'Shows a region',
  find: regionFinder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { region: view(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_region',
  allow: admin,
  route: 'POST /v3/regions',
  summary: 'Creates a region',
  body: createBody,
  replies: { 201: reply },
  handle: async ({ tx, body, request }) => ({
    201: { region: view(await makeRegion(tx, body.region, body.region.id || newHexId(tx)), request) },
  }),
});

const createNamed = endpoint({
  policy: 'identity:create_region',
  route: 'PUT /v3/regions/{region_id}',
  summary: 'Creates a region with an id of choice',
  body: createBody,
  replies: { 201: reply },
  async handle({ tx, body, path, request }) {
    checkSameId(body.region, path['region_id']!);
    return { 201: { region: view(await makeRegion(tx, body.region, path['region_id']!), request) } };
  },
});

async function makeRegion(tx: Tx, ask: Wire, id: string): Promise<RegionRow> {
  if (await findRegion(tx, id)) throw new Problem('conflict', t.duplicateId, { what: 'region', id });
  const parentRegionId = (ask['parent_region_id'] as string | null | undefined) || null;
  if (parentRegionId !== null && !(await findRegion(tx, parentRegionId))) throw notFound('region', parentRegionId);
  const row = {
    id,
    description: (ask['description'] as string | null | undefined) ?? '',
    parentRegionId,
    extra: JSON.stringify(extraOf(ask, known)),
  };
  await tables(tx).insertInto('regions').values(row).execute();
  return row;
}

const update = endpoint({
  policy: 'identity:update_region',
  allow: admin,
  route: 'PATCH /v3/regions/{region_id}',
  summary: 'Changes a region',
  find: regionFinder,
  body: object({ region: open(attributes) }),
  replies: { 200: reply },
  async handle({ tx, body, found, request }) {
    const ask = body.region;
    checkSameId(ask, found.id);
    const row: RegionRow = {
      ...found,
      ...(ask.description === undefined ? {} : { description: ask.description ?? '' }),
      ...(ask.parent_region_id === undefined ? {} : { parentRegionId: ask.parent_region_id }),
      extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, known) }),
    };
    for (let at = row.parentRegionId; at !== null; ) {
      if (at === row.id) throw new Problem('invalid', t.regionCycle);
      const above: RegionRow | undefined = await findRegion(tx, at);
      if (!above) throw notFound('region', at);
      at = above.parentRegionId;
    }
    await tables(tx).updateTable('regions').set(row).where('id', '=', found.id).execute();
    return { 200: { region: view(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_region',
  allow: admin,
  route: 'DELETE /v3/regions/{region_id}',
  summary: 'Deletes a region',
  find: regionFinder,
  replies: { 204: null },
  async handle({ tx, found: { id } }) {
    const db = tables(tx);
    const child = await db.selectFrom('regions').select('id').where('parentRegionId', '=', id).executeTakeFirst();
    const endpointIn = await db
      .selectFrom('catalogEndpoints')
      .select('id')
      .where('regionId', '=', id)
      .executeTakeFirst();
    if (child || endpointIn) throw new Problem('conflict', t.regionHasChildren, { id });
    await db.deleteFrom('regions').where('id', '=', id).execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

export const regionEndpoints = [list, show, create, createNamed, update, remove];
