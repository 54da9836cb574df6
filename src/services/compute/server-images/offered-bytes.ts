// The bytes that a host offers on a socket. A simulated host has none: its disks are empty.

import { connect } from 'node:net';
import type { Clock } from '#/platform/clock/clock.ts';

const blockBytes = 64 << 10;

/** @param offer.path null: as many zeros as the disk is long @throws Error when they have not all come within the time */
export async function* offeredBytes(
  offer: { path: string | null; sizeBytes: number },
  { clock, withinMs }: { clock: Clock; withinMs: number },
): AsyncGenerator<Buffer> {
  const { path, sizeBytes } = offer;
  if (path === null) {
    for (let at = 0; at < sizeBytes; at += blockBytes) yield Buffer.alloc(Math.min(blockBytes, sizeBytes - at));
    return;
  }
  const socket = connect(path);
  const limit = clock.after(withinMs, () => socket.destroy(new Error('the bytes of the disk come too slowly')));
  try {
    yield* socket as AsyncIterable<Buffer>;
  } finally {
    limit.cancel();
    socket.destroy();
  }
}
