// The table of volumes.

import type { Caller } from '#/platform/access/caller.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import type { Finder } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { replan } from '#/host/hosts.ts';
import { tables, type VolumeRow, type VolumeStatus } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';

export async function findVolume(tx: Tx, id: string): Promise<VolumeRow | undefined> {
  return tables(tx).selectFrom('volumes').selectAll().where('id', '=', id).executeTakeFirst();
}

/** @throws Problem notFound when it is not there or not the caller's */
export async function ownVolume(tx: Tx, caller: Caller, id: string): Promise<VolumeRow> {
  const volume = await findVolume(tx, id);
  if (!volume || (!caller.isAdmin && volume.projectId !== caller.projectId)) throw noVolume(id);
  return volume;
}

export function noVolume(id: string): Problem {
  return new Problem('notFound', t.notFound, { id: id.slice(0, 80) });
}

export const aVolume: Finder<VolumeRow> = {
  find: ({ tx, path }) => findVolume(tx, path['volume_id']!),
  missing: path => noVolume(path['volume_id']!),
};

/** @param projectId null: of every project */
export async function listVolumes(tx: Tx, projectId: string | null): Promise<VolumeRow[]> {
  let query = tables(tx).selectFrom('volumes').selectAll();
  if (projectId !== null) query = query.where('projectId', '=', projectId);
  return query.execute();
}

export async function insertVolume(tx: Tx, row: VolumeRow): Promise<void> {
  await tables(tx).insertInto('volumes').values(row).execute();
}

/** Changes a volume; its host looks at its plan again. */
export async function updateVolume(tx: Tx, id: string, change: Partial<VolumeRow>): Promise<void> {
  await tables(tx)
    .updateTable('volumes')
    .set({ ...change, updatedAt: now(tx) })
    .where('id', '=', id)
    .execute();
  await replanVolume(tx, id);
}

export async function replanVolume(tx: Tx, id: string): Promise<void> {
  const row = await tables(tx).selectFrom('volumes').select('host').where('id', '=', id).executeTakeFirst();
  if (row?.host) await replan(tx, row.host);
}

/** Moves a volume on, if it still is where it was seen. @throws Problem invalid with the status that it has */
export async function moveVolume(
  tx: Tx,
  id: string,
  from: VolumeStatus[],
  to: VolumeStatus,
  change: Partial<VolumeRow> = {},
): Promise<void> {
  const row = await findVolume(tx, id);
  if (!row) throw noVolume(id);
  if (!from.includes(row.status)) throw new Problem('invalid', t.wrongStatus, { id, wanted: from, status: row.status });
  await updateVolume(tx, id, { ...change, status: to });
}

export async function deleteVolumeRow(tx: Tx, id: string): Promise<void> {
  await replanVolume(tx, id);
  await tables(tx).deleteFrom('volumes').where('id', '=', id).execute();
}
