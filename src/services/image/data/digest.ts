// MD5 and SHA-512 of a stream, off the main thread, over memory that both threads share: nothing is copied or left over.

import { Worker } from 'node:worker_threads';
import type { FromWorker, ToWorker } from '#/services/image/data/digest-worker.ts';

export interface Digests {
  /** Hexadecimal. */
  md5: string;
  sha512: string;
}

export interface Digest {
  /** Hashes a block of shared memory, which must not change until this resolves. Blocks are taken in order. */
  update(block: Uint8Array<SharedArrayBuffer>): Promise<void>;
  finish(): Promise<Digests>;
  /** Forgets what was hashed. */
  drop(): void;
}

interface Stream {
  waiting: { resolve(digests: Digests | null): void; reject(error: Error): void }[];
}

/** How long the thread waits for another stream: it keeps 15 MB, and starts in a tenth of a second. */
const idleMs = 5_000;

let worker: Worker | undefined;
let ending: NodeJS.Timeout | undefined;
let next = 0;
const streams = new Map<number, Stream>();

/** Begins a digest. The thread is shared by all, started with the first and ended some time after the last. */
export function openDigest(): Digest {
  clearTimeout(ending);
  const id = next++;
  const stream: Stream = { waiting: [] };
  streams.set(id, stream);
  const ask = (message: ToWorker): Promise<Digests | null> =>
    new Promise((resolve, reject) => {
      if (!streams.has(id)) return reject(new Error('the hashing thread has ended'));
      stream.waiting.push({ resolve, reject });
      thread().postMessage(message);
    });
  return {
    async update(block) {
      await ask({ type: 'block', stream: id, block });
    },
    async finish() {
      const digests = await ask({ type: 'end', stream: id });
      streams.delete(id);
      endIdle();
      return digests!;
    },
    drop() {
      if (!streams.delete(id)) return;
      thread().postMessage({ type: 'drop', stream: id } satisfies ToWorker);
      endIdle();
    },
  };
}

function endIdle(): void {
  clearTimeout(ending);
  if (streams.size > 0) return;
  ending = setTimeout(() => {
    void worker?.terminate();
    worker = undefined;
  }, idleMs).unref();
}

function thread(): Worker {
  if (worker) return worker;
  const started = new Worker(new URL('./digest-worker.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  });
  started.on('message', ({ stream, digests }: FromWorker) => streams.get(stream)?.waiting.shift()?.resolve(digests));
  started.on('error', error => {
    worker = undefined;
    for (const { waiting } of streams.values()) for (const { reject } of waiting) reject(error as Error);
    streams.clear();
  });
  // Listening holds the process open; this must not.
  started.unref();
  worker = started;
  return started;
}
