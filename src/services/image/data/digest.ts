// MD5 and SHA-512 of a stream, off the main thread, with a bound on what waits to be hashed.

import { Worker } from 'node:worker_threads';
import type { FromWorker, ToWorker } from '#/services/image/data/digest-worker.ts';

export interface Digests {
  /** Hexadecimal. */
  md5: string;
  sha512: string;
}

export interface Digest {
  /** Hashes a chunk; the caller may reuse it at once. Waits while too much is in flight. */
  update(chunk: Buffer): Promise<void>;
  finish(): Promise<Digests>;
  /** Forgets what was hashed. */
  drop(): void;
}

const inFlightBytes = 4 << 20;

interface Stream {
  waiting: number;
  drained: (() => void) | null;
  finished: ((digests: Digests) => void) | null;
  failed: ((error: Error) => void) | null;
}

let worker: Worker | undefined;
let next = 0;
const streams = new Map<number, Stream>();

/** Begins a digest. The thread is shared by all and started with the first. */
export function openDigest(): Digest {
  const id = next++;
  const stream: Stream = { waiting: 0, drained: null, finished: null, failed: null };
  let failure: Error | null = null;
  stream.failed = error => void (failure = error);
  streams.set(id, stream);
  const send = (message: ToWorker, transfer: ArrayBuffer[] = []): void => thread().postMessage(message, transfer);
  return {
    async update(chunk) {
      if (failure) throw failure;
      const bytes = new Uint8Array(chunk);
      stream.waiting += bytes.length;
      send({ type: 'chunk', stream: id, bytes }, [bytes.buffer]);
      if (stream.waiting <= inFlightBytes) return;
      await new Promise<void>((resolve, reject) => {
        stream.drained = resolve;
        stream.failed = reject;
      });
    },
    finish() {
      if (failure) return Promise.reject(failure);
      send({ type: 'end', stream: id });
      return new Promise((resolve, reject) => {
        stream.finished = resolve;
        stream.failed = reject;
      });
    },
    drop() {
      if (streams.delete(id)) send({ type: 'drop', stream: id });
    },
  };
}

function thread(): Worker {
  if (worker) return worker;
  const started = new Worker(new URL('./digest-worker.ts', import.meta.url));
  started.on('message', (message: FromWorker) => {
    const stream = streams.get(message.stream);
    if (!stream) return;
    if (message.type === 'digest') {
      streams.delete(message.stream);
      return stream.finished?.({ md5: message.md5, sha512: message.sha512 });
    }
    stream.waiting -= message.length;
    if (stream.waiting > inFlightBytes / 2) return;
    stream.drained?.();
    stream.drained = null;
  });
  started.on('error', error => {
    worker = undefined;
    for (const stream of streams.values()) stream.failed?.(error as Error);
    streams.clear();
  });
  // Listening holds the process open; this must not.
  started.unref();
  worker = started;
  return started;
}
