// The bytes of an image, in and out, with constant memory. API: Image v2, "Image data".

import { open, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#/platform/clock/clock.ts';
import { newHexId, nowMs, type Tx } from '#/platform/database/tx.ts';
import { streamEndpoint } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { readRange } from '#/services/image/data/range.ts';
import { discard, keep, receive, type StoredData } from '#/services/image/data/image-files.ts';
import { partFile, stagedFile } from '#/services/image/images/delete-image.ts';
import { anImage } from '#/services/image/images/image.finder.ts';
import { bytesOfProject, fileOf, findRow, type Image, updateImage } from '#/services/image/images/image.store.ts';
import type { ImageRow, ImageStatus } from '#/services/image/tables.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export interface DataSettings {
  clock: Clock;
  /** The largest image, in bytes. */
  maxImageBytes: number;
  /** What all images of a project may take, in bytes; null: no limit. */
  projectBytes: number | null;
}

const idleMs = 60_000;
const aliveMs = 10_000;
/** What is still read after a refusal, so that the client gets to see it. */
const drainBytes = 4 << 20;

export function dataEndpoints(settings: DataSettings) {
  const upload = streamEndpoint({
    policy: 'upload_image',
    allow: 'role:admin or (role:member and project_id:%(project_id)s)',
    scopes: ['project'],
    route: 'PUT /v2/images/{image_id}/file',
    find: anImage,
    replies: { 204: null },
    async stream({ found, db, incoming, request }) {
      const { clock } = settings;
      try {
        checkType(incoming);
        const begun = await db.write(tx => begin(tx, found.id, 'saving', settings), { requestId: request.id });
        try {
          const stored = await take(begun.part, begun);
          await keep(begun.part, begun.file);
          await db.write(tx => finish(tx, begun, 'active', stored), { requestId: request.id });
        } catch (error) {
          await giveUp(begun);
          throw error;
        }
        return { 204: undefined };
      } catch (error) {
        await drain(incoming, clock);
        throw error;
      }

      async function take(part: string, begun: Begun): Promise<StoredData> {
        return receiveBody(incoming, begun, { ...settings, part, alive: () => db.write(tx => showLife(tx, begun)) });
      }

      /** Back to queued; nothing of it stays. */
      async function giveUp(begun: Begun): Promise<void> {
        await discard(begun.part);
        const owned = await db.write(tx => rewind(tx, begun), { requestId: request.id });
        if (owned) await discard(begun.file);
      }
    },
  });

  const stage = streamEndpoint({
    policy: 'upload_image',
    route: 'PUT /v2/images/{image_id}/stage',
    find: anImage,
    replies: { 204: null },
    async stream({ found, db, incoming, request }) {
      try {
        checkType(incoming);
        const begun = await db.write(tx => begin(tx, found.id, 'uploading', settings), { requestId: request.id });
        try {
          const alive = (): Promise<void> => db.write(tx => showLife(tx, begun));
          const stored = await receiveBody(incoming, begun, { ...settings, part: begun.part, alive });
          await keep(begun.part, stagedFile(begun.file));
          await db.write(tx => finish(tx, begun, 'uploading', stored), { requestId: request.id });
        } catch (error) {
          await discard(begun.part);
          await db.write(tx => rewind(tx, begun), { requestId: request.id });
          throw error;
        }
        return { 204: undefined };
      } catch (error) {
        await drain(incoming, settings.clock);
        throw error;
      }
    },
  });

  return [upload, stage, download];
}

interface Begun {
  imageId: string;
  uploadId: string;
  file: string;
  part: string;
  diskFormat: string;
  /** The most that this upload may hold. */
  maxBytes: number;
  overLimit: Problem;
}

