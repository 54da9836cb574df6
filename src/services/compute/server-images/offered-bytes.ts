// The bytes of a disk as its host sends them. A simulated host has none: its disks are empty.

import type { Readable } from 'node:stream';
import type { Clock } from '#/platform/clock/clock.ts';

const blockBytes = 64 << 10;

/**
 * @param offer.stream null: as many zeros as the disk is long
 * @throws Error when they have not all come within the time
 */
export async function* offeredBytes(
  { stream, sizeBytes }: { stream: Readable | null; sizeBytes: number },
  { clock, withinMs }: { clock: Clock; withinMs: number },
): AsyncGenerator<Buffer> {
  if (stream === null) {
    for (let at = 0; at < sizeBytes; at += blockBytes) yield Buffer.alloc(Math.min(blockBytes, sizeBytes - at));
    return;
  }
  const limit = clock.after(withinMs, () => stream.destroy(new Error('the bytes of the disk come too slowly')));
  try {
    yield* stream as AsyncIterable<Buffer>;
  } finally {
    limit.cancel();
    stream.destroy();
  }
}
