// A volume on the wire, in the version that is spoken.

import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { type Microversion, type RequestFacts, since } from '#/platform/http/endpoint.ts';
import { attachmentsOfVolumes } from '#/services/block-storage/attachments/attachment.store.ts';
import type { AttachmentRow, VolumeRow } from '#/services/block-storage/tables.ts';
import { typeNames } from '#/services/block-storage/types/type.store.ts';

export interface ViewContext {
  caller: Caller;
  version: Microversion;
  request: RequestFacts;
}

export function volumeLinks({ id, projectId }: { id: string; projectId: string }, { request }: ViewContext) {
  return [
    { rel: 'self', href: `${request.base}/v3/${projectId}/volumes/${id}` },
    { rel: 'bookmark', href: `${request.base}/${projectId}/volumes/${id}` },
  ];
}

export function summaryView(row: VolumeRow, context: ViewContext) {
  return { id: row.id, name: row.name, links: volumeLinks(row, context) };
}

/** Two queries for any number of volumes. */
export async function volumeViews(tx: Tx, rows: VolumeRow[], context: ViewContext): Promise<Record<string, unknown>[]> {
  const names = await typeNames(tx);
  const attachments = await attachmentsOfVolumes(
    tx,
    rows.map(row => row.id),
  );
  return rows.map(row => detailView(row, names.get(row.typeId) ?? null, attachments.get(row.id) ?? [], context));
}

/** What create and update answer: without what only details tell. */
export async function createdView(tx: Tx, row: VolumeRow, context: ViewContext): Promise<Record<string, unknown>> {
  const [view] = await volumeViews(tx, [row], context);
  const hidden = /^os-vol-|^volume_image_metadata$/;
  return Object.fromEntries(Object.entries(view!).filter(([name]) => !hidden.test(name)));
}

function detailView(row: VolumeRow, typeName: string | null, attachments: AttachmentRow[], context: ViewContext) {
  const { caller, version } = context;
  const metadata = JSON.parse(row.metadata) as Record<string, string>;
  const imageMetadata = JSON.parse(row.imageMetadata) as Record<string, string>;
  if (row.readOnly !== null) metadata['readonly'] = row.readOnly === 1 ? 'True' : 'False';
  const attached = attachments.filter(({ status }) => status === 'attached' || status === 'detaching');
  const view: Record<string, unknown> = {
    id: row.id,
    name: row.name,
    description: row.description,
    status: row.status,
    size: row.sizeGib,
    availability_zone: row.availabilityZone,
    bootable: row.bootable === 1 ? 'true' : 'false',
    encrypted: false,
    multiattach: row.multiattach === 1,
    volume_type: typeName,
    snapshot_id: row.snapshotId,
    source_volid: row.sourceVolumeId,
    consistencygroup_id: null,
    replication_status: null,
    migration_status: null,
    user_id: row.userId,
    metadata,
    attachments: attached.map(one => attachmentView(one, caller)),
    links: volumeLinks(row, context),
    created_at: row.createdAt,
    updated_at: row.updatedAt,
    'os-vol-tenant-attr:tenant_id': row.projectId,
    ...(Object.keys(imageMetadata).length > 0 ? { volume_image_metadata: imageMetadata } : {}),
  };
  if (caller.isAdmin) {
    view['os-vol-host-attr:host'] = row.host === null ? null : backendOf(row.host);
    view['os-vol-mig-status-attr:migstat'] = null;
    view['os-vol-mig-status-attr:name_id'] = null;
  }
  if (since(version, '3.13')) view['group_id'] = null;
  if (since(version, '3.21') && caller.isAdmin) view['provider_id'] = null;
  if (since(version, '3.48')) Object.assign(view, { service_uuid: null, shared_targets: false });
  if (since(version, '3.61') && caller.isAdmin) view['cluster_name'] = null;
  if (since(version, '3.63')) view['volume_type_id'] = row.typeId;
  if (since(version, '3.65')) view['consumes_quota'] = true;
  return view;
}

/** Block storage's way to name a place: `host@backend#pool`. */
export function backendOf(host: string): string {
  return `${host}@local#local`;
}

function attachmentView(row: AttachmentRow, caller: Caller) {
  return {
    id: row.volumeId,
    attachment_id: row.id,
    volume_id: row.volumeId,
    server_id: row.serverId,
    host_name: caller.isAdmin ? row.hostName : null,
    device: row.device,
    attached_at: row.attachedAt,
  };
}
