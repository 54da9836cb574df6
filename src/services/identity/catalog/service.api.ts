// Services of the catalog.
// API: Identity v3, "Service catalog and endpoints".

import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { object, open, optional, string } from '#/platform/http/schema.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { type CatalogServiceRow, tables } from '#/services/identity/tables.ts';
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

const known = ['id', 'type', 'name', 'description', 'enabled', 'links'] as const;
const attributes = { name: optional(schemas.name()), description: optional(string()), enabled: schemas.enabled() };
const reply = schemas.wrapped('service');

function view(row: CatalogServiceRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    type: row.type,
    ...(row.name === '' ? {} : { name: row.name }),
    description: row.description,
    enabled: row.enabled === 1,
    links: { self: selfLink(request, `services/${row.id}`) },
  };
}

export async function findService(tx: Tx, id: string): Promise<CatalogServiceRow | undefined> {
  return tables(tx).selectFrom('catalogServices').selectAll().where('id', '=', id).executeTakeFirst();
}

const serviceFinder: Finder<CatalogServiceRow> = {
  find: ({ tx, path }) => findService(tx, path['service_id']!),
  missing: path => notFound('service', path['service_id']),
  visible: () => false,
};

const list = endpoint({
  policy: 'identity:list_services',
  allow: systemReader,
  route: 'GET /v3/services',
  summary: 'Lists services',
  query: anyQuery,
  replies: { 200: schemas.list('services') },
  async handle({ tx, query, request }) {
    const type = one(query, 'type');
    const rows = await tables(tx).selectFrom('catalogServices').selectAll().orderBy('id').execute();
    const views = rows.filter(row => type === undefined || row.type === type).map(row => view(row, request));
    return { 200: listOf(request, query, 'services', views) };
  },
});

const show = endpoint({
  policy: 'identity:get_service',
  allow: systemReader,
  route: 'GET /v3/services/{service_id}',
  summary: 'Shows a service',
  find: serviceFinder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { service: view(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_service',
  allow: admin,
  route: 'POST /v3/services',
  summary: 'Creates a service',
  body: object({ service: open({ type: string({ min: 1, max: 255 }), ...attributes }) }),
  replies: { 201: reply },
  async handle({ tx, body: { service: ask }, request }) {
    const row: CatalogServiceRow = {
      id: newHexId(tx),
      type: ask.type,
      name: ask.name ?? '',
      description: ask.description ?? '',
      enabled: ask.enabled === false ? 0 : 1,
      extra: JSON.stringify(extraOf(ask, known)),
    };
    await tables(tx).insertInto('catalogServices').values(row).execute();
    await tokensChanged(tx);
    return { 201: { service: view(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_service',
  allow: admin,
  route: 'PATCH /v3/services/{service_id}',
  summary: 'Changes a service',
  find: serviceFinder,
  body: object({ service: open({ type: optional(string({ min: 1, max: 255 })), ...attributes }) }),
  replies: { 200: reply },
  async handle({ tx, body: { service: ask }, found, request }) {
    checkSameId(ask, found.id);
    const row: CatalogServiceRow = {
      ...found,
      type: ask.type ?? found.type,
      name: ask.name ?? found.name,
      description: ask.description ?? found.description,
      enabled: ask.enabled === undefined ? found.enabled : Number(ask.enabled),
      extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, known) }),
    };
    await tables(tx).updateTable('catalogServices').set(row).where('id', '=', found.id).execute();
    await tokensChanged(tx);
    return { 200: { service: view(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_service',
  allow: admin,
  route: 'DELETE /v3/services/{service_id}',
  summary: 'Deletes a service with its endpoints',
  find: serviceFinder,
  replies: { 204: null },
  async handle({ tx, found: { id } }) {
    const db = tables(tx);
    const endpoints = db.selectFrom('catalogEndpoints').select('id').where('serviceId', '=', id);
    await db.deleteFrom('endpointProjects').where('endpointId', 'in', endpoints).execute();
    await db.deleteFrom('catalogEndpoints').where('serviceId', '=', id).execute();
    await db.deleteFrom('catalogServices').where('id', '=', id).execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

export const serviceEndpoints = [list, show, create, update, remove];
