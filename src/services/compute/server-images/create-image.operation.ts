// A server's root disk becomes an image: its host copies the disk as it is at one moment, and the image service takes the copy.

import { callHost, copyDisk, dropDiskCopy, offerDiskCopy } from '#/host/commands.ts';
import { streamsOf, takeStream } from '#/host/streams.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { operation, type Outside } from '#/platform/operations/operation.ts';
import { operationsOf } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { endAction } from '#/services/compute/server-actions/action.store.ts';
import { offeredBytes } from '#/services/compute/server-images/offered-bytes.ts';
import { imageTasks, type TaskState } from '#/services/compute/servers/server.rules.ts';
import { changeServer, findServer, mustFindServer } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import {
  beginServerImage,
  dropServerImage,
  finishServerImage,
  mustBeComing,
  storeServerImage,
} from '#/services/image/contract.ts';

interface CreateImageInput {
  serverId: string;
  host: string;
  imageId: string;
}

const kind = 'server.create-image';
/** Less than the engine gives a step: what takes longer ends before it is tried again. */
const patienceMs = 9 * 60_000;

export const createServerImage = operation<CreateImageInput>(kind)
  .write('begin', { do: (tx, { serverId }) => moveTask(tx, serverId, 'image_snapshot', 'image_pending_upload') })
  .call('copy', {
    async do({ bus, clock, db, requestId }, { host, serverId, imageId }) {
      const asked = { key: `server/${serverId}` as const, id: imageId };
      for (const until = clock.monotonic() + patienceMs; clock.monotonic() < until; ) {
        await db.read(tx => stillWanted(tx, { serverId, imageId }));
        const { copy } = await callHost(bus, host, copyDisk, asked, undefined, requestId);
        if (copy) return { copy };
      }
      // The host goes on with it, and the next try finds it.
      throw new Problem('unavailable', t.copyTakesLong, { id: serverId, host });
    },
    undo: drop,
  })
  .write('upload', {
    async do(tx, { serverId, imageId }) {
      await moveTask(tx, serverId, 'image_pending_upload', 'image_uploading');
      await beginServerImage(tx, imageId);
    },
  })
  .call('store', {
    async do({ bus, clock, db, requestId }, { host, serverId, imageId, copy }) {
      const asked = { key: `server/${serverId}` as const, id: imageId };
      const streams = await db.read(async tx => streamsOf(tx));
      const way = { bus, clock, streams };
      const { answer, stream } = await takeStream(way, host, offerDiskCopy, asked, undefined, requestId);
      const { sizeBytes } = answer;
      const bytes = offeredBytes({ stream, sizeBytes }, { clock, withinMs: patienceMs });
      return { stored: await storeServerImage(db, imageId, { format: copy.format, sizeBytes, bytes }) };
    },
  })
  .write('finish', {
    async do(tx, { serverId, imageId, copy, stored }) {
      await finishServerImage(tx, imageId, { format: copy.format, stored });
      await end(tx, serverId, 'server.create_image.end');
    },
  })
  .call('drop', { do: drop })
  .failed(async (tx, { serverId, imageId }, problem) => {
    await dropServerImage(tx, imageId);
    await end(tx, serverId, 'server.create_image.error', problem);
  });

/** @throws Problem notFound when the server or the image was deleted, conflict when an administrator reset the server */
async function stillWanted(tx: Tx, { serverId, imageId }: Pick<CreateImageInput, 'serverId' | 'imageId'>) {
  await mustDo(tx, serverId, 'image_pending_upload');
  await mustBeComing(tx, imageId);
}

async function mustDo(tx: Tx, serverId: string, task: TaskState): Promise<void> {
  const { taskState } = await mustFindServer(tx, serverId);
  if (taskState !== task) throw new Problem('conflict', t.noLongerCopied, { id: serverId });
}

/** A host that is away removes its copy with the next one, or with the guest. */
async function drop({ bus, log, requestId }: Outside, { host, serverId, imageId }: CreateImageInput): Promise<void> {
  const asked = { key: `server/${serverId}` as const, id: imageId };
  await callHost(bus, host, dropDiskCopy, asked, undefined, requestId).catch((error: unknown) => {
    if (!(error instanceof Problem) || error.kind !== 'unavailable') throw error;
    log.warn({ host, serverId, imageId, err: error }, 'a copy of a disk is still on its host');
  });
}

async function moveTask(tx: Tx, serverId: string, from: TaskState, to: TaskState): Promise<void> {
  await mustDo(tx, serverId, from);
  await changeServer(tx, serverId, { taskState: to });
}

async function end(tx: Tx, serverId: string, type: string, problem?: Problem): Promise<void> {
  const server = await findServer(tx, serverId);
  if (!server || server.taskState === 'deleting') return;
  // After a reset it may be about something else already.
  if (imageTasks.includes(server.taskState)) await changeServer(tx, serverId, { taskState: null });
  await endAction(tx, serverId, problem);
  const payload = problem ? { problem: problem.text.id } : {};
  await emit(tx, { type, projectId: server.projectId, resourceId: serverId, payload });
}

/** A server that is deleted meanwhile takes the image with it, which is not whole. */
export async function abandonImages(tx: Tx, serverId: string): Promise<void> {
  for (const { kind: of, phase, state } of await operationsOf(tx, serverId))
    if (of === kind && (phase === 'forward' || phase === 'undo'))
      await dropServerImage(tx, (JSON.parse(state) as CreateImageInput).imageId);
}
