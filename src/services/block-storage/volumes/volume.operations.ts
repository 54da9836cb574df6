// What of a volume's life takes time: making it, growing it, taking it away.

import { now, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { operation } from '#/platform/operations/operation.ts';
import { releaseUse } from '#/services/image/contract.ts';
import { followAttachments } from '#/services/block-storage/attachments/attachment.store.ts';
import { tables, type VolumeRow } from '#/services/block-storage/tables.ts';
import { chooseHost } from '#/services/block-storage/volumes/volume.place.ts';
import { deleteVolumeRow, findVolume, updateVolume } from '#/services/block-storage/volumes/volume.store.ts';

const keyOf = (volumeId: string): string => `volume/${volumeId}`;

export const createVolume = operation<{ volumeId: string }>('volume.create')
  .write('place', {
    async do(tx, { volumeId }) {
      const volume = await findVolume(tx, volumeId);
      const host = await chooseHost(tx, volume!);
      await updateVolume(tx, volumeId, { host, planned: 1 });
      return { host };
    },
    undo: (tx, { volumeId }) => updateVolume(tx, volumeId, { planned: 0 }),
  })
  .applied('build', ({ host, volumeId }) => ({ host, key: keyOf(volumeId) }))
  .write('finish', {
    async do(tx, { volumeId }) {
      const volume = await findVolume(tx, volumeId);
      if (!volume) return;
      await updateVolume(tx, volumeId, { status: 'available', built: 1 });
      // A server may have reserved it while it was made.
      await followAttachments(tx, volumeId);
      await letGoOfImage(tx, volume);
      await tell(tx, 'volume.available', volume);
    },
  })
  .failed(async (tx, { volumeId }) => {
    const volume = await findVolume(tx, volumeId);
    if (!volume) return;
    await updateVolume(tx, volumeId, { status: 'error', host: null });
    await letGoOfImage(tx, volume);
    await tell(tx, 'volume.error', volume);
  });

export const extendVolume = operation<{ volumeId: string; host: string; fromGib: number; toGib: number }>(
  'volume.extend',
)
  .write('grow', {
    do: (tx, { volumeId, toGib }) => updateVolume(tx, volumeId, { sizeGib: toGib }),
    undo: (tx, { volumeId, fromGib }) => updateVolume(tx, volumeId, { sizeGib: fromGib }),
  })
  .applied('apply', ({ host, volumeId }) => ({ host, key: keyOf(volumeId) }))
  .write('finish', {
    async do(tx, { volumeId }) {
      const volume = await findVolume(tx, volumeId);
      if (!volume) return;
      await updateVolume(tx, volumeId, { status: volume.previousStatus ?? 'available', previousStatus: null });
      await tell(tx, 'volume.extended', volume);
    },
  })
  .failed(async (tx, { volumeId }) => updateVolume(tx, volumeId, { status: 'error_extending', previousStatus: null }));

export const deleteVolume = operation<{ volumeId: string; host: string | null }>('volume.delete', {
  onFailure: 'persist',
})
  .write('unplan', { do: (tx, { volumeId }) => updateVolume(tx, volumeId, { planned: 0 }) })
  .removed('remove', ({ host, volumeId }) => (host === null ? [] : [{ host, key: keyOf(volumeId) }]))
  .write('forget', {
    async do(tx, { volumeId }) {
      const volume = await findVolume(tx, volumeId);
      if (!volume) return;
      await deleteVolumeRow(tx, volumeId);
      await letGoOfImage(tx, volume);
      await tell(tx, 'volume.deleted', volume);
    },
  })
  // Given up by an operator: it may be deleted again.
  .failed((tx, { volumeId }) => updateVolume(tx, volumeId, { status: 'error_deleting' }));

async function letGoOfImage(tx: Tx, { id, imageId }: VolumeRow): Promise<void> {
  if (imageId !== null) await releaseUse(tx, imageId, `volume/${id}`);
}

async function tell(tx: Tx, type: string, { id, projectId, host }: VolumeRow): Promise<void> {
  await emit(tx, { type, projectId, resourceId: id, payload: { host } });
}

/** Snapshots: a point in time of a disk. */
export const createSnapshot = operation<{ snapshotId: string; volumeId: string; host: string }>('snapshot.create')
  .write('plan', {
    do: (tx, { snapshotId, volumeId }) => setSnapshot(tx, snapshotId, volumeId, { planned: 1 }),
    undo: (tx, { snapshotId, volumeId }) => setSnapshot(tx, snapshotId, volumeId, { planned: 0 }),
  })
  .applied('take', ({ host, volumeId }) => ({ host, key: keyOf(volumeId) }))
  .write('finish', {
    do: (tx, { snapshotId, volumeId }) => setSnapshot(tx, snapshotId, volumeId, { status: 'available' }),
  })
  .failed((tx, { snapshotId, volumeId }) => setSnapshot(tx, snapshotId, volumeId, { status: 'error' }));

export const deleteSnapshot = operation<{ snapshotId: string; volumeId: string; host: string | null }>(
  'snapshot.delete',
  { onFailure: 'persist' },
)
  .write('unplan', {
    do: (tx, { snapshotId, volumeId }) => setSnapshot(tx, snapshotId, volumeId, { planned: 0 }),
  })
  .applied('remove', ({ host, volumeId }) => (host === null ? [] : [{ host, key: keyOf(volumeId) }]))
  .write('forget', {
    async do(tx, { snapshotId }) {
      await tables(tx).deleteFrom('volumeSnapshots').where('id', '=', snapshotId).execute();
    },
  })
  .failed((tx, { snapshotId, volumeId }) => setSnapshot(tx, snapshotId, volumeId, { status: 'error_deleting' }));

async function setSnapshot(
  tx: Tx,
  id: string,
  volumeId: string,
  change: { planned?: number; status?: 'available' | 'error' | 'error_deleting' },
): Promise<void> {
  await tables(tx)
    .updateTable('volumeSnapshots')
    .set({ ...change, updatedAt: now(tx) })
    .where('id', '=', id)
    .execute();
  await updateVolume(tx, volumeId, {});
}
