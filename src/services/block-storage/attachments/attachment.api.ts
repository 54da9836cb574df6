// Attachments as a resource of their own, since 3.27. API: Block Storage v3, "Attachments".

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, since } from '#/platform/http/endpoint.ts';
import { array, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  addAttachment,
  attachmentsOfVolume,
  attachmentsOfVolumes,
  checkNotOfServer,
  endAttachment,
  findAttachment,
  setAttachment,
} from '#/services/block-storage/attachments/attachment.store.ts';
import { anyQuery, first, listedProject, member, onePage, reader, wire } from '#/services/block-storage/page.ts';
import type { AttachmentRow, VolumeRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { connectionOf } from '#/services/block-storage/volumes/volume-actions.api.ts';
import { findVolume, listVolumes, ownVolume } from '#/services/block-storage/volumes/volume.store.ts';

interface Found extends AttachmentRow {
  projectId: string;
  volume: VolumeRow;
}

const anAttachment: Finder<Found> = {
  find: ({ tx, path }) => withVolume(tx, path['attachment_id']!),
  missing: path => noAttachment(path['attachment_id']!),
};

async function withVolume(tx: Tx, id: string): Promise<Found | undefined> {
  const row = await findAttachment(tx, id);
  const volume = row && (await findVolume(tx, row.volumeId));
  return row && volume ? { ...row, projectId: volume.projectId, volume } : undefined;
}

function noAttachment(id: string): Problem {
  return new Problem('notFound', t.attachmentNotFound, { id: id.slice(0, 80) });
}

function summaryView(row: AttachmentRow) {
  return { id: row.id, status: row.status, instance: row.serverId, volume_id: row.volumeId };
}

function detailView(row: AttachmentRow, volume: VolumeRow) {
  const info = row.connector === null ? {} : { ...connectionOf(volume).data, driver_volume_type: 'local' };
  return {
    ...summaryView(row),
    attach_mode: row.mode,
    attached_at: row.attachedAt ?? '',
    detached_at: '',
    connection_info: row.connector === null ? {} : { ...info, attachment_id: row.id },
  };
}

function listEndpoint(route: string, detail: boolean) {
  return endpoint({
    policy: 'haneul:volume_attachment_list',
    allow: reader,
    versions: '3.27-',
    route,
    query: anyQuery,
    replies: { 200: object({ attachments: array(wire) }) },
    async handle({ tx, query, caller, policy, request }) {
      const volumes = await listVolumes(tx, listedProject(query, caller, policy));
      const byId = new Map(volumes.map(volume => [volume.id, volume]));
      const all = [...(await attachmentsOfVolumes(tx, [...byId.keys()])).values()].flat();
      const volumeId = first(query, 'volume_id');
      const serverId = first(query, 'instance_id') ?? first(query, 'instance_uuid');
      const status = first(query, 'status') ?? first(query, 'attach_status');
      const rows = all.filter(
        row =>
          (volumeId === undefined || row.volumeId === volumeId) &&
          (serverId === undefined || row.serverId === serverId) &&
          (status === undefined || row.status === status),
      );
      const page = onePage(rows, query, request, {
        keys: { id: 'id', status: 'status', volume_id: 'volumeId', created_at: 'createdAt' } as const,
        fallback: [{ key: 'createdAt', direction: 'desc' }],
        noMarker: noAttachment,
      });
      const view = (row: AttachmentRow) => (detail ? detailView(row, byId.get(row.volumeId)!) : summaryView(row));
      return { 200: { attachments: page.rows.map(view) } };
    },
  });
}

const create = endpoint({
  policy: 'volume:attachment_create',
  allow: member,
  versions: '3.27-',
  route: 'POST /v3/{project_id}/attachments',
  body: object({
    attachment: object({
      volume_uuid: string({ min: 1, max: 255 }),
      instance_uuid: optional(nullable(string({ max: 255 }))),
      connector: optional(nullable(open({}))),
      mode: optional(nullable(string({ pattern: '^(rw|ro)$' }))),
    }),
  }),
  replies: { 200: object({ attachment: wire }) },
  async handle({ tx, body, caller, version }) {
    const ask = body.attachment;
    const mode = since(version, '3.54') ? ((ask.mode ?? undefined) as 'rw' | 'ro' | undefined) : undefined;
    const { id } = await ownVolume(tx, caller, ask.volume_uuid);
    const { attachment } = await addAttachment(tx, caller, { volumeId: id, serverId: ask.instance_uuid ?? null, mode });
    if (ask.connector) await connect(tx, attachment.id, ask.connector as Record<string, unknown>);
    const found = (await withVolume(tx, attachment.id))!;
    return { 200: { attachment: detailView(found, found.volume) } };
  },
});

async function connect(tx: Tx, id: string, connector: Record<string, unknown>): Promise<void> {
  const host = connector['host'];
  const device = connector['mountpoint'];
  await setAttachment(tx, id, {
    status: 'attaching',
    connector: JSON.stringify(connector),
    ...(typeof host === 'string' ? { hostName: host.slice(0, 255) } : {}),
    ...(typeof device === 'string' ? { device: device.slice(0, 255) } : {}),
  });
}

const show = endpoint({
  policy: 'haneul:volume_attachment_get',
  allow: reader,
  versions: '3.27-',
  route: 'GET /v3/{project_id}/attachments/{attachment_id}',
  find: anAttachment,
  replies: { 200: object({ attachment: wire }) },
  handle: async ({ found }) => ({ 200: { attachment: detailView(found, found.volume) } }),
});

const update = endpoint({
  policy: 'volume:attachment_update',
  allow: member,
  versions: '3.27-',
  route: 'PUT /v3/{project_id}/attachments/{attachment_id}',
  find: anAttachment,
  body: object({ attachment: object({ connector: open({}) }) }),
  replies: { 200: object({ attachment: wire }) },
  async handle({ tx, found, body }) {
    await connect(tx, found.id, body.attachment.connector as Record<string, unknown>);
    const now = (await withVolume(tx, found.id))!;
    return { 200: { attachment: detailView(now, now.volume) } };
  },
});

const remove = endpoint({
  policy: 'volume:attachment_delete',
  allow: member,
  versions: '3.27-',
  route: 'DELETE /v3/{project_id}/attachments/{attachment_id}',
  find: anAttachment,
  replies: { 200: object({ attachments: array(wire) }) },
  async handle({ tx, found }) {
    checkNotOfServer(found);
    await endAttachment(tx, found.id);
    const rest = await attachmentsOfVolume(tx, found.volumeId);
    return { 200: { attachments: rest.map(row => detailView(row, found.volume)) } };
  },
});

const complete = endpoint({
  policy: 'volume:attachment_complete',
  allow: member,
  versions: '3.44-',
  route: 'POST /v3/{project_id}/attachments/{attachment_id}/action',
  action: 'os-complete',
  find: anAttachment,
  replies: { 204: null },
  async handle({ tx, found }) {
    await setAttachment(tx, found.id, { status: 'attached' });
    return { 204: undefined };
  },
});

export const attachmentEndpoints = [
  listEndpoint('GET /v3/{project_id}/attachments', false),
  listEndpoint('GET /v3/{project_id}/attachments/detail', true),
  create,
  show,
  update,
  remove,
  complete,
];
