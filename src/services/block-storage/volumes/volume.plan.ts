// Rows → the disks that a host must hold, and the images that some of them are made from just now.

import type { Disk } from '#/drivers/volume/volume-driver.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { PlanEntry, ServerKey } from '#/platform/http/service.ts';
import { baseImages } from '#/services/image/contract.ts';
import { ticketsOn } from '#/services/block-storage/attachments/hold.store.ts';
import { tables, type VolumeRow } from '#/services/block-storage/tables.ts';

export interface DiskRows {
  volumes: VolumeRow[];
  /** Volumes that somebody is attached to, or is about to be. */
  exported: ReadonlySet<string>;
  /** Volume → what hosts show whose guests have it. */
  tickets: ReadonlyMap<string, string[]>;
  /** Volume → snapshots that must exist. */
  snapshots: ReadonlyMap<string, string[]>;
  /** Snapshot → its volume. */
  volumeOf: ReadonlyMap<string, string>;
}

/** Rows in, entries out. */
export function planDisks({ volumes, exported, tickets, snapshots, volumeOf }: DiskRows): Disk[] {
  return volumes.map(volume => {
    const source = volume.built ? undefined : sourceOf(volume, volumeOf);
    return {
      key: `volume/${volume.id}`,
      sizeGib: volume.sizeGib,
      ...(source ? { source } : {}),
      exported: exported.has(volume.id),
      epoch: volume.epoch,
      tickets: (tickets.get(volume.id) ?? []).toSorted(),
      snapshots: (snapshots.get(volume.id) ?? []).toSorted(),
    };
  });
}

/** Only the first content comes from there: once the disk was made, its source may go. */
function sourceOf(
  { snapshotId, sourceVolumeId, imageId }: VolumeRow,
  volumeOf: ReadonlyMap<string, string>,
): Disk['source'] {
  if (snapshotId !== null) {
    const disk = volumeOf.get(snapshotId);
    return disk === undefined ? undefined : { snapshot: snapshotId, disk: `volume/${disk}` };
  }
  if (sourceVolumeId !== null) return { disk: `volume/${sourceVolumeId}` };
  return imageId === null ? undefined : { image: `image/${imageId}` };
}

export async function planVolumes(tx: Tx, host: string, only?: ServerKey[]): Promise<PlanEntry[]> {
  if (only) return [];
  const volumes = await tables(tx)
    .selectFrom('volumes')
    .selectAll()
    .where('host', '=', host)
    .where('planned', '=', 1)
    .orderBy('id')
    .execute();
  if (volumes.length === 0) return [];
  const attachments = await tables(tx)
    .selectFrom('volumeAttachments')
    .innerJoin('volumes', 'volumes.id', 'volumeAttachments.volumeId')
    .select('volumeId')
    .where('host', '=', host)
    .execute();
  const rows = await tables(tx)
    .selectFrom('volumeSnapshots')
    .innerJoin('volumes', 'volumes.id', 'volumeSnapshots.volumeId')
    .select(['volumeSnapshots.id', 'volumeId', 'volumeSnapshots.planned'])
    .where('host', '=', host)
    .execute();
  const snapshots = new Map<string, string[]>();
  for (const { id, volumeId, planned } of rows)
    if (planned === 1) snapshots.set(volumeId, [...(snapshots.get(volumeId) ?? []), id]);
  const disks = planDisks({
    volumes,
    exported: new Set(attachments.map(({ volumeId }) => volumeId)),
    tickets: await ticketsOn(tx, host),
    snapshots,
    volumeOf: new Map(rows.map(({ id, volumeId }) => [id, volumeId])),
  });
  const images = volumes.filter(({ built, imageId }) => built === 0 && imageId !== null).map(({ imageId }) => imageId!);
  return [...(await baseImages(tx, [...new Set(images)])), ...disks];
}
