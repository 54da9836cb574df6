// Writes a long file so that the disk works while more comes: what was written is synced piece by piece, and at most two
// pieces are ever waiting in the kernel's memory.

import type { FileHandle } from 'node:fs/promises';

const pieceBytes = 32 << 20;

export interface SpacedSync {
  /** Appends, in the order of the calls. Once it resolves, the memory may be used again. */
  write(bytes: Uint8Array): Promise<void>;
  /** Resolves once all of it is on the disk. */
  finish(): Promise<void>;
}

/** @param file empty */
export function spacedSync(file: FileHandle): SpacedSync {
  let length = 0;
  let unsynced = 0;
  let syncing: Promise<void> = Promise.resolve();
  return {
    async write(bytes) {
      // Calls overlap: each has its place before the first of them waits.
      const from = length;
      length += bytes.length;
      for (let at = 0; at < bytes.length; )
        at += (await file.write(bytes, at, bytes.length - at, from + at)).bytesWritten;
      unsynced += bytes.length;
      if (unsynced < pieceBytes) return;
      unsynced = 0;
      await syncing;
      syncing = file.datasync();
      // Whoever waits for it sees the failure; until then it must not count as nobody's.
      syncing.catch(() => {});
    },
    async finish() {
      await syncing;
      await file.sync();
    },
  };
}
