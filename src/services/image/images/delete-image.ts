// The end of an image: its row goes at once, or once nothing uses its bytes any more; the bytes follow.

import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { operation } from '#/platform/operations/operation.ts';
import { start, supersede } from '#/platform/operations/operation.store.ts';
import { discard } from '#/services/image/data/image-files.ts';
import { fileOf, findRow, updateImage } from '#/services/image/images/image.store.ts';
import { type ImageRow, tables } from '#/services/image/tables.ts';

/** Takes the bytes off the store, unless an image of that id lives again. */
export const removeBytes = operation<{ imageId: string }>('image.remove-bytes', { onFailure: 'persist' }).call(
  'remove',
  {
    async do({ db }, { imageId }) {
      const { file, row } = await db.read(async tx => ({
        file: await fileOf(tx, imageId),
        row: await findRow(tx, imageId),
      }));
      if (row) return;
      await discard(file);
      await discard(stagedFile(file));
      await discard(serverPart(file));
    },
  },
);

/** Removes one file of the store that no row names: what a broken upload left. */
export const removePart = operation<{ file: string }>('image.remove-part', { onFailure: 'persist' }).call('remove', {
  do: async (_outside, { file }) => discard(file),
});

/** Where staged data waits for its import. */
export function stagedFile(file: string): string {
  return `${file}.staged`;
}

/** Where an upload writes until it is whole. */
export function partFile(file: string, uploadId: string): string {
  return `${file}.${uploadId}.part`;
}

/** Where the copy of a server's disk is written until it is whole. */
export function serverPart(file: string): string {
  return partFile(file, 'server');
}

/** Deletes an image; the bytes stay while servers use them. */
export async function deleteImage(tx: Tx, image: ImageRow): Promise<void> {
  await supersede(tx, image.id);
  await emit(tx, { type: 'image.deleted', projectId: image.projectId, resourceId: image.id, payload: {} });
  await updateImage(tx, image.id, { status: 'deleted', uploadId: null });
  await forgetUnused(tx, image.id);
}

/** Removes the row and bytes of a deleted image that nothing uses. */
export async function forgetUnused(tx: Tx, imageId: string): Promise<void> {
  const row = await findRow(tx, imageId);
  if (row?.status !== 'deleted') return;
  const use = await tables(tx)
    .selectFrom('imageUses')
    .select('userKey')
    .where('imageId', '=', imageId)
    .executeTakeFirst();
  if (use) return;
  await tables(tx).deleteFrom('images').where('id', '=', imageId).execute();
  await start(tx, removeBytes, { imageId }, { resourceId: imageId, projectId: row.projectId });
}
