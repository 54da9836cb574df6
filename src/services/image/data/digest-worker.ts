// The thread that hashes image data: MD5 and SHA-512 of many streams, so that the event loop stays free.

import { createHash, type Hash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';

export type ToWorker =
  | { type: 'chunk'; stream: number; bytes: Uint8Array }
  | { type: 'end'; stream: number }
  | { type: 'drop'; stream: number };
export type FromWorker =
  | { type: 'done'; stream: number; length: number }
  | { type: 'digest'; stream: number; md5: string; sha512: string };

const streams = new Map<number, { md5: Hash; sha512: Hash }>();

function hashesOf(stream: number): { md5: Hash; sha512: Hash } {
  let hashes = streams.get(stream);
  if (!hashes) streams.set(stream, (hashes = { md5: createHash('md5'), sha512: createHash('sha512') }));
  return hashes;
}

parentPort?.on('message', (message: ToWorker) => {
  const { stream } = message;
  const say = (answer: FromWorker): void => parentPort!.postMessage(answer);
  if (message.type === 'drop') {
    streams.delete(stream);
    return;
  }
  const { md5, sha512 } = hashesOf(stream);
  if (message.type === 'chunk') {
    md5.update(message.bytes);
    sha512.update(message.bytes);
    say({ type: 'done', stream, length: message.bytes.length });
  } else {
    streams.delete(stream);
    say({ type: 'digest', stream, md5: md5.digest('hex'), sha512: sha512.digest('hex') });
  }
});
