// The decision to take a volume away.

import type { Tx } from '#/platform/database/tx.ts';
import { start, supersede } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { attachmentsOfVolume, endAttachment } from '#/services/block-storage/attachments/attachment.store.ts';
import { snapshotsOf, updateSnapshot } from '#/services/block-storage/snapshots/snapshot.store.ts';
import { tables, type VolumeRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { isBeingCopied } from '#/services/block-storage/volumes/create-volume.ts';
import { deleteVolume } from '#/services/block-storage/volumes/volume.operations.ts';
import { updateVolume } from '#/services/block-storage/volumes/volume.store.ts';

const deletable = ['available', 'error', 'error_deleting', 'error_extending', 'maintenance'];

/** @throws Problem invalid while it is used, has snapshots, or something is made from it */
export async function beginDelete(
  tx: Tx,
  volume: VolumeRow,
  { force = false, cascade = false }: { force?: boolean; cascade?: boolean } = {},
): Promise<void> {
  const { id, status, host, projectId } = volume;
  const attachments = await attachmentsOfVolume(tx, id);
  const snapshots = await snapshotsOf(tx, id);
  const snapshotIds = snapshots.map(snapshot => snapshot.id);
  if (status === 'deleting') return;
  if (!force) {
    if (attachments.length > 0 || !deletable.includes(status))
      throw new Problem('invalid', t.wrongStatus, { id, wanted: deletable, status });
  }
  if (snapshots.length > 0 && !cascade && !force) throw new Problem('invalid', t.hasSnapshots, { id });
  const transfer = await tables(tx)
    .selectFrom('volumeTransfers')
    .select('id')
    .where('volumeId', '=', id)
    .executeTakeFirst();
  if (transfer && !force) throw new Problem('invalid', t.inTransfer, { id });
  if (await isBeingCopied(tx, id, snapshotIds)) throw new Problem('invalid', t.isSource, { id });
  for (const attachment of attachments) await endAttachment(tx, attachment.id);
  for (const snapshotId of snapshotIds) {
    await supersede(tx, snapshotId);
    await updateSnapshot(tx, snapshotId, { status: 'deleting' });
  }
  await supersede(tx, id);
  await updateVolume(tx, id, { status: 'deleting', previousStatus: null });
  await start(tx, deleteVolume, { volumeId: id, host }, { resourceId: id, projectId });
}
