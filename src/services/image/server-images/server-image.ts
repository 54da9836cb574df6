// Images that are made of servers: registered at once, filled by the operation that copies the server's disk.

import type { Caller } from '#/platform/access/caller.ts';
import type { Database } from '#/platform/database/database.ts';
import { newId, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { columnsOf } from '#/services/image/data/data.api.ts';
import { discard, keep, receive, type StoredData } from '#/services/image/data/image-files.ts';
import { deleteImage, serverPart } from '#/services/image/images/delete-image.ts';
import { blankImage } from '#/services/image/images/image.api.ts';
import { emptyDraft } from '#/services/image/images/image.rules.ts';
import {
  fileOf,
  findRow,
  findVisible,
  type Image,
  insertImage,
  moveImage,
  updateImage,
} from '#/services/image/images/image.store.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export interface ServerImageAsk {
  name: string;
  /** The owner. */
  projectId: string;
  properties: Record<string, string>;
  minDiskGib: number;
  minRamMib: number;
}

/** Registers an image that waits for its bytes. @returns its id */
export async function registerServerImage(tx: Tx, ask: ServerImageAsk): Promise<string> {
  const id = newId(tx);
  await insertImage(tx, {
    ...blankImage(tx, id),
    ...emptyDraft(ask.projectId),
    ...ask,
    visibility: 'private',
    diskFormat: 'qcow2',
    containerFormat: 'bare',
  });
  return id;
}

/** Registers an image without bytes, whose servers start from other things: its properties say from which. */
export async function registerMappingImage(tx: Tx, ask: ServerImageAsk): Promise<string> {
  const id = await registerServerImage(tx, ask);
  await updateImage(tx, id, { status: 'active', sizeBytes: 0, diskFormat: null, containerFormat: null });
  return id;
}

/**
 * The image, when it has no bytes and says instead what its servers start from.
 * @throws Problem notFound when the caller may not see it
 */
export async function mappingImageForUse(
  tx: Tx,
  caller: Caller,
  imageId: string,
): Promise<Pick<Image, 'id' | 'name' | 'properties' | 'minDiskGib' | 'minRamMib'> | null> {
  const image = await findVisible(tx, imageId, caller);
  if (!image) throw new Problem('notFound', t.notFound, { id: imageId.slice(0, 80) });
  const { status, sizeBytes, properties } = image;
  return status === 'active' && sizeBytes === 0 && properties['block_device_mapping'] !== undefined ? image : null;
}

/** @throws Problem notFound when it was deleted */
export async function mustBeComing(tx: Tx, imageId: string): Promise<void> {
  const row = await findRow(tx, imageId);
  if (!row || row.status === 'deleted') throw new Problem('notFound', t.notFound, { id: imageId });
}

/** Its bytes are on their way. @throws Problem notFound when it was deleted, conflict when somebody else fills it */
export async function beginServerImage(tx: Tx, imageId: string): Promise<void> {
  await moveImage(tx, imageId, ['queued'], { status: 'saving' });
}

/**
 * Takes its bytes into the store. Doing it again replaces what the first try left.
 * @throws Problem unavailable when not all of them came, or as storing an upload does
 */
export async function storeServerImage(
  db: Database,
  imageId: string,
  copy: { format: string; sizeBytes: number; bytes: AsyncIterable<Buffer> },
): Promise<StoredData> {
  const file = await db.read(tx => fileOf(tx, imageId));
  const part = serverPart(file);
  const { sizeBytes, format: diskFormat } = copy;
  const overLimit = new Problem('tooLarge', t.tooLarge, { limit: sizeBytes });
  const stored = await receive(copy.bytes, { part, diskFormat, maxBytes: sizeBytes, overLimit });
  if (stored.sizeBytes !== sizeBytes) {
    await discard(part);
    throw new Problem('unavailable', t.wrongSize, { got: stored.sizeBytes, announced: sizeBytes });
  }
  await keep(part, file);
  // Deleted meanwhile: whoever removes its bytes may have come too early.
  if (!(await db.read(tx => findRow(tx, imageId)))) await discard(file);
  return stored;
}

/** It is whole. Nothing happens when it was deleted meanwhile. */
export async function finishServerImage(
  tx: Tx,
  imageId: string,
  { format, stored }: { format: string; stored: StoredData },
): Promise<void> {
  const row = await findRow(tx, imageId);
  if (row?.status !== 'saving') return;
  await moveImage(tx, imageId, ['saving'], { status: 'active', diskFormat: format, ...columnsOf(stored) });
}

/** Takes back one that is not whole. */
export async function dropServerImage(tx: Tx, imageId: string): Promise<void> {
  const row = await findRow(tx, imageId);
  // Somebody else may be filling it.
  if (row && (row.status === 'queued' || row.status === 'saving') && row.uploadId === null) await deleteImage(tx, row);
}
