// What is in a namespace: objects, properties, tags, resource types. The first three are kept and told alike.
// API: Image v2, "Metadata definition objects", "… properties", "… tags", "… resource types".

import { endpoint } from '#/platform/http/endpoint.ts';
import { any, array, mapOf, object, open, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { wireTime } from '#/services/image/images/image.view.ts';
import {
  addItem,
  aNamespace,
  changeItem,
  findItem,
  type ItemKind,
  type ItemRow,
  itemsOf,
  removeItems,
} from '#/services/image/metadefs/metadef.store.ts';
import { namespaceReader } from '#/services/image/metadefs/namespace.api.ts';
import { metadefTexts as t } from '#/services/image/metadefs/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';

const admin = 'role:admin';
const base = '/v2/metadefs/namespaces/{namespace_name}';
const name = string({ min: 1, max: 80 });
const one = mapOf(any());

/** @throws Problem notFound */
async function need(tx: Tx, namespace: string, kind: ItemKind, item: string): Promise<ItemRow> {
  const row = await findItem(tx, namespace, kind, item);
  if (!row) throw new Problem('notFound', t.noItem, { kind, name: item.slice(0, 80), namespace });
  return row;
}

function toView(row: ItemRow): Record<string, unknown> {
  const view = { ...(JSON.parse(row.body) as object), name: row.name };
  if (row.kind === 'property') return view;
  const times = { created_at: wireTime(row.createdAt), updated_at: wireTime(row.updatedAt) };
  if (row.kind !== 'object') return { ...view, ...times };
  const self = `/v2/metadefs/namespaces/${row.namespace}/objects/${row.name}`;
  return { ...view, ...times, self, schema: '/v2/schemas/metadefs/object' };
}

interface Calls {
  kind: 'object' | 'property' | 'tag';
  plural: 'objects' | 'properties' | 'tags';
  rules: { list: string; get: string; add: string; modify: string; remove: string };
}

function itemCalls({ kind, plural, rules }: Calls) {
  const path = `${base}/${plural}/{item_name}`;
  return [
    endpoint({
      policy: rules.list,
      allow: namespaceReader,
      route: `GET ${base}/${plural}`,
      find: aNamespace,
      replies: { 200: open({ [plural]: any() }) },
      async handle({ tx, found }) {
        const views = (await itemsOf(tx, found.name, kind)).map(toView);
        if (kind !== 'property') return { 200: { [plural]: views } };
        const named = views.map(({ name: key, ...rest }) => [key as string, rest] as const);
        return { 200: { properties: Object.fromEntries(named) } };
      },
    }),
    endpoint({
      policy: rules.get,
      allow: namespaceReader,
      route: `GET ${path}`,
      find: aNamespace,
      replies: { 200: one },
      handle: async ({ tx, found, path: { item_name: item = '' } }) => ({
        200: toView(await need(tx, found.name, kind, item)),
      }),
    }),
    endpoint({
      policy: rules.modify,
      allow: admin,
      route: `PUT ${path}`,
      find: aNamespace,
      body: open({ name }),
      replies: { 200: one },
      async handle({ tx, found, body, path: { item_name: item = '' } }) {
        const { name: renamed, ...rest } = body;
        return { 200: toView(await changeItem(tx, await need(tx, found.name, kind, item), renamed, rest)) };
      },
    }),
    endpoint({
      policy: rules.remove,
      allow: admin,
      route: `DELETE ${path}`,
      find: aNamespace,
      replies: { 204: null },
      async handle({ tx, found, path: { item_name: item = '' } }) {
        await need(tx, found.name, kind, item);
        await removeItems(tx, found.name, kind, item);
        return { 204: undefined };
      },
    }),
  ];
}

function createCall(kind: 'object' | 'property', plural: string, policy: string) {
  return endpoint({
    policy,
    allow: admin,
    route: `POST ${base}/${plural}`,
    find: aNamespace,
    body: open({ name }),
    replies: { 201: one },
    async handle({ tx, found, body }) {
      const { name: item, ...rest } = body;
      return { 201: toView(await addItem(tx, found.name, kind, item, rest)) };
    },
  });
}

const createTags = endpoint({
  policy: 'add_metadef_tags',
  allow: admin,
  route: `POST ${base}/tags`,
  find: aNamespace,
  body: open({ tags: array(open({ name }), { max: 1000 }) }),
  replies: { 201: object({ tags: array(one) }) },
  async handle({ tx, found, body, request }) {
    if (request.headers['x-openstack-append'] !== 'True') await removeItems(tx, found.name, 'tag');
    for (const tag of body.tags) await addItem(tx, found.name, 'tag', tag.name, {});
    return { 201: { tags: body.tags.map(tag => ({ name: tag.name })) } };
  },
});

const createTag = endpoint({
  policy: 'add_metadef_tag',
  allow: admin,
  route: `POST ${base}/tags/{item_name}`,
  find: aNamespace,
  replies: { 201: one },
  handle: async ({ tx, found, path: { item_name: item = '' } }) => ({
    201: toView(await addItem(tx, found.name, 'tag', item, {})),
  }),
});

const removeTags = endpoint({
  policy: 'delete_metadef_tags',
  allow: admin,
  route: `DELETE ${base}/tags`,
  find: aNamespace,
  replies: { 204: null },
  async handle({ tx, found }) {
    await removeItems(tx, found.name, 'tag');
    return { 204: undefined };
  },
});

const listTypes = endpoint({
  policy: 'get_metadef_resource_type',
  allow: namespaceReader,
  route: `GET ${base}/resource_types`,
  find: aNamespace,
  replies: { 200: object({ resource_type_associations: array(one) }) },
  handle: async ({ tx, found }) => ({
    200: { resource_type_associations: (await itemsOf(tx, found.name, 'resource_type')).map(toView) },
  }),
});

const addType = endpoint({
  policy: 'add_metadef_resource_type_association',
  allow: admin,
  route: `POST ${base}/resource_types`,
  find: aNamespace,
  body: open({ name }),
  replies: { 201: one },
  async handle({ tx, found, body }) {
    const { name: item, ...rest } = body;
    return { 201: toView(await addItem(tx, found.name, 'resource_type', item, rest)) };
  },
});

const removeType = endpoint({
  policy: 'remove_metadef_resource_type_association',
  allow: admin,
  route: `DELETE ${base}/resource_types/{item_name}`,
  find: aNamespace,
  replies: { 204: null },
  async handle({ tx, found, path: { item_name: item = '' } }) {
    await need(tx, found.name, 'resource_type', item);
    await removeItems(tx, found.name, 'resource_type', item);
    return { 204: undefined };
  },
});

const rulesOf = (kind: 'object' | 'property' | 'tag', plural: string) => ({
  list: `get_metadef_${plural}`,
  get: `get_metadef_${kind}`,
  add: `add_metadef_${kind}`,
  modify: `modify_metadef_${kind}`,
  remove: kind === 'property' ? 'remove_metadef_property' : `delete_metadef_${kind}`,
});

export const itemEndpoints = [
  ...itemCalls({ kind: 'object', plural: 'objects', rules: rulesOf('object', 'objects') }),
  ...itemCalls({ kind: 'property', plural: 'properties', rules: rulesOf('property', 'properties') }),
  ...itemCalls({ kind: 'tag', plural: 'tags', rules: rulesOf('tag', 'tags') }),
  createCall('object', 'objects', 'add_metadef_object'),
  createCall('property', 'properties', 'add_metadef_property'),
  createTags,
  createTag,
  removeTags,
  listTypes,
  addType,
  removeType,
];