async function begin(tx: Tx, id: string, status: ImageStatus, settings: DataSettings): Promise<Begun> {
  const row = await findRow(tx, id);
  if (!row || row.status === 'deleted') throw new Problem('notFound', t.notFound, { id });
  if (row.status !== 'queued') throw new Problem('conflict', t.dataExists, { id, status: row.status });
  if (row.diskFormat === null || row.containerFormat === null) throw new Problem('invalid', t.needsFormats, { id });
  const uploadId = newHexId(tx);
  await updateImage(tx, id, { status, uploadId, uploadAliveAt: nowMs(tx) });
  const file = await fileOf(tx, id);
  const { projectId } = row;
  const left =
    settings.projectBytes === null
      ? Number.POSITIVE_INFINITY
      : settings.projectBytes - (await bytesOfProject(tx, projectId));
  const overLimit =
    left < settings.maxImageBytes
      ? new Problem('tooLarge', t.overQuota, { projectId, limit: settings.projectBytes })
      : new Problem('tooLarge', t.tooLarge, { limit: settings.maxImageBytes });
  const maxBytes = Math.max(0, Math.min(left, settings.maxImageBytes));
  return {
    imageId: id,
    uploadId,
    file,
    part: partFile(file, uploadId),
    diskFormat: row.diskFormat,
    maxBytes,
    overLimit,
  };
}

async function finish(tx: Tx, { imageId, uploadId }: Begun, status: ImageStatus, stored: StoredData): Promise<void> {
  const row = await findRow(tx, imageId);
  if (row?.uploadId !== uploadId) throw new Problem('notFound', t.gone, { id: imageId });
  await updateImage(tx, imageId, { status, uploadId: null, ...columnsOf(stored) });
}

/** What storing data makes known of an image. */
export function columnsOf(
  stored: StoredData,
): Pick<ImageRow, 'sizeBytes' | 'virtualSizeBytes' | 'md5' | 'sha512' | 'formatProven'> {
  const { sizeBytes, virtualSizeBytes, md5, sha512, formatProven } = stored;
  return { sizeBytes, virtualSizeBytes, md5, sha512, formatProven: formatProven ? 1 : 0 };
}

/** @returns whether the image is no longer anybody else's, so that its file may go */
async function rewind(tx: Tx, { imageId, uploadId }: Begun): Promise<boolean> {
  const row = await findRow(tx, imageId);
  if (!row) return true;
  if (row.uploadId !== uploadId) return row.status === 'queued';
  await updateImage(tx, imageId, { status: 'queued', uploadId: null });
  return true;
}

async function showLife(tx: Tx, { imageId, uploadId }: Begun): Promise<void> {
  const row = await findRow(tx, imageId);
  if (row?.uploadId !== uploadId) throw new Problem('notFound', t.gone, { id: imageId });
  await updateImage(tx, imageId, { uploadAliveAt: nowMs(tx) });
}

async function receiveBody(
  incoming: IncomingMessage,
  begun: Begun,
  options: { clock: Clock; part: string; alive(): Promise<void> },
): Promise<StoredData> {
  const { clock, part } = options;
  const announced = announcedBytes(incoming);
  const { diskFormat, maxBytes, overLimit } = begun;
  if (announced !== null && announced > maxBytes) throw overLimit;
  let got = 0;
  let idle = false;
  let lastAlive = clock.monotonic();
  let lastByte = clock.monotonic();
  let watch = clock.after(idleMs, look);
  function look(): void {
    idle = clock.monotonic() - lastByte >= idleMs;
    if (idle) incoming.destroy(new Error('no data came'));
    else watch = clock.after(idleMs, look);
  }
  try {
    const source = incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    const stored = await receive(source, { part, diskFormat, maxBytes, overLimit, alive });
    if (announced !== null && stored.sizeBytes !== announced) {
      await discard(part);
      throw new Problem('invalid', t.wrongSize, { got: stored.sizeBytes, announced });
    }
    return stored;
  } catch (error) {
    if (idle) throw new Problem('invalid', t.tooSlow, { seconds: idleMs / 1000 }, { cause: error });
    if (error instanceof Problem || !incoming.destroyed) throw error;
    throw new Problem('invalid', t.cut, { got }, { cause: error });
  } finally {
    watch.cancel();
  }

  async function alive(bytes: number): Promise<void> {
    got = bytes;
    lastByte = clock.monotonic();
    if (lastByte - lastAlive < aliveMs) return;
    lastAlive = lastByte;
    await options.alive();
  }
}

