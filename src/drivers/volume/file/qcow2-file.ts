// Reads what a qcow2 file says of itself: its size and its internal snapshots.
// Format: QEMU's docs/interop/qcow2.txt. Only for containers that we made; guests write inside, never here.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

export interface Qcow2Facts {
  virtualSizeBytes: number;
  /** Names of the internal snapshots. */
  snapshots: string[];
}

const magic = 0x514649fb;
/** More snapshots or a longer table than QEMU itself allows mean damage. */
const maxSnapshots = 65_536;
const maxTableBytes = 16 << 20;

/** The facts of a qcow2 file; null when the file is not there. @throws Error when it is none, or damaged */
export async function readQcow2(path: string): Promise<Qcow2Facts | null> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw thrown;
  }
  try {
    const header = await readAt(file, 0, 72);
    if (header.length < 72 || header.readUInt32BE(0) !== magic) throw new Error('not a qcow2 file');
    const virtualSizeBytes = Number(header.readBigUInt64BE(24));
    return {
      virtualSizeBytes,
      snapshots: await readSnapshots(file, header.readUInt32BE(60), Number(header.readBigUInt64BE(64))),
    };
  } finally {
    await file.close();
  }
}

async function readSnapshots(file: FileHandle, count: number, offset: number): Promise<string[]> {
  if (count > maxSnapshots) throw new Error('damaged qcow2 snapshot table');
  const names: string[] = [];
  let at = offset;
  for (let i = 0; i < count; i += 1) {
    const entry = await readAt(file, at, 40);
    if (entry.length < 40 || at - offset > maxTableBytes) throw new Error('damaged qcow2 snapshot table');
    const idLength = entry.readUInt16BE(12);
    const nameLength = entry.readUInt16BE(14);
    const nameAt = 40 + entry.readUInt32BE(36) + idLength;
    names.push((await readAt(file, at + nameAt, nameLength)).toString());
    at += (nameAt + nameLength + 7) & ~7;
  }
  return names;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
