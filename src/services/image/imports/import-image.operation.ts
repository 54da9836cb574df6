// Takes staged data into the store: what was uploaded to the staging place becomes the image.

import { operation } from '#/platform/operations/operation.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { keep } from '#/services/image/data/image-files.ts';
import { stagedFile } from '#/services/image/images/delete-image.ts';
import { fileOf, findRow, moveImage, updateImage } from '#/services/image/images/image.store.ts';
import { type TaskRow, tables } from '#/services/image/tables.ts';

export const importImage = operation<{ imageId: string; taskId: string }>('image.import')
  .write('begin', { do: (tx, { taskId }) => setTask(tx, taskId, { status: 'processing' }) })
  .call('take', {
    async do({ db }, { imageId }) {
      const file = await db.read(tx => fileOf(tx, imageId));
      await keep(stagedFile(file), file).catch((error: NodeJS.ErrnoException) => {
        // A second try finds it moved.
        if (error.code !== 'ENOENT') throw error;
      });
    },
  })
  .write('finish', {
    async do(tx, { imageId, taskId }) {
      await moveImage(tx, imageId, ['importing'], { status: 'active' });
      await setTask(tx, taskId, { status: 'success' });
    },
  })
  .failed(async (tx, { imageId, taskId }, problem) => {
    const row = await findRow(tx, imageId);
    if (row?.status === 'importing') await updateImage(tx, imageId, { status: 'queued' });
    await setTask(tx, taskId, { status: 'failure', message: problem.say() });
  });

async function setTask(tx: Tx, id: string, change: Partial<TaskRow>): Promise<void> {
  await tables(tx)
    .updateTable('imageTasks')
    .set({ ...change, updatedAt: now(tx) })
    .where('id', '=', id)
    .execute();
}
