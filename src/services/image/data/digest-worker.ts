// A thread that hashes image data: one algorithm, many streams, so that the event loop stays free.

import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

export type Algorithm = 'md5' | 'sha512';
export type ToWorker =
  | { type: 'block'; stream: number; block: Uint8Array }
  | { type: 'end'; stream: number }
  | { type: 'drop'; stream: number };
/** The answer to a block or an end, in order; the digest, in hexadecimal, at the end alone. */
export interface FromWorker {
  stream: number;
  digest: string | null;
}

const streams = new Map<number, Hash>();

function hashOf(stream: number): Hash {
  let hash = streams.get(stream);
  if (!hash) streams.set(stream, (hash = createHash(workerData as Algorithm)));
  return hash;
}

parentPort?.on('message', (message: ToWorker) => {
  const { stream } = message;
  const say = (digest: string | null): void => parentPort!.postMessage({ stream, digest } satisfies FromWorker);
  if (message.type === 'drop') {
    streams.delete(stream);
  } else if (message.type === 'block') {
    hashOf(stream).update(message.block);
    say(null);
  } else {
    const hash = hashOf(stream);
    streams.delete(stream);
    say(hash.digest('hex'));
  }
});
