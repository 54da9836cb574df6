// What other services may ask of block storage, in their own transaction.
// Events: volume.available, volume.error, volume.extended, volume.deleted (payload: host).

import type { Caller } from '#/platform/access/caller.ts';
import { newId, now, type Tx } from '#/platform/database/tx.ts';
import type { PlanKey } from '#/platform/operations/operation.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  addAttachment,
  attachmentsOfVolume,
  endAttachment,
  setAttachment,
} from '#/services/block-storage/attachments/attachment.store.ts';
import { setHolders } from '#/services/block-storage/attachments/hold.store.ts';
import { makeSnapshot } from '#/services/block-storage/snapshots/make-snapshot.ts';
import { snapshotsOf } from '#/services/block-storage/snapshots/snapshot.store.ts';
import { type AttachmentRow, tables, type VolumeRow, type VolumeStatus } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { makeVolume, type VolumeAsk } from '#/services/block-storage/volumes/create-volume.ts';
import { beginDelete } from '#/services/block-storage/volumes/delete-volume.ts';
import { findVolume, ownVolume } from '#/services/block-storage/volumes/volume.store.ts';

export { type VolumeWay, waysFrom } from '#/services/block-storage/attachments/hold.store.ts';

export interface VolumeInfo {
  id: string;
  projectId: string;
  name: string;
  status: VolumeStatus;
  sizeGib: number;
  bootable: boolean;
  multiattach: boolean;
  host: string | null;
  imageMetadata: Record<string, string>;
  readOnly: boolean;
  encrypted: boolean;
  availabilityZone: string;
}

export interface ServerAttachment {
  attachmentId: string;
  volumeId: string;
  serverId: string;
  device: string | null;
  status: AttachmentRow['status'];
}

/** @throws Problem notFound when it is not the caller's */
export async function volumeForUse(tx: Tx, caller: Caller, volumeId: string): Promise<VolumeInfo> {
  return info(await ownVolume(tx, caller, volumeId));
}

/** Without any access check. */
export async function volumeById(tx: Tx, id: string): Promise<VolumeInfo | undefined> {
  const volume = await findVolume(tx, id);
  return volume && info(volume);
}

/** A snapshot that a volume may be made from. @throws Problem notFound when it is not the caller's */
export async function snapshotForUse(
  tx: Tx,
  caller: Caller,
  snapshotId: string,
): Promise<{ id: string; volumeId: string; sizeGib: number; status: string }> {
  const row = await tables(tx)
    .selectFrom('volumeSnapshots')
    .selectAll()
    .where('id', '=', snapshotId)
    .executeTakeFirst();
  if (!row || (!caller.isAdmin && row.projectId !== caller.projectId))
    throw new Problem('notFound', t.snapshotNotFound, { id: snapshotId.slice(0, 80) });
  return { id: row.id, volumeId: row.volumeId, sizeGib: row.sizeGib, status: row.status };
}

/** Snapshots a volume that may be in use. @throws Problem notFound, invalid unless it is at rest, overQuota */
export async function snapshotVolume(
  tx: Tx,
  caller: Caller,
  volumeId: string,
  name: string,
): Promise<{ id: string; sizeGib: number }> {
  const volume = await ownVolume(tx, caller, volumeId);
  const { id, sizeGib } = await makeSnapshot(tx, caller, volume, {
    name,
    description: null,
    metadata: {},
    force: true,
  });
  return { id, sizeGib };
}

/**
 * Reserves a volume; from now on the plan exports its disk, for guests of one host.
 * @throws Problem notFound, invalid unless it is free
 */
export async function reserveForServer(
  tx: Tx,
  caller: Caller,
  { host, ...ask }: { volumeId: string; serverId: string; host: string; device: string | null; mode?: 'rw' | 'ro' },
): Promise<{ attachmentId: string; volume: VolumeInfo }> {
  const { attachment, volume } = await addAttachment(tx, caller, { ...ask, ofServer: true });
  await setHolders(tx, attachment, [host]);
  return { attachmentId: attachment.id, volume: info(volume) };
}

/** The plan's entry to wait for; its facts carry `connection`. @throws Problem conflict while the volume has no host */
export async function volumePlan(tx: Tx, volumeId: string): Promise<PlanKey> {
  const volume = await findVolume(tx, volumeId);
  if (!volume) throw new Problem('notFound', t.notFound, { id: volumeId });
  if (volume.host === null)
    throw new Problem('conflict', t.wrongStatus, { id: volumeId, wanted: 'available', status: volume.status });
  return { host: volume.host, key: `volume/${volumeId}` };
}

/** The same for all volumes of a server. */
export async function volumePlansOf(tx: Tx, serverId: string): Promise<PlanKey[]> {
  const attachments = (await attachmentsOfServers(tx, [serverId])).get(serverId) ?? [];
  return Promise.all(attachments.map(({ volumeId }) => volumePlan(tx, volumeId)));
}

