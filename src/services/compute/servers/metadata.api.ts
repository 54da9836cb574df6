// A server's metadata and tags. API: Compute, "Server metadata", "Server tags".

import { replan } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { array, mapOf, object, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { projectMember, projectReader } from '#/services/compute/allow.ts';
import { limitOf } from '#/services/compute/quotas/quota.store.ts';
import { tag as tagSchema } from '#/services/compute/servers/create.schema.ts';
import { mustAllow, serverFinder as find } from '#/services/compute/servers/server.finder.ts';
import { changeServer, type Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { metadata } from '#/services/compute/wire.ts';

const allReply = object({ metadata: mapOf(string()) });
const oneReply = object({ meta: mapOf(string()) });
const path = '/v2.1/servers/{server_id}/metadata';

/** The guest sees its metadata: its host is told. @throws Problem overQuota */
async function keep(tx: Tx, server: Server, items: Record<string, string>): Promise<void> {
  const limit = await limitOf(tx, 'metadata_items', server.projectId);
  const requested = Object.keys(items).length;
  if (limit >= 0 && requested > limit)
    throw new Problem('overQuota', t.tooManyItems, { resource: 'metadata_items', requested, limit });
  await changeServer(tx, server.id, { metadata: items });
  if (server.host !== null) await replan(tx, server.host);
}

function item(server: Server, key: string): string {
  const value = Object.hasOwn(server.metadata, key) ? server.metadata[key] : undefined;
  if (value === undefined) throw new Problem('notFound', t.metadataNotFound, { key: key.slice(0, 255) });
  return value;
}

const list = endpoint({
  policy: 'os_compute_api:server-metadata:index',
  allow: projectReader,
  route: `GET ${path}`,
  find,
  replies: { 200: allReply },
  handle: async ({ found }) => ({ 200: { metadata: found.metadata } }),
});

const add = endpoint({
  policy: 'os_compute_api:server-metadata:create',
  allow: projectMember,
  route: `POST ${path}`,
  find,
  body: object({ metadata: metadata() }),
  replies: { 200: allReply },
  async handle({ tx, found, body, caller }) {
    mustAllow('update_metadata', found, caller);
    const items = { ...found.metadata, ...body.metadata };
    await keep(tx, found, items);
    return { 200: { metadata: items } };
  },
});

const replace = endpoint({
  policy: 'os_compute_api:server-metadata:update_all',
  allow: projectMember,
  route: `PUT ${path}`,
  find,
  body: object({ metadata: metadata() }),
  replies: { 200: allReply },
  async handle({ tx, found, body, caller }) {
    mustAllow('update_metadata', found, caller);
    await keep(tx, found, body.metadata);
    return { 200: { metadata: body.metadata } };
  },
});

const show = endpoint({
  policy: 'os_compute_api:server-metadata:show',
  allow: projectReader,
  route: `GET ${path}/{key}`,
  find,
  replies: { 200: oneReply },
  handle: async ({ found, path: { key } }) => ({ 200: { meta: { [key!]: item(found, key!) } } }),
});

const set = endpoint({
  policy: 'os_compute_api:server-metadata:update',
  allow: projectMember,
  route: `PUT ${path}/{key}`,
  find,
  body: object({ meta: metadata() }),
  replies: { 200: oneReply },
  async handle({ tx, found, body, caller, path: { key } }) {
    if (Object.keys(body.meta).length !== 1 || !Object.hasOwn(body.meta, key!))
      throw new Problem('invalid', t.metadataKey, { key: key!.slice(0, 255) });
    mustAllow('update_metadata', found, caller);
    await keep(tx, found, { ...found.metadata, ...body.meta });
    return { 200: { meta: body.meta } };
  },
});

const remove = endpoint({
  policy: 'os_compute_api:server-metadata:delete',
  allow: projectMember,
  route: `DELETE ${path}/{key}`,
  find,
  replies: { 204: null },
  async handle({ tx, found, caller, path: { key } }) {
    item(found, key!);
    mustAllow('update_metadata', found, caller);
    const { [key!]: _, ...rest } = found.metadata;
    await keep(tx, found, rest);
    return { 204: undefined };
  },
});

const tagsPath = '/v2.1/servers/{server_id}/tags';
const tagLimit = 50;

function checkTag(tag: string): void {
  if (!/^[^,/]{1,60}$/.test(tag)) throw new Problem('invalid', t.tagInvalid, { tag: tag.slice(0, 80) });
}

function mustHave(server: Server, tag: string): void {
  if (!server.tags.includes(tag))
    throw new Problem('notFound', t.tagNotFound, { id: server.id, tag: tag.slice(0, 80) });
}

const listTags = endpoint({
  policy: 'os_compute_api:os-server-tags:index',
  allow: projectReader,
  route: `GET ${tagsPath}`,
  versions: '2.26-',
  find,
  replies: { 200: object({ tags: array(string()) }) },
  handle: async ({ found }) => ({ 200: { tags: found.tags } }),
});

const replaceTags = endpoint({
  policy: 'os_compute_api:os-server-tags:update_all',
  allow: projectMember,
  route: `PUT ${tagsPath}`,
  versions: '2.26-',
  find,
  body: object({ tags: array(tagSchema()) }),
  replies: { 200: object({ tags: array(string()) }) },
  async handle({ tx, found, body, caller }) {
    mustAllow('change_tags', found, caller);
    const tags = [...new Set(body.tags)].toSorted();
    if (tags.length > tagLimit) throw new Problem('invalid', t.tooManyTags, { limit: tagLimit });
    await changeServer(tx, found.id, { tags });
    return { 200: { tags } };
  },
});

const clearTags = endpoint({
  policy: 'os_compute_api:os-server-tags:delete_all',
  allow: projectMember,
  route: `DELETE ${tagsPath}`,
  versions: '2.26-',
  find,
  replies: { 204: null },
  async handle({ tx, found, caller }) {
    mustAllow('change_tags', found, caller);
    await changeServer(tx, found.id, { tags: [] });
    return { 204: undefined };
  },
});

const showTag = endpoint({
  policy: 'os_compute_api:os-server-tags:show',
  allow: projectReader,
  route: `GET ${tagsPath}/{tag}`,
  versions: '2.26-',
  find,
  replies: { 204: null },
  async handle({ found, path: { tag } }) {
    mustHave(found, tag!);
    return { 204: undefined };
  },
});

const addTag = endpoint({
  policy: 'os_compute_api:os-server-tags:update',
  allow: projectMember,
  route: `PUT ${tagsPath}/{tag}`,
  versions: '2.26-',
  find,
  replies: { 201: null, 204: null },
  async handle({ tx, found, caller, path: { tag }, request }) {
    checkTag(tag!);
    mustAllow('change_tags', found, caller);
    if (found.tags.includes(tag!)) return { 204: undefined };
    if (found.tags.length >= tagLimit) throw new Problem('invalid', t.tooManyTags, { limit: tagLimit });
    await changeServer(tx, found.id, { tags: [...found.tags, tag!].toSorted() });
    const location = `${request.base}/v2.1/servers/${found.id}/tags/${encodeURIComponent(tag!)}`;
    return { 201: undefined, headers: { location } };
  },
});

const removeTag = endpoint({
  policy: 'os_compute_api:os-server-tags:delete',
  allow: projectMember,
  route: `DELETE ${tagsPath}/{tag}`,
  versions: '2.26-',
  find,
  replies: { 204: null },
  async handle({ tx, found, caller, path: { tag } }) {
    mustHave(found, tag!);
    mustAllow('change_tags', found, caller);
    await changeServer(tx, found.id, { tags: found.tags.filter(one => one !== tag) });
    return { 204: undefined };
  },
});

export const metadataEndpoints = [
  list,
  add,
  replace,
  show,
  set,
  remove,
  listTags,
  replaceTags,
  clearTags,
  showTag,
  addTag,
  removeTag,
];
