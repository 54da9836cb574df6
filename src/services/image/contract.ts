// What other services may ask of images, in their own transaction. Event: image.deleted.

import type { BaseImage } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { forgetUnused } from '#/services/image/images/delete-image.ts';
import { fileOf, findVisible, type Image } from '#/services/image/images/image.store.ts';
import { type ImageStatus, tables, type Visibility } from '#/services/image/tables.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export {
  beginServerImage,
  dropServerImage,
  finishServerImage,
  mappingImageForUse,
  mustBeComing,
  registerMappingImage,
  registerServerImage,
  type ServerImageAsk,
  storeServerImage,
} from '#/services/image/server-images/server-image.ts';

export interface UsableImage {
  id: string;
  name: string;
  status: ImageStatus;
  sizeBytes: number;
  virtualSizeBytes: number | null;
  minDiskGib: number;
  minRamMib: number;
  diskFormat: string;
  containerFormat: string;
  properties: Record<string, string>;
  sha512: string;
  projectId: string;
  visibility: Visibility;
  tags: string[];
  createdAt: string;
  updatedAt: string;
}

/**
 * An image that a server or volume may start from.
 * @throws Problem notFound when the caller may not see it, invalid when it is not active or nothing can open it
 */
export async function imageForUse(tx: Tx, caller: Caller, imageId: string): Promise<UsableImage> {
  const image = await findVisible(tx, imageId, caller);
  if (!image) throw new Problem('notFound', t.notFound, { id: imageId.slice(0, 80) });
  const { id, status } = image;
  if (status !== 'active') throw new Problem('invalid', t.notActive, { id, status });
  if (!image.formatProven) throw new Problem('invalid', t.unknownContent, { id, declared: image.diskFormat });
  return usable(image);
}

function usable(image: Image): UsableImage {
  const { id, status, sizeBytes, virtualSizeBytes, minDiskGib, minRamMib, properties, projectId, visibility } = image;
  return {
    id,
    name: image.name ?? '',
    status,
    sizeBytes: sizeBytes ?? 0,
    virtualSizeBytes,
    minDiskGib,
    minRamMib,
    diskFormat: image.diskFormat ?? '',
    containerFormat: image.containerFormat ?? '',
    properties,
    sha512: image.sha512 ?? '',
    projectId,
    visibility,
    tags: image.tags,
    createdAt: image.createdAt,
    updatedAt: image.updatedAt,
  };
}

/** Plan entries for a host, also of images deleted meanwhile that servers still use. Unknown ids are left out. */
export async function baseImages(tx: Tx, imageIds: string[]): Promise<BaseImage[]> {
  if (imageIds.length === 0) return [];
  const rows = await tables(tx).selectFrom('images').selectAll().where('id', 'in', imageIds).orderBy('id').execute();
  const entries: BaseImage[] = [];
  for (const { id, diskFormat, sha512, sizeBytes } of rows) {
    if (sha512 === null || sizeBytes === null) continue;
    const path = await fileOf(tx, id);
    const format = diskFormat as BaseImage['format'];
    entries.push({ key: `image/${id}`, format, sha512, sizeBytes, source: { kind: 'file', path } });
  }
  return entries;
}

/** The bytes stay while `userKey` (`server/<id>`) uses them, even when the image is deleted. */
export async function keepForUse(tx: Tx, imageId: string, userKey: string): Promise<void> {
  await releaseRow(tx, imageId, userKey);
  await tables(tx).insertInto('imageUses').values({ imageId, userKey }).execute();
}

export async function releaseUse(tx: Tx, imageId: string, userKey: string): Promise<void> {
  await releaseRow(tx, imageId, userKey);
  await forgetUnused(tx, imageId);
}

async function releaseRow(tx: Tx, imageId: string, userKey: string): Promise<void> {
  await tables(tx).deleteFrom('imageUses').where('imageId', '=', imageId).where('userKey', '=', userKey).execute();
}
