// Endpoints of the catalog: where a service is reached, in which region, by whom.
// API: Identity v3, "Service catalog and endpoints".

import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { nullable, object, oneOf, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { type CatalogEndpointRow, tables } from '#/services/identity/tables.ts';
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
import { findRegion } from '#/services/identity/catalog/region.api.ts';
import { findService } from '#/services/identity/catalog/service.api.ts';

const known = [
  'id',
  'service_id',
  'region',
  'region_id',
  'interface',
  'url',
  'enabled',
  'name',
  'description',
  'links',
] as const;
const kind = () => oneOf('public', 'internal', 'admin');
const attributes = {
  region: optional(nullable(string())),
  region_id: optional(nullable(string())),
  enabled: schemas.enabled(),
  name: optional(nullable(string())),
  description: schemas.description(),
};
const reply = schemas.wrapped('endpoint');

export function viewEndpoint(row: CatalogEndpointRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    service_id: row.serviceId,
    region_id: row.regionId,
    region: row.regionId,
    interface: row.interface,
    url: row.url,
    enabled: row.enabled === 1,
    ...(row.name === null ? {} : { name: row.name }),
    ...(row.description === null ? {} : { description: row.description }),
    links: { self: selfLink(request, `endpoints/${row.id}`) },
  };
}

export const endpointFinder: Finder<CatalogEndpointRow> = {
  find: ({ tx, path }) =>
    tables(tx).selectFrom('catalogEndpoints').selectAll().where('id', '=', path['endpoint_id']!).executeTakeFirst(),
  missing: path => notFound('endpoint', path['endpoint_id']),
  visible: () => false,
};

/** @throws Problem invalid for a URL that is none or has places that nobody fills in */
function checkUrl(url: string): void {
  const plain = url.replaceAll(
    /[$%]\((tenant_id|project_id|user_id|public_bind_host|admin_bind_host|compute_host|admin_port|public_port|compute_port)\)s/g,
    'x',
  );
  if (/[$%]\(/.test(plain) || !/^[a-z][a-z0-9+.-]*:\/\/[^\s/]+/i.test(plain))
    throw new Problem('invalid', t.badUrl, { url: url.slice(0, 200) });
}

/** The region that is meant. `region` is the older name, and makes one that is missing. @throws Problem invalid */
async function regionOf(tx: Tx, ask: { region?: string | null; region_id?: string | null }): Promise<string | null> {
  const id = ask.region_id ?? ask.region ?? null;
  if (id === null || (await findRegion(tx, id))) return id;
  if (ask.region_id != null) throw new Problem('invalid', t.notFound, { what: 'region', id: id.slice(0, 80) });
  await tables(tx).insertInto('regions').values({ id, description: '', parentRegionId: null, extra: '{}' }).execute();
  return id;
}

async function checkService(tx: Tx, id: string): Promise<void> {
  if (!(await findService(tx, id))) throw new Problem('invalid', t.notFound, { what: 'service', id: id.slice(0, 80) });
}

const list = endpoint({
  policy: 'identity:list_endpoints',
  allow: systemReader,
  route: 'GET /v3/endpoints',
  summary: 'Lists endpoints',
  query: anyQuery,
  replies: { 200: schemas.list('endpoints') },
  async handle({ tx, query, request }) {
    const [service, region, wanted] = [
      one(query, 'service_id'),
      one(query, 'region_id') ?? one(query, 'region'),
      one(query, 'interface'),
    ];
    const rows = await tables(tx).selectFrom('catalogEndpoints').selectAll().orderBy('id').execute();
    const kept = rows.filter(
      row =>
        (service === undefined || row.serviceId === service) &&
        (region === undefined || row.regionId === region) &&
        (wanted === undefined || row.interface === wanted),
    );
    return {
      200: listOf(
        request,
        query,
        'endpoints',
        kept.map(row => viewEndpoint(row, request)),
        ['enabled'],
      ),
    };
  },
});

const show = endpoint({
  policy: 'identity:get_endpoint',
  allow: systemReader,
  route: 'GET /v3/endpoints/{endpoint_id}',
  summary: 'Shows an endpoint',
  find: endpointFinder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { endpoint: viewEndpoint(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_endpoint',
  allow: admin,
  route: 'POST /v3/endpoints',
  summary: 'Creates an endpoint',
  body: object({
    endpoint: open({ service_id: schemas.id(), interface: kind(), url: string({ max: 4096 }), ...attributes }),
  }),
  replies: { 201: reply },
  async handle({ tx, body: { endpoint: ask }, request }) {
    checkUrl(ask.url);
    await checkService(tx, ask.service_id);
    const row: CatalogEndpointRow = {
      id: newHexId(tx),
      serviceId: ask.service_id,
      regionId: await regionOf(tx, ask),
      interface: ask.interface,
      url: ask.url,
      enabled: ask.enabled === false ? 0 : 1,
      name: ask.name ?? null,
      description: ask.description ?? null,
      extra: JSON.stringify(extraOf(ask, known)),
      followsConfig: 0,
    };
    await tables(tx).insertInto('catalogEndpoints').values(row).execute();
    await tokensChanged(tx);
    return { 201: { endpoint: viewEndpoint(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_endpoint',
  allow: admin,
  route: 'PATCH /v3/endpoints/{endpoint_id}',
  summary: 'Changes an endpoint',
  find: endpointFinder,
  body: object({
    endpoint: open({
      service_id: optional(schemas.id()),
      interface: optional(kind()),
      url: optional(string({ max: 4096 })),
      ...attributes,
    }),
  }),
  replies: { 200: reply },
  async handle({ tx, body: { endpoint: ask }, found, request }) {
    checkSameId(ask, found.id);
    if (ask.url !== undefined) checkUrl(ask.url);
    if (ask.service_id !== undefined) await checkService(tx, ask.service_id);
    const row: CatalogEndpointRow = {
      ...found,
      serviceId: ask.service_id ?? found.serviceId,
      regionId: ask.region_id === undefined && ask.region === undefined ? found.regionId : await regionOf(tx, ask),
      interface: ask.interface ?? found.interface,
      url: ask.url ?? found.url,
      enabled: ask.enabled === undefined ? found.enabled : Number(ask.enabled),
      name: ask.name === undefined ? found.name : ask.name,
      description: ask.description === undefined ? found.description : ask.description,
      extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, known) }),
      followsConfig: ask.url === undefined || ask.url === found.url ? found.followsConfig : 0,
    };
    await tables(tx).updateTable('catalogEndpoints').set(row).where('id', '=', found.id).execute();
    await tokensChanged(tx);
    return { 200: { endpoint: viewEndpoint(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_endpoint',
  allow: admin,
  route: 'DELETE /v3/endpoints/{endpoint_id}',
  summary: 'Deletes an endpoint',
  find: endpointFinder,
  replies: { 204: null },
  async handle({ tx, found: { id } }) {
    await tables(tx).deleteFrom('endpointProjects').where('endpointId', '=', id).execute();
    await tables(tx).deleteFrom('catalogEndpoints').where('id', '=', id).execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

export const endpointEndpoints = [list, show, create, update, remove];
