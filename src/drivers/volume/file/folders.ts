// Folders and notes that are there whole or not at all, also after a power cut.

import { constants } from 'node:fs';
import { open, readdir, readFile, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeWhole } from '#/platform/files/write-whole.ts';

/** Makes `folder` appear as `name`, once its files are on the disk. They become readable by their owner alone. */
export async function publish(folder: string, name: string, files: readonly string[]): Promise<void> {
  for (const file of files) {
    const handle = await open(join(folder, file), constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      await handle.chmod(0o600);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  await syncFolder(folder);
  await rename(folder, name);
  await syncFolder(dirname(name));
}

/** Removes a folder of plain files; from the first moment it no longer has its name. Fine when it is gone. */
export async function discardFolder(folder: string): Promise<void> {
  const name = basename(folder);
  const gone = name.startsWith('.') ? folder : join(dirname(folder), `.gone-${name}`);
  try {
    if (gone !== folder) {
      await empty(gone);
      await rename(folder, gone);
      await syncFolder(dirname(folder));
    }
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
  }
  await empty(gone);
}

async function empty(folder: string): Promise<void> {
  try {
    for (const file of await readdir(folder)) await unlink(join(folder, file));
    await rmdir(folder);
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
  }
}

/** A fact that survives the agent: a file that is there, and what it says. */
export function syncedNote(folder: string, name: string) {
  const path = join(folder, name);
  /** Null where there is none. */
  const read = (): Promise<string | null> =>
    readFile(path, 'utf8').catch((thrown: unknown) => {
      if (isMissing(thrown)) return null;
      throw thrown;
    });
  return {
    read,
    async write(text: string): Promise<void> {
      if ((await read()) !== text) await writeWhole(path, text);
    },
    async remove(): Promise<void> {
      if ((await read()) === null) return;
      await unlink(path);
      await syncFolder(folder);
    },
  };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === 'ENOENT';
}
