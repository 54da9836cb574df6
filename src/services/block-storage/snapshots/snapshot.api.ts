// Snapshots of volumes. API: Block Storage v3, "Volume snapshots", "Snapshot actions".

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Microversion, since } from '#/platform/http/endpoint.ts';
import { any, array, isTrue, looseBoolean, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { start, supersede } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  admin,
  anyQuery,
  first,
  hasItems,
  label,
  listedProject,
  member,
  metadataSchema,
  onePage,
  reader,
  readMap,
  wire,
} from '#/services/block-storage/page.ts';
import {
  aSnapshot,
  findSnapshot,
  listSnapshots,
  updateSnapshot,
} from '#/services/block-storage/snapshots/snapshot.store.ts';
import { makeSnapshot } from '#/services/block-storage/snapshots/make-snapshot.ts';
import type { SnapshotRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { isBeingCopied } from '#/services/block-storage/volumes/create-volume.ts';
import { deleteSnapshot } from '#/services/block-storage/volumes/volume.operations.ts';
import { findVolume, ownVolume } from '#/services/block-storage/volumes/volume.store.ts';

const progress = { creating: '0%', available: '100%', deleting: '100%', error: '0%', error_deleting: '100%' };

function summaryView(row: SnapshotRow, version: Microversion): Record<string, unknown> {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    volume_id: row.volumeId,
    status: row.status,
    size: row.sizeGib,
    metadata: JSON.parse(row.metadata) as object,
    created_at: row.createdAt,
    updated_at: row.updatedAt,
    ...(since(version, '3.14') ? { group_snapshot_id: null } : {}),
    ...(since(version, '3.41') ? { user_id: row.userId } : {}),
    ...(since(version, '3.65') ? { consumes_quota: true } : {}),
  };
}

function detailView(row: SnapshotRow, version: Microversion): Record<string, unknown> {
  return {
    ...summaryView(row, version),
    'os-extended-snapshot-attributes:progress': progress[row.status],
    'os-extended-snapshot-attributes:project_id': row.projectId,
  };
}

const create = endpoint({
  policy: 'volume:create_snapshot',
  allow: member,
  route: 'POST /v3/{project_id}/snapshots',
  body: open({
    snapshot: open({
      volume_id: nullable(string({ max: 255 })),
      name: optional(nullable(label)),
      display_name: optional(nullable(label)),
      description: optional(nullable(label)),
      force: optional(nullable(looseBoolean())),
      metadata: optional(nullable(metadataSchema)),
    }),
  }),
  replies: { 202: object({ snapshot: wire }) },
  async handle({ tx, body, caller, version }) {
    const ask = body.snapshot;
    const volume = await ownVolume(tx, caller, ask.volume_id ?? '');
    const row = await makeSnapshot(tx, caller, volume, {
      name: ask.name ?? ask.display_name ?? null,
      description: ask.description ?? null,
      metadata: (ask.metadata ?? {}) as Record<string, string>,
      force: isTrue(ask.force ?? false) || since(version, '3.66'),
    });
    return { 202: { snapshot: summaryView(row, version) } };
  },
});

const sortable = {
  id: 'id',
  name: 'name',
  display_name: 'name',
  status: 'status',
  created_at: 'createdAt',
  volume_id: 'volumeId',
  size: 'sizeGib',
} as const;

function listEndpoint(route: string, detail: boolean) {
  return endpoint({
    policy: 'volume:get_all_snapshots',
    allow: reader,
    route,
    query: anyQuery,
    replies: { 200: open({ snapshots: array(wire) }) },
    async handle({ tx, query, caller, policy, version, request }) {
      const all = await listSnapshots(tx, listedProject(query, caller, policy));
      const name = first(query, 'name') ?? first(query, 'display_name');
      const status = first(query, 'status');
      const volumeId = first(query, 'volume_id');
      const metadata = first(query, 'metadata');
      const wanted = metadata === undefined ? {} : readMap('metadata', metadata);
      const rows = all.filter(
        row =>
          (name === undefined || row.name === name) &&
          (status === undefined || row.status === status) &&
          (volumeId === undefined || row.volumeId === volumeId) &&
          hasItems(row.metadata, wanted),
      );
      const page = onePage(rows, query, request, {
        keys: sortable,
        fallback: [{ key: 'createdAt', direction: 'desc' }],
        noMarker: noSnapshot,
      });
      const view = detail ? detailView : summaryView;
      const links = page.links.length ? { snapshots_links: page.links } : {};
      const count = since(version, '3.45') && isTrue(first(query, 'with_count') ?? false) ? { count: rows.length } : {};
      return { 200: { snapshots: page.rows.map(row => view(row, version)), ...links, ...count } };
    },
  });
}

