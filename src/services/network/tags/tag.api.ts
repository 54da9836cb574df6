// Tags: words on any resource with standard attributes. API: Network v2.0, "Standard attributes tag extension".

import { readAttributes, both } from '#/services/network/attributes/attribute.ts';
import { tags as tagList, text } from '#/services/network/attributes/checks.ts';
import type { Found, Resource } from '#/services/network/attributes/resource.ts';
import { attributeRules } from '#/services/network/rules.ts';
import { db, type NetworkTables } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { any, array, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';

type Tagged = Found & { tags: string; revision: number };
type TaggedTable = Exclude<
  keyof NetworkTables,
  'portAddresses' | 'portSecurityGroups' | 'networkQuotas' | 'networkRbacPolicies'
>;

const word = text(255, { min: 1 });

/** The tag calls of one resource. */
export function tagEndpoints<F extends Tagged>(resource: Resource<F>, table: TaggedTable): Endpoint[] {
  const { singular, path } = resource;
  const route = `/v2.0/${path}/{id}/tags`;
  const find: Finder<F> = {
    async find({ tx, path: { id = '' }, caller }) {
      const [row] = await resource.list(tx, { all: true, projectId: caller.projectId ?? '', only: { id: [id] } });
      return row;
    },
    missing: ({ id = '' }) => new Problem('notFound', resource.missing, { id: id.slice(0, 80) }),
    target: row => ({
      ...resource.view(row),
      project_id: row.projectId,
      tenant_id: row.projectId,
      ...resource.target?.(row),
    }),
    visible: resource.visible ?? ((row, caller) => row.projectId === caller.projectId),
  };
  const tagsOf = (row: F): string[] => JSON.parse(row.tags) as string[];
  const set = async (tx: Tx, row: F, tags: string[]): Promise<string[]> => {
    const unique = [...new Set(tags)];
    await db(tx)
      .updateTable(table)
      .set({ tags: JSON.stringify(unique), revision: row.revision + 1, updatedAt: now(tx) })
      .where('id', '=', row.id)
      .execute();
    return unique;
  };
  const read = (body: unknown): string[] => {
    const given = readAttributes({ tags: both(tagList) }, body, 'put')['tags'] as string[] | undefined;
    if (!given) throw new Problem('invalid', t.missingAttribute, { name: 'tags' });
    return given;
  };
  const needed = (row: F, tag: string): void => {
    if (!tagsOf(row).includes(tag)) throw new Problem('notFound', t.tagNotFound, { tag: tag.slice(0, 80) });
  };
  const get = { policy: `get_${singular}:tags`, allow: attributeRules[`get_${singular}:tags`], find };
  const update = { policy: `update_${singular}:tags`, allow: attributeRules[`update_${singular}:tags`], find };
  const body = open({ tags: optional(any()) });
  return [
    endpoint({
      ...get,
      route: `GET ${route}`,
      replies: { 200: object({ tags: array(string()) }) },
      handle: async ({ found }) => ({ 200: { tags: tagsOf(found) } }),
    }),
    endpoint({
      ...get,
      route: `GET ${route}/{tag}`,
      replies: { 204: null },
      handle: async ({ found, path: { tag = '' } }) => {
        needed(found, tag);
        return { 204: undefined };
      },
    }),
    endpoint({
      ...update,
      route: `PUT ${route}`,
      body,
      replies: { 200: object({ tags: array(string()) }) },
      handle: async ({ tx, found, body: sent }) => ({ 200: { tags: await set(tx, found, read(sent)) } }),
    }),
    endpoint({
      policy: `create_${singular}:tags`,
      allow: attributeRules[`create_${singular}:tags`],
      find,
      route: `POST ${route}`,
      body,
      replies: { 201: null },
      handle: async ({ tx, found, body: sent }) => {
        await set(tx, found, [...tagsOf(found), ...read(sent)]);
        return { 201: undefined };
      },
    }),
    endpoint({
      ...update,
      route: `PUT ${route}/{tag}`,
      replies: { 201: null },
      handle: async ({ tx, found, path: { tag = '' } }) => {
        await set(tx, found, [...tagsOf(found), readAttributes({ tag: both(word) }, { tag }, 'put')['tag'] as string]);
        return { 201: undefined };
      },
    }),
    endpoint({
      policy: `delete_${singular}:tags`,
      allow: attributeRules[`delete_${singular}:tags`],
      find,
      route: `DELETE ${route}`,
      replies: { 204: null },
      handle: async ({ tx, found }) => {
        await set(tx, found, []);
        return { 204: undefined };
      },
    }),
    endpoint({
      policy: `delete_${singular}:tags`,
      allow: attributeRules[`delete_${singular}:tags`],
      find,
      route: `DELETE ${route}/{tag}`,
      replies: { 204: null },
      handle: async ({ tx, found, path: { tag = '' } }) => {
        needed(found, tag);
        await set(
          tx,
          found,
          tagsOf(found).filter(one => one !== tag),
        );
        return { 204: undefined };
      },
    }),
  ];
}
