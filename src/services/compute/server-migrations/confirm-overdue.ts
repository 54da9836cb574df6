// Resizes that nobody confirmed or reverted in time count as confirmed.

import { nowMs, timestamp, type Tx } from '#/platform/database/tx.ts';
import { unconfirmedSince } from '#/services/compute/server-migrations/migration.store.ts';
import { confirmResize } from '#/services/compute/server-migrations/resize.operation.ts';
import { findServer } from '#/services/compute/servers/server.store.ts';

/** @param windowSeconds 0 leaves them for ever */
export async function confirmOverdue(tx: Tx, windowSeconds: number): Promise<void> {
  if (windowSeconds === 0) return;
  for (const { serverId } of await unconfirmedSince(tx, timestamp(nowMs(tx) - windowSeconds * 1000))) {
    const server = await findServer(tx, serverId);
    if (server?.vmState === 'resized' && server.taskState === null) await confirmResize(tx, server, server);
  }
}
