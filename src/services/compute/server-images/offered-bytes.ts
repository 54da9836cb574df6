// The bytes that a host offers on a socket. A simulated host has none: its disks are empty.

import { connect } from 'node:net';
import type { Clock } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { t } from '#/services/compute/texts.ts';

const blockBytes = 64 << 10;

/**
 * @param offer.path null: as many zeros as the disk is long
 * @throws Problem unsupported when the socket is not on this machine
 * @throws Error when they have not all come within the time
 */
export async function* offeredBytes(
  offer: { host: string; path: string | null; sizeBytes: number },
  { clock, withinMs }: { clock: Clock; withinMs: number },
): AsyncGenerator<Buffer> {
  const { host, path, sizeBytes } = offer;
  if (path === null) {
    for (let at = 0; at < sizeBytes; at += blockBytes) yield Buffer.alloc(Math.min(blockBytes, sizeBytes - at));
    return;
  }
  const socket = connect(path);
  const limit = clock.after(withinMs, () => socket.destroy(new Error('the bytes of the disk come too slowly')));
  try {
    yield* socket as AsyncIterable<Buffer>;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new Problem('unsupported', t.copyElsewhere, { host }, { cause });
  } finally {
    limit.cancel();
    socket.destroy();
  }
}
