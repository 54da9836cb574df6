// A new snapshot of a volume, as far as it is made in one transaction.

import type { Caller } from '#/platform/access/caller.ts';
import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { checkQuota } from '#/services/block-storage/quotas/quota.store.ts';
import { type SnapshotRow, tables, type VolumeRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { createSnapshot } from '#/services/block-storage/volumes/volume.operations.ts';

export interface SnapshotAsk {
  name: string | null;
  description: string | null;
  metadata: Record<string, string>;
  /** Also while a server uses the volume. */
  force: boolean;
}

/** @throws Problem invalid unless the volume is at rest, overQuota */
export async function makeSnapshot(tx: Tx, caller: Caller, volume: VolumeRow, ask: SnapshotAsk): Promise<SnapshotRow> {
  const { id: volumeId, status, sizeGib, projectId, host } = volume;
  const allowed = ask.force ? ['available', 'in-use'] : ['available'];
  if (!allowed.includes(status) || host === null)
    throw new Problem('invalid', t.wrongStatus, { id: volumeId, wanted: allowed, status });
  await checkQuota(tx, projectId, { snapshots: 1, gigabytes: sizeGib });
  const row: SnapshotRow = {
    id: newId(tx),
    volumeId,
    projectId,
    userId: caller.userId,
    name: ask.name,
    description: ask.description,
    sizeGib,
    status: 'creating',
    planned: 0,
    metadata: JSON.stringify(ask.metadata),
    createdAt: now(tx),
    updatedAt: null,
  };
  await tables(tx).insertInto('volumeSnapshots').values(row).execute();
  await start(tx, createSnapshot, { snapshotId: row.id, volumeId, host }, { resourceId: row.id, projectId });
  return row;
}