function announcedBytes(incoming: IncomingMessage): number | null {
  const said = incoming.headers['x-openstack-image-size'] ?? incoming.headers['content-length'];
  if (typeof said !== 'string') return null;
  if (!/^\d{1,15}$/.test(said)) throw new Problem('invalid', t.wrongSize, { got: 0, announced: said.slice(0, 40) });
  return Number(said);
}

function checkType(incoming: IncomingMessage): void {
  const type = (incoming.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (type !== 'application/octet-stream')
    throw new Problem('unsupported', t.badContentType, { type: type.slice(0, 80) });
}

/** Reads a little of what a refused client still sends: one that never gets to read the answer shows a broken pipe. */
async function drain(incoming: IncomingMessage, clock: Clock): Promise<void> {
  if (incoming.complete || incoming.destroyed) return;
  await new Promise<void>(resolve => {
    let bytes = 0;
    const timer = clock.after(2_000, resolve);
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > drainBytes) resolve();
    });
    incoming.once('end', resolve);
    incoming.once('close', resolve);
    incoming.once('error', () => resolve());
    void timer;
  });
}

const download = streamEndpoint({
  policy: 'download_image',
  allow:
    "role:admin or (role:member and (project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s or 'public':%(visibility)s or 'shared':%(visibility)s))",
  scopes: ['project'],
  route: 'GET /v2/images/{image_id}/file',
  find: anImage,
  replies: { 204: null },
  async stream({ found, db, caller, incoming, outgoing }) {
    if (found.status === 'deactivated' && !caller.isAdmin)
      throw new Problem('forbidden', t.deactivated, { id: found.id });
    if (found.status !== 'active' && found.status !== 'deactivated') return { 204: undefined };
    if (found.sizeBytes === 0) return { 204: undefined };
    const file = await db.read(tx => fileOf(tx, found.id));
    await send(found, file, incoming, outgoing);
    return undefined;
  },
});

async function send(image: Image, file: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { size } = await stat(file);
  const range = readRange(incoming.headers['range'], size);
  if (range === 'outside') {
    outgoing.setHeader('content-range', `bytes */${size}`);
    outgoing.writeHead(416, { 'content-length': 0 }).end();
    return;
  }
  outgoing.setHeader('content-type', 'application/octet-stream');
  outgoing.setHeader('accept-ranges', 'bytes');
  if (range) {
    outgoing.setHeader('content-range', `bytes ${range.from}-${range.to}/${size}`);
    outgoing.setHeader('content-length', range.to - range.from + 1);
  } else {
    if (image.md5) outgoing.setHeader('content-md5', image.md5);
    outgoing.setHeader('content-length', size);
  }
  outgoing.writeHead(range ? 206 : 200);
  if (incoming.method === 'HEAD' || size === 0) {
    outgoing.end();
    return;
  }
  await pour(file, range ?? { from: 0, to: size - 1 }, outgoing);
}

const pourBytes = 512 << 10;

/** Sends a range of a file out of one block of memory. A client that goes away in the middle is no failure of ours. */
async function pour(path: string, { from, to }: { from: number; to: number }, outgoing: ServerResponse): Promise<void> {
  const file = await open(path, 'r');
  try {
    const block = Buffer.allocUnsafeSlow(Math.min(pourBytes, to - from + 1));
    for (let at = from; at <= to; ) {
      const { bytesRead } = await file.read(block, 0, Math.min(block.length, to - at + 1), at);
      if (bytesRead === 0) return void outgoing.destroy();
      at += bytesRead;
      if (!(await written(outgoing, block.subarray(0, bytesRead)))) return;
    }
    outgoing.end();
  } finally {
    await file.close();
  }
}

/** Resolves once the bytes have left and their memory may be used again. @returns false when the client is gone */
function written(outgoing: ServerResponse, bytes: Buffer): Promise<boolean> {
  if (outgoing.destroyed) return Promise.resolve(false);
  return new Promise(resolve => {
    const gone = (): void => resolve(false);
    outgoing.once('close', gone);
    outgoing.write(bytes, error => {
      outgoing.removeListener('close', gone);
      resolve(!error);
    });
  });
}
