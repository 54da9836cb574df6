// Interoperable import: staged data becomes the image's, as a task. API: Image v2, "Interoperable image import".

import { contextOf, newId, now } from '#/platform/database/tx.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { any, array, mapOf, object, open, string } from '#/platform/http/schema.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { anImage } from '#/services/image/images/image.finder.ts';
import { updateImage } from '#/services/image/images/image.store.ts';
import { wireTime } from '#/services/image/images/image.view.ts';
import { importImage } from '#/services/image/imports/import-image.operation.ts';
import { type TaskRow, tables } from '#/services/image/tables.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

const importData = endpoint({
  policy: 'modify_image',
  route: 'POST /v2/images/{image_id}/import',
  find: anImage,
  body: open({ method: open({ name: string() }) }),
  replies: { 202: null },
  async handle({ tx, found, body, caller }) {
    const { id, status } = found;
    const { method } = body;
    if (method.name !== 'glance-direct')
      throw new Problem('invalid', t.badImport, {
        why: `the method ${method.name.slice(0, 80)} is not one of glance-direct`,
      });
    const stores = (body as Record<string, unknown>)['stores'];
    if (Array.isArray(stores) && stores.some(store => store !== 'local'))
      throw new Problem('conflict', t.badImport, { why: 'there is only the store local' });
    if (status !== 'uploading' || found.uploadId !== null)
      throw new Problem('conflict', t.wrongStatus, { id, status, wanted: 'uploading' });
    await updateImage(tx, id, { status: 'importing' });
    const taskId = newId(tx);
    await tables(tx)
      .insertInto('imageTasks')
      .values({
        id: taskId,
        imageId: id,
        projectId: found.projectId,
        userId: caller.userId,
        requestId: contextOf(tx).requestId,
        type: 'api_image_import',
        status: 'pending',
        input: JSON.stringify({ image_id: id, import_req: body }),
        message: '',
        createdAt: now(tx),
        updatedAt: now(tx),
      })
      .execute();
    await start(tx, importImage, { imageId: id, taskId }, { resourceId: id, projectId: found.projectId });
    return { 202: undefined };
  },
});

function taskView(task: TaskRow): Record<string, unknown> {
  return {
    id: task.id,
    image_id: task.imageId,
    type: task.type,
    status: task.status,
    owner: task.projectId,
    user_id: task.userId,
    request_id: task.requestId,
    input: JSON.parse(task.input) as unknown,
    result: null,
    message: task.message,
    created_at: wireTime(task.createdAt),
    updated_at: wireTime(task.updatedAt),
    expires_at: null,
  };
}

const imageTasks = endpoint({
  policy: 'get_image',
  route: 'GET /v2/images/{image_id}/tasks',
  find: anImage,
  replies: { 200: object({ tasks: array(mapOf(any())) }) },
  async handle({ tx, found }) {
    const rows = await tables(tx)
      .selectFrom('imageTasks')
      .selectAll()
      .where('imageId', '=', found.id)
      .orderBy('createdAt')
      .execute();
    return { 200: { tasks: rows.map(taskView) } };
  },
});

export const importEndpoints = [importData, imageTasks];
