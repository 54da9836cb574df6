// Namespaces of metadata definitions, and resource types. API: Image v2, "Metadata definition namespaces".

import { now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Query } from '#/platform/http/endpoint.ts';
import { pageLimit } from '#/platform/http/page.ts';
import {
  any,
  array,
  as,
  boolean,
  mapOf,
  nullable,
  object,
  oneOf,
  open,
  optional,
  string,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { readsAll } from '#/services/image/images/image.store.ts';
import { wireTime } from '#/services/image/images/image.view.ts';
import {
  addItem,
  aNamespace,
  findNamespace,
  itemsOf,
  type NamespaceRow,
  tables,
} from '#/services/image/metadefs/metadef.store.ts';
import { metadefTexts as t } from '#/services/image/metadefs/texts.ts';

export const namespaceReader = "role:admin or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))";
const admin = 'role:admin';
const path = '/v2/metadefs/namespaces';

export const resourceTypes = [
  'OS::Cinder::Volume',
  'OS::Glance::Image',
  'OS::Nova::Aggregate',
  'OS::Nova::Flavor',
  'OS::Nova::Server',
  'OS::Trove::Instance',
];
const bornAt = '2014-08-28T17:13:06Z';

function toView(row: NamespaceRow): Record<string, unknown> {
  return {
    namespace: row.name,
    display_name: row.displayName,
    description: row.description,
    visibility: row.visibility,
    protected: row.protected === 1,
    owner: row.projectId,
    created_at: wireTime(row.createdAt),
    updated_at: wireTime(row.updatedAt),
    self: `${path}/${row.name}`,
    schema: '/v2/schemas/metadefs/namespace',
  };
}

async function withTypes(tx: Tx, row: NamespaceRow): Promise<Record<string, unknown>> {
  const types = await itemsOf(tx, row.name, 'resource_type');
  return {
    ...toView(row),
    resource_type_associations: types.map(({ name, body, createdAt, updatedAt }) => ({
      ...(JSON.parse(body) as object),
      name,
      created_at: wireTime(createdAt),
      updated_at: wireTime(updatedAt),
    })),
  };
}

const fields = {
  namespace: string({ min: 1, max: 80 }),
  display_name: optional(nullable(string({ max: 80 }))),
  description: optional(nullable(string({ max: 500 }))),
  visibility: optional(oneOf('public', 'private')),
  protected: optional(boolean()),
  owner: optional(nullable(string({ max: 255 }))),
};

const list = endpoint({
  policy: 'get_metadef_namespaces',
  allow: 'role:admin or (role:reader and project_id:%(project_id)s)',
  route: `GET ${path}`,
  query: as<Query>(mapOf(any())),
  replies: { 200: open({ namespaces: array(mapOf(any())) }) },
  async handle({ tx, query, caller, policy }) {
    const all = readsAll(caller, policy);
    const rows = await tables(tx).selectFrom('metadefNamespaces').selectAll().orderBy('createdAt', 'desc').execute();
    const visibility = query['visibility'];
    const asked = typeof query['resource_types'] === 'string' ? query['resource_types'].split(',') : null;
    const shown: Record<string, unknown>[] = [];
    for (const row of rows) {
      const mine = all || row.visibility === 'public' || row.projectId === caller.projectId;
      if (!mine || (visibility !== undefined && row.visibility !== visibility)) continue;
      const types = (await itemsOf(tx, row.name, 'resource_type')).map(item => item.name);
      if (asked === null || asked.some(type => types.includes(type))) shown.push(await withTypes(tx, row));
    }
    const namespaces = shown.slice(0, pageLimit(query['limit']));
    return { 200: { namespaces, first: path, schema: '/v2/schemas/metadefs/namespaces' } };
  },
});

const create = endpoint({
  policy: 'add_metadef_namespace',
  allow: admin,
  route: `POST ${path}`,
  body: open({ ...fields, resource_type_associations: optional(array(open({ name: string({ min: 1, max: 80 }) }))) }),
  replies: { 201: mapOf(any()) },
  async handle({ tx, body, caller, request }) {
    const name = body.namespace;
    if (await findNamespace(tx, name)) throw new Problem('conflict', t.taken, { name });
    const row: NamespaceRow = {
      name,
      projectId: body.owner ?? caller.projectId ?? '',
      displayName: body.display_name ?? null,
      description: body.description ?? null,
      visibility: body.visibility ?? 'private',
      protected: body.protected ? 1 : 0,
      createdAt: now(tx),
      updatedAt: now(tx),
    };
    await tables(tx).insertInto('metadefNamespaces').values(row).execute();
    for (const { name: type, ...rest } of body.resource_type_associations ?? [])
      await addItem(tx, name, 'resource_type', type, rest);
    return { 201: await withTypes(tx, row), headers: { location: `${request.base}${path}/${name}` } };
  },
});

const show = endpoint({
  policy: 'get_metadef_namespace',
  allow: namespaceReader,
  route: `GET ${path}/{namespace_name}`,
  find: aNamespace,
  replies: { 200: mapOf(any()) },
  handle: async ({ tx, found }) => ({ 200: await withTypes(tx, found) }),
});

const update = endpoint({
  policy: 'modify_metadef_namespace',
  allow: admin,
  route: `PUT ${path}/{namespace_name}`,
  find: aNamespace,
  body: open(fields),
  replies: { 200: mapOf(any()) },
  async handle({ tx, found, body }) {
    const name = body.namespace;
    if (name !== found.name && (await findNamespace(tx, name))) throw new Problem('conflict', t.taken, { name });
    const row: NamespaceRow = {
      ...found,
      name,
      displayName: body.display_name ?? null,
      description: body.description ?? null,
      visibility: body.visibility ?? found.visibility,
      protected: body.protected === undefined ? found.protected : body.protected ? 1 : 0,
      updatedAt: now(tx),
    };
    await tables(tx).updateTable('metadefNamespaces').set(row).where('name', '=', found.name).execute();
    return { 200: toView(row) };
  },
});

const remove = endpoint({
  policy: 'delete_metadef_namespace',
  allow: admin,
  route: `DELETE ${path}/{namespace_name}`,
  find: aNamespace,
  replies: { 204: null },
  async handle({ tx, found }) {
    if (found.protected) throw new Problem('forbidden', t.protected, { name: found.name });
    await tables(tx).deleteFrom('metadefNamespaces').where('name', '=', found.name).execute();
    return { 204: undefined };
  },
});

const listTypes = endpoint({
  policy: 'list_metadef_resource_types',
  allow: 'role:admin or role:reader',
  route: 'GET /v2/metadefs/resource_types',
  replies: { 200: object({ resource_types: array(mapOf(any())) }) },
  handle: async () => ({
    200: { resource_types: resourceTypes.map(name => ({ name, created_at: bornAt, updated_at: bornAt })) },
  }),
});

export const namespaceEndpoints = [list, create, show, update, remove, listTypes];
