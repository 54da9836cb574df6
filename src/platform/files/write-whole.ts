// The one way to write a file: after a crash or a power cut at any moment, the old content is there or the new one, whole.
// Written aside, synced, renamed, and the directory synced.

import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface WriteOptions {
  /** Whatever the umask; 0600 by default. Never wider, not even for a moment. */
  mode?: number;
}

/** Replaces a file, or makes it. @throws as node:fs does; the old content is then untouched */
export async function writeWhole(
  path: string,
  content: string | Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  const aside = asideOf(path);
  // Left by a crash, or put there by somebody else: never written through.
  await rm(aside, { force: true });
  const file = await open(aside, 'wx', 0o600);
  try {
    try {
      await file.writeFile(content);
      await file.chmod(options.mode ?? 0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (thrown) {
    await rm(aside, { force: true });
    throw thrown;
  }
  await syncDirectory(dirname(path));
}

/** The same, for where nothing else may happen meanwhile. */
export function writeWholeSync(path: string, content: string | Uint8Array, options: WriteOptions = {}): void {
  const aside = asideOf(path);
  rmSync(aside, { force: true });
  const file = openSync(aside, 'wx', 0o600);
  try {
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fchmodSync(file, options.mode ?? 0o600);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(aside, path);
  } catch (thrown) {
    rmSync(aside, { force: true });
    throw thrown;
  }
  syncDirectorySync(dirname(path));
}

/** Gives a file that something else wrote its name, once its bytes are on the disk. */
export async function publishFile(fresh: string, path: string): Promise<void> {
  const file = await open(fresh, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  await syncDirectory(dirname(path));
}

/** What was made, renamed or removed in a directory stays so. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export function syncDirectorySync(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function asideOf(path: string): string {
  return `${path}.new`;
}