/** From now on guests of exactly these hosts may reach the server's volumes, once the volumes' hosts have heard of it. */
export async function holdVolumes(tx: Tx, serverId: string, hosts: readonly string[]): Promise<void> {
  for (const { attachmentId, volumeId } of (await attachmentsOfServers(tx, [serverId])).get(serverId) ?? [])
    await setHolders(tx, { id: attachmentId, volumeId }, hosts);
}

/** The server has it now: the volume is in use. */
export async function finishAttach(tx: Tx, attachmentId: string, device: string): Promise<void> {
  await setAttachment(tx, attachmentId, { status: 'attached', device });
}

/** @throws Problem notFound when the volume is not the caller's, invalid unless it is attached to the server */
export async function beginDetach(
  tx: Tx,
  caller: Caller,
  volumeId: string,
  serverId: string,
): Promise<{ attachmentId: string }> {
  const { id, status } = await ownVolume(tx, caller, volumeId);
  const attachment = (await attachmentsOfVolume(tx, id)).find(row => row.serverId === serverId);
  if (attachment?.status !== 'attached') throw new Problem('invalid', t.wrongStatus, { id, wanted: 'in-use', status });
  await setAttachment(tx, attachment.id, { status: 'detaching' });
  return { attachmentId: attachment.id };
}

/** Ends an attachment; the volume is available after its last one, and no longer exported. */
export async function dropAttachment(tx: Tx, attachmentId: string): Promise<void> {
  await endAttachment(tx, attachmentId);
}

/** One query for any number of servers. */
export async function attachmentsOfServers(tx: Tx, serverIds: string[]): Promise<Map<string, ServerAttachment[]>> {
  const map = new Map<string, ServerAttachment[]>();
  for (let at = 0; at < serverIds.length; at += 500) {
    const rows = await tables(tx)
      .selectFrom('volumeAttachments')
      .select(['id', 'volumeId', 'serverId', 'device', 'status'])
      .where('serverId', 'in', serverIds.slice(at, at + 500))
      .orderBy('createdAt')
      .orderBy('id')
      .execute();
    for (const { id, volumeId, serverId, device, status } of rows) {
      const one: ServerAttachment = { attachmentId: id, volumeId, serverId: serverId!, device, status };
      map.set(one.serverId, [...(map.get(one.serverId) ?? []), one]);
    }
  }
  return map;
}

/**
 * Makes a volume for a server and reserves it: `attachmentId` is its attachment, exported once it is made.
 * @throws Problem as creating a volume does
 */
export async function createForServer(
  tx: Tx,
  caller: Caller,
  ask: Omit<VolumeAsk, 'sizeGib'> & { sizeGib: number; serverId: string; host: string; device?: string | null },
): Promise<VolumeInfo & { attachmentId: string }> {
  const { serverId, host, device = null, ...wanted } = ask;
  const volume = await makeVolume(tx, caller, wanted);
  const attachment = await reserveNew(tx, volume.id, serverId, device);
  await setHolders(tx, { id: attachment, volumeId: volume.id }, [host]);
  return { ...info((await findVolume(tx, volume.id))!), attachmentId: attachment };
}

/** A volume that is still being made cannot be free yet, but is this server's already. */
async function reserveNew(tx: Tx, volumeId: string, serverId: string, device: string | null): Promise<string> {
  const row = await findVolume(tx, volumeId);
  const id = newId(tx);
  await tables(tx)
    .insertInto('volumeAttachments')
    .values({
      id,
      volumeId,
      serverId,
      hostName: null,
      device,
      mode: row?.readOnly === 1 ? 'ro' : 'rw',
      status: 'reserved',
      connector: null,
      attachedAt: null,
      ofServer: 1,
      createdAt: now(tx),
    })
    .execute();
  return id;
}

/**
 * `delete_on_termination`: its attachments must have ended; nothing happens when it is gone. With snapshots it stays, for
 * nobody asked for their end.
 */
export async function deleteForServer(tx: Tx, volumeId: string): Promise<void> {
  const volume = await findVolume(tx, volumeId);
  if (volume && (await snapshotsOf(tx, volumeId)).length === 0) await beginDelete(tx, volume, { force: true });
}

function info(row: VolumeRow): VolumeInfo {
  return {
    id: row.id,
    projectId: row.projectId,
    name: row.name ?? '',
    status: row.status,
    sizeGib: row.sizeGib,
    bootable: row.bootable === 1,
    multiattach: row.multiattach === 1,
    host: row.host,
    imageMetadata: JSON.parse(row.imageMetadata) as Record<string, string>,
    readOnly: row.readOnly === 1,
    encrypted: false,
    availabilityZone: row.availabilityZone,
  };
}
