// Attachments: who uses a volume, and how the volume's status follows.

import type { Caller } from '#/platform/access/caller.ts';
import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { takeBack } from '#/services/block-storage/attachments/hold.store.ts';
import { type AttachmentRow, tables, type VolumeRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { findVolume, ownVolume, updateVolume } from '#/services/block-storage/volumes/volume.store.ts';

export async function findAttachment(tx: Tx, id: string): Promise<AttachmentRow | undefined> {
  return tables(tx).selectFrom('volumeAttachments').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function attachmentsOfVolumes(tx: Tx, volumeIds: string[]): Promise<Map<string, AttachmentRow[]>> {
  const map = new Map<string, AttachmentRow[]>();
  for (let at = 0; at < volumeIds.length; at += 500) {
    const rows = await tables(tx)
      .selectFrom('volumeAttachments')
      .selectAll()
      .where('volumeId', 'in', volumeIds.slice(at, at + 500))
      .orderBy('createdAt')
      .orderBy('id')
      .execute();
    for (const row of rows) {
      const known = map.get(row.volumeId);
      if (known) known.push(row);
      else map.set(row.volumeId, [row]);
    }
  }
  return map;
}

export async function attachmentsOfVolume(tx: Tx, volumeId: string): Promise<AttachmentRow[]> {
  return (await attachmentsOfVolumes(tx, [volumeId])).get(volumeId) ?? [];
}

export interface AttachAsk {
  volumeId: string;
  serverId: string | null;
  hostName?: string | null;
  device?: string | null;
  mode?: 'rw' | 'ro';
  status?: AttachmentRow['status'];
  /** One of this cloud's servers takes it. */
  ofServer?: boolean;
}

/** Reserves a volume for somebody. @throws Problem notFound, invalid unless it is free (or takes several) */
export async function addAttachment(
  tx: Tx,
  caller: Caller,
  ask: AttachAsk,
): Promise<{ attachment: AttachmentRow; volume: VolumeRow }> {
  const volume = await ownVolume(tx, caller, ask.volumeId);
  const { id, status } = volume;
  const own = await attachmentsOfVolume(tx, id);
  if (ask.serverId !== null && own.some(row => row.serverId === ask.serverId))
    throw new Problem('invalid', t.attached, { id });
  const shared = volume.multiattach === 1 && (status === 'in-use' || status === 'reserved' || status === 'attaching');
  // Without an attachment it was only announced (os-reserve) that one comes.
  const announced = (status === 'reserved' || status === 'attaching') && own.length === 0;
  const free = status === 'available' || announced;
  if (!free && !shared) throw new Problem('invalid', t.wrongStatus, { id, wanted: 'available', status });
  const attachment: AttachmentRow = {
    id: newId(tx),
    volumeId: id,
    serverId: ask.serverId,
    hostName: ask.hostName ?? null,
    device: ask.device ?? null,
    mode: ask.mode ?? (volume.readOnly === 1 ? 'ro' : 'rw'),
    status: ask.status ?? 'reserved',
    connector: null,
    attachedAt: null,
    ofServer: ask.ofServer ? 1 : 0,
    createdAt: now(tx),
  };
  await tables(tx).insertInto('volumeAttachments').values(attachment).execute();
  await followAttachments(tx, id);
  return { attachment, volume: (await findVolume(tx, id))! };
}

export async function setAttachment(tx: Tx, id: string, change: Partial<AttachmentRow>): Promise<void> {
  const row = await findAttachment(tx, id);
  if (!row) throw new Problem('notFound', t.attachmentNotFound, { id });
  const attachedAt = change.status === 'attached' && row.attachedAt === null ? { attachedAt: now(tx) } : {};
  await tables(tx)
    .updateTable('volumeAttachments')
    .set({ ...change, ...attachedAt })
    .where('id', '=', id)
    .execute();
  await followAttachments(tx, row.volumeId);
}

/** A guest would keep a disk that its volume knows nothing of. @throws Problem conflict where a server has it */
export function checkNotOfServer({ ofServer, serverId, volumeId }: AttachmentRow): void {
  if (ofServer === 1) throw new Problem('conflict', t.heldByServer, { id: volumeId, serverId });
}

/** Ends an attachment; nothing happens when it is gone. */
export async function endAttachment(tx: Tx, id: string): Promise<void> {
  const row = await findAttachment(tx, id);
  if (!row) return;
  await takeBack(tx, row.volumeId);
  await tables(tx).deleteFrom('volumeAttachments').where('id', '=', id).execute();
  await followAttachments(tx, row.volumeId);
}

const led = ['available', 'reserved', 'attaching', 'in-use', 'detaching'];

/** The volume's status is what its attachments make of it, unless something else goes on with it. */
export async function followAttachments(tx: Tx, volumeId: string): Promise<void> {
  const volume = await findVolume(tx, volumeId);
  if (!volume) return;
  const states = (await attachmentsOfVolume(tx, volumeId)).map(row => row.status);
  const status = states.includes('attached')
    ? 'in-use'
    : states.includes('attaching')
      ? 'attaching'
      : states.includes('detaching')
        ? 'detaching'
        : states.includes('reserved')
          ? 'reserved'
          : 'available';
  if (led.includes(volume.status)) await updateVolume(tx, volumeId, { status });
  else if (volume.previousStatus !== null) await updateVolume(tx, volumeId, { previousStatus: status });
  else await updateVolume(tx, volumeId, {});
}
