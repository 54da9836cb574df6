// The thread that hashes image data: MD5 and SHA-512 of many streams, so that the event loop stays free.

import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

export type ToWorker =
  | { type: 'block'; stream: number; block: Uint8Array }
  | { type: 'end'; stream: number }
  | { type: 'drop'; stream: number };
/** The answer to a block or an end, in order; digests at the end alone. */
export interface FromWorker {
  stream: number;
  digests: { md5: string; sha512: string } | null;
}

const streams = new Map<number, { md5: Hash; sha512: Hash }>();

function hashesOf(stream: number): { md5: Hash; sha512: Hash } {
  let hashes = streams.get(stream);
  if (!hashes) streams.set(stream, (hashes = { md5: createHash('md5'), sha512: createHash('sha512') }));
  return hashes;
}

parentPort?.on('message', (message: ToWorker) => {
  const { stream } = message;
  const say = (digests: FromWorker['digests']): void =>
    parentPort!.postMessage({ stream, digests } satisfies FromWorker);
  if (message.type === 'drop') {
    streams.delete(stream);
    return;
  }
  const { md5, sha512 } = hashesOf(stream);
  if (message.type === 'block') {
    md5.update(message.block);
    sha512.update(message.block);
    say(null);
  } else {
    streams.delete(stream);
    say({ md5: md5.digest('hex'), sha512: sha512.digest('hex') });
  }
});
