// The decision to make a volume: what it is made from, how large, whether it fits the quota. Used by the API and by
// servers that bring their own.

import type { Caller } from '#/platform/access/caller.ts';
import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { imageForUse, keepForUse, type UsableImage } from '#/services/image/contract.ts';
import { checkQuota } from '#/services/block-storage/quotas/quota.store.ts';
import { findSnapshot } from '#/services/block-storage/snapshots/snapshot.store.ts';
import { tables, type VolumeRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { typeForUse } from '#/services/block-storage/types/type.store.ts';
import { insertVolume, ownVolume } from '#/services/block-storage/volumes/volume.store.ts';
import { createVolume } from '#/services/block-storage/volumes/volume.operations.ts';

/** The zone of every host, until hosts say otherwise. */
export const zone = 'nova';

export interface VolumeAsk {
  sizeGib: number | null;
  name?: string | null;
  description?: string | null;
  imageId?: string | null;
  snapshotId?: string | null;
  sourceVolumeId?: string | null;
  availabilityZone?: string | null;
  volumeType?: string | null;
  multiattach?: boolean;
  metadata?: Record<string, string>;
}

/** Records a volume and begins to make it. @throws Problem invalid, notFound, overQuota */
export async function makeVolume(tx: Tx, caller: Caller, ask: VolumeAsk): Promise<VolumeRow> {
  const sources = [ask.imageId, ask.snapshotId, ask.sourceVolumeId].filter(source => source != null);
  if (sources.length > 1) throw new Problem('invalid', t.oneSource);
  if (ask.availabilityZone != null && ask.availabilityZone !== zone)
    throw new Problem('invalid', t.zoneNotFound, { zone: ask.availabilityZone.slice(0, 80), zones: zone });
  const base = await readSource(tx, caller, ask);
  const type = await typeForUse(tx, caller, ask.volumeType ?? base.typeId);
  const sizeGib = ask.sizeGib ?? base.sizeGib;
  if (sizeGib === null) throw new Problem('invalid', t.noSize);
  if (sizeGib < base.leastGib) throw new Problem('invalid', t.tooSmall, { sizeGib, least: base.leastGib });
  const projectId = caller.projectId ?? '';
  await checkQuota(tx, projectId, { volumes: 1, gigabytes: sizeGib }, sizeGib);
  const specs = JSON.parse(type.extraSpecs) as Record<string, string>;
  const row: VolumeRow = {
    id: newId(tx),
    projectId,
    userId: caller.userId,
    name: ask.name ?? null,
    description: ask.description ?? null,
    sizeGib,
    status: 'creating',
    previousStatus: null,
    availabilityZone: zone,
    typeId: type.id,
    bootable: base.bootable ? 1 : 0,
    multiattach: ask.multiattach || specs['multiattach'] === '<is> True' ? 1 : 0,
    readOnly: null,
    snapshotId: ask.snapshotId ?? null,
    sourceVolumeId: ask.sourceVolumeId ?? null,
    imageId: ask.imageId ?? null,
    host: null,
    epoch: 0,
    planned: 0,
    built: 0,
    metadata: JSON.stringify(ask.metadata ?? {}),
    imageMetadata: JSON.stringify(base.imageMetadata),
    createdAt: now(tx),
    updatedAt: null,
  };
  await insertVolume(tx, row);
  if (row.imageId !== null) await keepForUse(tx, row.imageId, `volume/${row.id}`);
  await start(tx, createVolume, { volumeId: row.id }, { resourceId: row.id, projectId });
  return row;
}

interface Source {
  /** What the volume gets when it asks for no size. */
  sizeGib: number | null;
  leastGib: number;
  bootable: boolean;
  imageMetadata: Record<string, string>;
  typeId: string | null;
}

async function readSource(tx: Tx, caller: Caller, ask: VolumeAsk): Promise<Source> {
  if (ask.imageId != null) return fromImage(await usableImage(tx, caller, ask.imageId));
  if (ask.snapshotId != null) {
    const snapshot = await findSnapshot(tx, ask.snapshotId);
    if (!snapshot || (!caller.isAdmin && snapshot.projectId !== caller.projectId))
      throw new Problem('notFound', t.snapshotNotFound, { id: ask.snapshotId.slice(0, 80) });
    const { id, status, sizeGib } = snapshot;
    if (status !== 'available') throw new Problem('invalid', t.snapshotStatus, { id, wanted: 'available', status });
    return fromVolume(await ownVolume(tx, caller, snapshot.volumeId), sizeGib);
  }
  if (ask.sourceVolumeId != null) {
    const volume = await ownVolume(tx, caller, ask.sourceVolumeId);
    const { id, status } = volume;
    if (status !== 'available' && status !== 'in-use')
      throw new Problem('invalid', t.wrongStatus, { id, wanted: ['available', 'in-use'], status });
    return fromVolume(volume, volume.sizeGib);
  }
  return { sizeGib: null, leastGib: 1, bootable: false, imageMetadata: {}, typeId: null };
}

function fromVolume(volume: VolumeRow, sizeGib: number): Source {
  return {
    sizeGib,
    leastGib: sizeGib,
    bootable: volume.bootable === 1,
    imageMetadata: JSON.parse(volume.imageMetadata) as Record<string, string>,
    typeId: volume.typeId,
  };
}

async function usableImage(tx: Tx, caller: Caller, id: string): Promise<UsableImage> {
  try {
    return await imageForUse(tx, caller, id);
  } catch (cause) {
    if (cause instanceof Problem && cause.kind === 'notFound')
      throw new Problem('invalid', t.badImage, { id: id.slice(0, 80) }, { cause });
    throw cause;
  }
}

function fromImage(image: UsableImage): Source {
  const bytes = image.virtualSizeBytes ?? image.sizeBytes;
  return {
    sizeGib: null,
    leastGib: Math.max(1, image.minDiskGib, Math.ceil(bytes / 2 ** 30)),
    bootable: true,
    imageMetadata: {
      ...image.properties,
      image_id: image.id,
      image_name: image.name,
      container_format: image.containerFormat,
      disk_format: image.diskFormat,
      min_disk: String(image.minDiskGib),
      min_ram: String(image.minRamMib),
      size: String(image.sizeBytes),
    },
    typeId: null,
  };
}

/** Whether a volume is just being made from this volume or one of its snapshots. */
export async function isBeingCopied(tx: Tx, volumeId: string, snapshotIds: string[]): Promise<boolean> {
  const row = await tables(tx)
    .selectFrom('volumes')
    .select('id')
    .where('status', '=', 'creating')
    .where(eb =>
      eb.or([
        eb('sourceVolumeId', '=', volumeId),
        ...(snapshotIds.length ? [eb('snapshotId', 'in', snapshotIds)] : []),
      ]),
    )
    .executeTakeFirst();
  return row !== undefined;
}