function noSnapshot(id: string): Problem {
  return new Problem('notFound', t.snapshotNotFound, { id: id.slice(0, 80) });
}

const show = endpoint({
  policy: 'volume:get_snapshot',
  allow: reader,
  route: 'GET /v3/{project_id}/snapshots/{snapshot_id}',
  find: aSnapshot,
  replies: { 200: object({ snapshot: wire }) },
  handle: async ({ found, version }) => ({ 200: { snapshot: detailView(found, version) } }),
});

const update = endpoint({
  policy: 'volume:update_snapshot',
  allow: member,
  route: 'PUT /v3/{project_id}/snapshots/{snapshot_id}',
  find: aSnapshot,
  body: open({
    snapshot: open({
      name: optional(nullable(label)),
      display_name: optional(nullable(label)),
      description: optional(nullable(label)),
      display_description: optional(nullable(label)),
    }),
  }),
  replies: { 200: object({ snapshot: wire }) },
  async handle({ tx, found, body, version }) {
    const ask = body.snapshot;
    const name = ask.name ?? ask.display_name;
    const description = ask.description ?? ask.display_description;
    await updateSnapshot(tx, found.id, {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
    });
    return { 200: { snapshot: summaryView((await findSnapshot(tx, found.id))!, version) } };
  },
});

const remove = endpoint({
  policy: 'volume:delete_snapshot',
  allow: member,
  route: 'DELETE /v3/{project_id}/snapshots/{snapshot_id}',
  find: aSnapshot,
  replies: { 202: null },
  async handle({ tx, found }) {
    const { id, status } = found;
    const allowed = ['available', 'error', 'error_deleting'];
    if (!allowed.includes(status)) throw new Problem('invalid', t.snapshotStatus, { id, wanted: allowed, status });
    await beginDelete(tx, found);
    return { 202: undefined };
  },
});

async function beginDelete(tx: Tx, { id, volumeId, projectId, status }: SnapshotRow): Promise<void> {
  if (status === 'deleting') return;
  if (await isBeingCopied(tx, '', [id])) throw new Problem('invalid', t.isSource, { id });
  const volume = await findVolume(tx, volumeId);
  await supersede(tx, id);
  await updateSnapshot(tx, id, { status: 'deleting' });
  const host = volume?.planned ? volume.host : null;
  await start(tx, deleteSnapshot, { snapshotId: id, volumeId, host }, { resourceId: id, projectId });
}

const route = 'POST /v3/{project_id}/snapshots/{snapshot_id}/action';

const forceDelete = endpoint({
  policy: 'volume_extension:snapshot_admin_actions:force_delete',
  allow: admin,
  route,
  action: 'os-force_delete',
  find: aSnapshot,
  replies: { 202: null },
  async handle({ tx, found }) {
    await beginDelete(tx, found);
    return { 202: undefined };
  },
});

const statuses = ['creating', 'available', 'deleting', 'error', 'error_deleting'] as const;

function readStatus(text: string): SnapshotRow['status'] {
  const status = statuses.find(one => one === text.toLowerCase());
  if (status) return status;
  throw new Problem('invalid', t.invalidInput, { name: 'status', why: `it must be one of ${statuses.join(', ')}` });
}

const resetStatus = endpoint({
  policy: 'volume_extension:snapshot_admin_actions:reset_status',
  allow: admin,
  route,
  action: 'os-reset_status',
  find: aSnapshot,
  body: open({ 'os-reset_status': open({ status: string({ max: 40 }) }) }),
  replies: { 202: null },
  async handle({ tx, found, body }) {
    await updateSnapshot(tx, found.id, { status: readStatus(body['os-reset_status'].status) });
    return { 202: undefined };
  },
});

const updateStatus = endpoint({
  policy: 'snapshot_extension:snapshot_actions:update_snapshot_status',
  allow: member,
  route,
  action: 'os-update_snapshot_status',
  find: aSnapshot,
  body: open({ 'os-update_snapshot_status': open({ status: string({ max: 40 }), progress: optional(any()) }) }),
  replies: { 202: null },
  async handle({ tx, found, body }) {
    await updateSnapshot(tx, found.id, { status: readStatus(body['os-update_snapshot_status'].status) });
    return { 202: undefined };
  },
});

export const snapshotEndpoints = [
  create,
  listEndpoint('GET /v3/{project_id}/snapshots', false),
  listEndpoint('GET /v3/{project_id}/snapshots/detail', true),
  show,
  update,
  remove,
  forceDelete,
  resetStatus,
  updateStatus,
];
