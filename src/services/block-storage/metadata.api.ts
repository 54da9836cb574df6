// Metadata of volumes and snapshots: the same calls for both. API: Block Storage v3, "Volumes", "Snapshots".

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { object } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { member, metadataSchema, reader, wire } from '#/services/block-storage/page.ts';
import { aSnapshot, updateSnapshot } from '#/services/block-storage/snapshots/snapshot.store.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { aVolume, updateVolume } from '#/services/block-storage/volumes/volume.store.ts';

type Items = Record<string, string>;

function metadataCalls<F extends { id: string; metadata: string }>(options: {
  path: string;
  find: Finder<F>;
  rules: { get: string; create: string; update: string; remove: string };
  save(tx: Tx, id: string, metadata: string): Promise<void>;
}) {
  const { path, find, rules, save } = options;
  const put = async (tx: Tx, found: F, items: Items): Promise<Items> => {
    await save(tx, found.id, JSON.stringify(items));
    return items;
  };
  const itemsOf = (found: F): Items => JSON.parse(found.metadata) as Items;
  const noKey = (key: string): Problem =>
    new Problem('notFound', t.keyNotFound, { key: key.slice(0, 80), what: 'metadata' });
  const all = object({ metadata: metadataSchema });
  return [
    endpoint({
      policy: rules.get,
      allow: reader,
      route: `GET ${path}/metadata`,
      find,
      replies: { 200: object({ metadata: wire }) },
      handle: async ({ found }) => ({ 200: { metadata: itemsOf(found) } }),
    }),
    endpoint({
      policy: rules.create,
      allow: member,
      route: `POST ${path}/metadata`,
      find,
      body: all,
      replies: { 200: object({ metadata: wire }) },
      handle: async ({ tx, found, body }) => ({
        200: { metadata: await put(tx, found, { ...itemsOf(found), ...(body.metadata as Items) }) },
      }),
    }),
    endpoint({
      policy: rules.update,
      allow: member,
      route: `PUT ${path}/metadata`,
      find,
      body: all,
      replies: { 200: object({ metadata: wire }) },
      handle: async ({ tx, found, body }) => ({ 200: { metadata: await put(tx, found, body.metadata as Items) } }),
    }),
    endpoint({
      policy: rules.get,
      route: `GET ${path}/metadata/{key}`,
      find,
      replies: { 200: object({ meta: wire }) },
      async handle({ found, path: { key = '' } }) {
        const items = itemsOf(found);
        if (!Object.hasOwn(items, key)) throw noKey(key);
        return { 200: { meta: { [key]: items[key] } } };
      },
    }),
    endpoint({
      policy: rules.update,
      route: `PUT ${path}/metadata/{key}`,
      find,
      body: object({ meta: metadataSchema }),
      replies: { 200: object({ meta: wire }) },
      async handle({ tx, found, body, path: { key = '' } }) {
        const meta = body.meta as Items;
        if (!Object.hasOwn(meta, key) || Object.keys(meta).length !== 1)
          throw new Problem('invalid', t.invalidInput, { name: 'meta', why: 'it must have the key of the URL alone' });
        await put(tx, found, { ...itemsOf(found), ...meta });
        return { 200: { meta } };
      },
    }),
    endpoint({
      policy: rules.remove,
      allow: member,
      route: `DELETE ${path}/metadata/{key}`,
      find,
      replies: { 200: null },
      async handle({ tx, found, path: { key = '' } }) {
        const { [key]: gone, ...rest } = itemsOf(found);
        if (gone === undefined) throw noKey(key);
        await put(tx, found, rest);
        return { 200: undefined };
      },
    }),
  ];
}

export const metadataEndpoints = [
  ...metadataCalls({
    path: '/v3/{project_id}/volumes/{volume_id}',
    find: aVolume,
    rules: {
      get: 'volume:get_volume_metadata',
      create: 'volume:create_volume_metadata',
      update: 'volume:update_volume_metadata',
      remove: 'volume:delete_volume_metadata',
    },
    save: (tx, id, metadata) => updateVolume(tx, id, { metadata }),
  }),
  ...metadataCalls({
    path: '/v3/{project_id}/snapshots/{snapshot_id}',
    find: aSnapshot,
    rules: {
      get: 'volume:get_snapshot_metadata',
      create: 'volume:update_snapshot_metadata',
      update: 'volume:update_snapshot_metadata',
      remove: 'volume:delete_snapshot_metadata',
    },
    save: (tx, id, metadata) => updateSnapshot(tx, id, { metadata }),
  }),
];
