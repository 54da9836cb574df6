// Volumes: block devices that a project creates, attaches and snapshots. API: Block Storage v3, "Volumes".

import { endpoint, type Query, since } from '#/platform/http/endpoint.ts';
import { any, array, isTrue, looseBoolean, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  anyQuery,
  checkNamed,
  first,
  hasItems,
  label,
  listedProject,
  member,
  metadataSchema,
  onePage,
  reader,
  readMap,
  readSize,
  timeTest,
  wire,
} from '#/services/block-storage/page.ts';
import type { VolumeRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { typeNames } from '#/services/block-storage/types/type.store.ts';
import { makeVolume } from '#/services/block-storage/volumes/create-volume.ts';
import { attachmentsOfVolume, checkNotOfServer } from '#/services/block-storage/attachments/attachment.store.ts';
import { beginDelete } from '#/services/block-storage/volumes/delete-volume.ts';
import {
  aVolume,
  findVolume,
  listVolumes,
  noVolume,
  updateVolume,
} from '#/services/block-storage/volumes/volume.store.ts';
import { createdView, summaryView, volumeViews } from '#/services/block-storage/volumes/volume.view.ts';

const reference = optional(nullable(string({ max: 255 })));

const create = endpoint({
  policy: 'volume:create',
  allow: member,
  route: 'POST /v3/{project_id}/volumes',
  body: open({
    volume: open({
      size: optional(any()),
      name: optional(nullable(label)),
      display_name: optional(nullable(label)),
      description: optional(nullable(label)),
      display_description: optional(nullable(label)),
      imageRef: reference,
      image_id: reference,
      snapshot_id: reference,
      source_volid: reference,
      availability_zone: reference,
      volume_type: reference,
      multiattach: optional(nullable(looseBoolean())),
      metadata: optional(nullable(metadataSchema)),
    }),
  }),
  replies: { 202: object({ volume: wire }) },
  async handle({ tx, body, caller, version, request, policy }) {
    const ask = body.volume;
    const imageId = ask.imageRef ?? ask.image_id ?? null;
    const target = { project_id: caller.projectId };
    if (imageId !== null && !policy.allows('volume:create_from_image', caller.credentials, target))
      throw new Problem('forbidden', t.badImage, { id: imageId });
    const volume = await makeVolume(tx, caller, {
      sizeGib: ask.size === undefined || ask.size === null ? null : readSize('size', ask.size),
      name: ask.name ?? ask.display_name ?? null,
      description: ask.description ?? ask.display_description ?? null,
      imageId: imageId || null,
      snapshotId: ask.snapshot_id || null,
      sourceVolumeId: ask.source_volid || null,
      availabilityZone: ask.availability_zone ?? null,
      volumeType: ask.volume_type || null,
      multiattach: isTrue(ask.multiattach ?? false),
      metadata: (ask.metadata ?? {}) as Record<string, string>,
    });
    return { 202: { volume: await createdView(tx, volume, { caller, version, request }) } };
  },
});

const sortable = {
  id: 'id',
  name: 'name',
  display_name: 'name',
  size: 'sizeGib',
  status: 'status',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  bootable: 'bootable',
  availability_zone: 'availabilityZone',
  host: 'host',
} as const;

/** @throws Problem invalid for filters that cannot be read */
function filtersOf(query: Query, types: Map<string, string>): (row: VolumeRow) => boolean {
  const tests: ((row: VolumeRow) => boolean)[] = [];
  const on = (name: string, test: (value: string) => (row: VolumeRow) => boolean): void => {
    const value = first(query, name);
    if (value !== undefined) tests.push(test(value));
  };
  const equal = (read: (row: VolumeRow) => string | null) => (value: string) => (row: VolumeRow) => read(row) === value;
  for (const name of ['name', 'display_name'])
    on(
      name,
      equal(row => row.name),
    );
  on('name~', value => row => row.name?.includes(value) ?? false);
  on('status', value => row => row.status === value.toLowerCase());
  on(
    'availability_zone',
    equal(row => row.availabilityZone),
  );
  on(
    'id',
    equal(row => row.id),
  );
  on(
    'user_id',
    equal(row => row.userId),
  );
  on(
    'size',
    equal(row => String(row.sizeGib)),
  );
  on(
    'snapshot_id',
    equal(row => row.snapshotId),
  );
  on(
    'source_volid',
    equal(row => row.sourceVolumeId),
  );
  on('volume_type', value => row => row.typeId === value || types.get(row.typeId) === value);
  on(
    'host',
    equal(row => row.host),
  );
  on('group_id', () => () => false);
  on('bootable', value => row => (row.bootable === 1) === readFlag('bootable', value));
  on('multiattach', value => row => (row.multiattach === 1) === readFlag('multiattach', value));
  on('encrypted', value => () => !readFlag('encrypted', value));
  on('metadata', value => {
    const wanted = readMap('metadata', value);
    return row => hasItems(row.metadata, wanted);
  });
  on('glance_metadata', value => {
    const wanted = readMap('glance_metadata', value);
    return row => hasItems(row.imageMetadata, wanted);
  });
  on('created_at', value => {
    const test = timeTest('created_at', value);
    return row => test(row.createdAt);
  });
  on('updated_at', value => {
    const test = timeTest('updated_at', value);
    return row => test(row.updatedAt);
  });
  return row => tests.every(test => test(row));
}

function readFlag(name: string, value: string): boolean {
  if (!['true', 'false', '1', '0', 't', 'f'].includes(value.toLowerCase()))
    throw new Problem('invalid', t.invalidInput, { name, why: 'it must be true or false' });
  return isTrue(value);
}

function listEndpoint(route: string, detail: boolean) {
  return endpoint({
    policy: 'volume:get_all',
    allow: reader,
    route,
    query: anyQuery,
    replies: { 200: open({ volumes: array(wire) }) },
    async handle({ tx, query, caller, policy, version, request }) {
      checkNamed(request);
      const context = { caller, version, request };
      const all = await listVolumes(tx, listedProject(query, caller, policy));
      const rows = all.filter(filtersOf(query, await typeNames(tx)));
      const page = onePage(rows, query, request, {
        keys: sortable,
        fallback: [{ key: 'createdAt', direction: 'desc' }],
        noMarker: noVolume,
      });
      const volumes = detail
        ? await volumeViews(tx, page.rows, context)
        : page.rows.map(row => summaryView(row, context));
      const links = page.links.length ? { volumes_links: page.links } : {};
      const count = since(version, '3.45') && isTrue(first(query, 'with_count') ?? false) ? { count: rows.length } : {};
      return { 200: { volumes, ...links, ...count } };
    },
  });
}

const summary = endpoint({
  policy: 'volume:get_all',
  versions: '3.12-',
  route: 'GET /v3/{project_id}/volumes/summary',
  query: anyQuery,
  replies: { 200: object({ 'volume-summary': wire }) },
  async handle({ tx, query, caller, policy, version }) {
    const rows = await listVolumes(tx, listedProject(query, caller, policy));
    const total = { total_size: rows.reduce((sum, row) => sum + row.sizeGib, 0), total_count: rows.length };
    const metadata: Record<string, string[]> = {};
    for (const row of rows)
      for (const [key, value] of Object.entries(JSON.parse(row.metadata) as Record<string, string>))
        metadata[key] = [...new Set([...(metadata[key] ?? []), value])];
    return { 200: { 'volume-summary': { ...total, ...(since(version, '3.36') ? { metadata } : {}) } } };
  },
});

const show = endpoint({
  policy: 'volume:get',
  allow: reader,
  route: 'GET /v3/{project_id}/volumes/{volume_id}',
  find: aVolume,
  replies: { 200: object({ volume: wire }) },
  async handle({ tx, found, caller, version, request }) {
    const [volume] = await volumeViews(tx, [found], { caller, version, request });
    return { 200: { volume } };
  },
});

const update = endpoint({
  policy: 'volume:update',
  allow: member,
  route: 'PUT /v3/{project_id}/volumes/{volume_id}',
  find: aVolume,
  body: open({
    volume: open({
      name: optional(nullable(label)),
      display_name: optional(nullable(label)),
      description: optional(nullable(label)),
      display_description: optional(nullable(label)),
      metadata: optional(nullable(metadataSchema)),
    }),
  }),
  replies: { 200: object({ volume: wire }) },
  async handle({ tx, found, body, caller, version, request }) {
    const ask = body.volume;
    const name = ask.name ?? ask.display_name;
    const description = ask.description ?? ask.display_description;
    if (since(version, '3.53') && name === undefined && description === undefined && ask.metadata == null)
      throw new Problem('invalid', t.invalidInput, { name: 'volume', why: 'there is nothing to change' });
    await updateVolume(tx, found.id, {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(ask.metadata == null ? {} : { metadata: JSON.stringify(ask.metadata) }),
    });
    const volume = (await findVolume(tx, found.id))!;
    return { 200: { volume: await createdView(tx, volume, { caller, version, request }) } };
  },
});

const remove = endpoint({
  policy: 'volume:delete',
  allow: member,
  route: 'DELETE /v3/{project_id}/volumes/{volume_id}',
  find: aVolume,
  query: anyQuery,
  replies: { 202: null },
  async handle({ tx, found, query, caller, policy, version }) {
    const cascade = isTrue(first(query, 'cascade') ?? false);
    const force = since(version, '3.23') && isTrue(first(query, 'force') ?? false);
    if (force && !policy.allows('volume:force_delete', caller.credentials, { project_id: found.projectId }))
      throw new Problem('forbidden', t.wrongStatus, { id: found.id, wanted: 'available', status: found.status });
    if (force) (await attachmentsOfVolume(tx, found.id)).forEach(checkNotOfServer);
    await beginDelete(tx, found, { cascade, force });
    return { 202: undefined };
  },
});

/** `PUT …/volumes/` and `DELETE …/volumes/`: a volume without an id. */
const noneNamed = (['PUT', 'DELETE'] as const).map(method =>
  endpoint({
    policy: method === 'PUT' ? 'volume:update' : 'volume:delete',
    route: `${method} /v3/{project_id}/volumes`,
    replies: { 202: null },
    handle: async () => Promise.reject(noVolume('')),
  }),
);

export const volumeEndpoints = [
  create,
  listEndpoint('GET /v3/{project_id}/volumes', false),
  listEndpoint('GET /v3/{project_id}/volumes/detail', true),
  summary,
  show,
  update,
  remove,
  ...noneNamed,
];
