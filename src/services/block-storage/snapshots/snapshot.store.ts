// The table of snapshots.

import { now, type Tx } from '#/platform/database/tx.ts';
import type { Finder } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type SnapshotRow, tables } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';

export async function findSnapshot(tx: Tx, id: string): Promise<SnapshotRow | undefined> {
  return tables(tx).selectFrom('volumeSnapshots').selectAll().where('id', '=', id).executeTakeFirst();
}

export const aSnapshot: Finder<SnapshotRow> = {
  find: ({ tx, path }) => findSnapshot(tx, path['snapshot_id']!),
  missing: path => new Problem('notFound', t.snapshotNotFound, { id: path['snapshot_id']!.slice(0, 80) }),
};

export async function snapshotsOf(tx: Tx, volumeId: string): Promise<SnapshotRow[]> {
  return tables(tx).selectFrom('volumeSnapshots').selectAll().where('volumeId', '=', volumeId).execute();
}

/** @param projectId null: of every project */
export async function listSnapshots(tx: Tx, projectId: string | null): Promise<SnapshotRow[]> {
  let query = tables(tx).selectFrom('volumeSnapshots').selectAll();
  if (projectId !== null) query = query.where('projectId', '=', projectId);
  return query.execute();
}

export async function updateSnapshot(tx: Tx, id: string, change: Partial<SnapshotRow>): Promise<void> {
  await tables(tx)
    .updateTable('volumeSnapshots')
    .set({ ...change, updatedAt: now(tx) })
    .where('id', '=', id)
    .execute();
}
