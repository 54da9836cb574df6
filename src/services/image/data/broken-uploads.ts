// Uploads whose process died: the image is queued again and what was written of it goes.

import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { partFile, removePart } from '#/services/image/images/delete-image.ts';
import { fileOf, updateImage } from '#/services/image/images/image.store.ts';
import { tables } from '#/services/image/tables.ts';

const deadAfterMs = 180_000;

export async function endBrokenUploads(tx: Tx): Promise<void> {
  const rows = await tables(tx)
    .selectFrom('images')
    .select(['id', 'projectId', 'uploadId'])
    .where('status', 'in', ['saving', 'uploading'])
    .where('uploadId', 'is not', null)
    .where('uploadAliveAt', '<', nowMs(tx) - deadAfterMs)
    .execute();
  for (const { id, projectId, uploadId } of rows) {
    await updateImage(tx, id, { status: 'queued', uploadId: null });
    const file = partFile(await fileOf(tx, id), uploadId!);
    await start(tx, removePart, { file }, { resourceId: id, projectId });
  }
}
