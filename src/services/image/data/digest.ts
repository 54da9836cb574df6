// MD5 and SHA-512 of a stream, off the main thread and side by side when there is much of it, over memory that the threads
// share: nothing is copied or left over.

import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Algorithm, FromWorker, ToWorker } from '#/services/image/data/digest-worker.ts';

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

interface Thread {
  worker: Worker;
  /** Who waits for the answers of which stream, in order. */
  waiting: Map<number, { resolve(digest: string | null): void; reject(error: Error): void }[]>;
}

/** How long the threads wait for another stream: each keeps 15 MB, and starts in a tenth of a second. */
const idleMs = 5_000;

const threads = new Map<Algorithm, Thread>();
const streams = new Set<number>();
let ending: NodeJS.Timeout | undefined;
let next = 0;

/** Data of up to so many bytes is hashed here: sooner than the threads could be told of it. */
const smallBytes = 65_536;

/** Begins a digest: in the threads, unless there is too little to hash. */
export function openDigest(): Digest {
  let chosen: Digest | undefined;
  return {
    update(block) {
      chosen ??= block.length > smallBytes ? digestInThreads() : digestHere();
      return chosen.update(block);
    },
    finish: () => (chosen ?? digestHere()).finish(),
    drop: () => chosen?.drop(),
  };
}

function digestHere(): Digest {
  const [md5, sha512] = [createHash('md5'), createHash('sha512')];
  return {
    async update(block) {
      md5.update(block);
      sha512.update(block);
    },
    finish: async () => ({ md5: md5.digest('hex'), sha512: sha512.digest('hex') }),
    drop() {},
  };
}

/** The threads are shared by all, started with the first and ended some time after the last. */
function digestInThreads(): Digest {
  clearTimeout(ending);
  const stream = next++;
  streams.add(stream);
  return {
    async update(block) {
      const message: ToWorker = { type: 'block', stream, block };
      await Promise.all([ask('md5', message), ask('sha512', message)]);
    },
    async finish() {
      const message: ToWorker = { type: 'end', stream };
      const [md5, sha512] = await Promise.all([ask('md5', message), ask('sha512', message)]);
      close(stream);
      return { md5: md5!, sha512: sha512! };
    },
    drop() {
      if (!streams.has(stream)) return;
      for (const { worker } of threads.values()) worker.postMessage({ type: 'drop', stream } satisfies ToWorker);
      close(stream);
    },
  };
}

function ask(algorithm: Algorithm, message: ToWorker): Promise<string | null> {
  const { stream } = message;
  return new Promise((resolve, reject) => {
    if (!streams.has(stream)) return reject(new Error('the hashing thread has ended'));
    const { worker, waiting } = threadOf(algorithm);
    const mine = waiting.get(stream) ?? [];
    waiting.set(stream, mine);
    mine.push({ resolve, reject });
    worker.postMessage(message);
  });
}

function close(stream: number): void {
  streams.delete(stream);
  for (const { waiting } of threads.values()) waiting.delete(stream);
  clearTimeout(ending);
  if (streams.size === 0) ending = setTimeout(endThreads, idleMs).unref();
}

function endThreads(): void {
  for (const { worker } of threads.values()) void worker.terminate();
  threads.clear();
}

function threadOf(algorithm: Algorithm): Thread {
  const running = threads.get(algorithm);
  if (running) return running;
  const worker = new Worker(new URL('./digest-worker.ts', import.meta.url), {
    workerData: algorithm,
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  });
  const thread: Thread = { worker, waiting: new Map() };
  worker.on('message', ({ stream, digest }: FromWorker) => thread.waiting.get(stream)?.shift()?.resolve(digest));
  // What it had hashed of the streams is lost with it.
  worker.on('error', error => {
    threads.delete(algorithm);
    for (const waiting of thread.waiting.values()) for (const { reject } of waiting) reject(error as Error);
    streams.clear();
  });
  // Listening holds the process open; this must not.
  worker.unref();
  threads.set(algorithm, thread);
  return thread;
}
