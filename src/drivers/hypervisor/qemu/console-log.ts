// The serial console's log: QEMU appends to a file for ever, so the file is cut now and then and its end is kept.

import { constants, open, rm, writeFile } from 'node:fs/promises';
import type { GuestPaths } from './paths.ts';

/** A log longer than this is cut; what is kept of it. Together less than 1 MiB. */
const cutAtBytes = 512 << 10;
const keepBytes = 256 << 10;
/** What one answer holds at most. */
const answerBytes = keepBytes;

/** Makes an empty log that QEMU, as the guest user, may append to. */
export async function newConsoleLog(paths: GuestPaths, user: { uid: number; gid: number }): Promise<void> {
  await rm(paths.consoleOld, { force: true });
  await rm(paths.console, { force: true });
  const file = await open(paths.console, 'wx', 0o600);
  try {
    await file.chown(user.uid, user.gid);
  } finally {
    await file.close();
  }
}

/** Cuts a log that has grown too long. What the guest says in the instant of cutting is lost. */
export async function cutLog(path: string, oldPath: string): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW).catch(() => null);
  if (!file) return;
  try {
    const { size } = await file.stat();
    if (size <= cutAtBytes) return;
    const tail = Buffer.alloc(keepBytes);
    const { bytesRead } = await file.read(tail, 0, keepBytes, size - keepBytes);
    await writeFile(oldPath, tail.subarray(0, bytesRead), { mode: 0o600 });
    await file.truncate(0);
  } finally {
    await file.close();
  }
}

/** The end of the console's log. @param lines null for all that is kept */
export async function readConsole(paths: GuestPaths, lines: number | null): Promise<string> {
  const recent = await tailOf(paths.console, answerBytes);
  const older = await tailOf(paths.consoleOld, answerBytes - recent.length);
  return lastLines(Buffer.concat([older, recent]).toString(), lines);
}

/** The last lines of a text; a text that ends with a newline has no empty last line. Pure. */
export function lastLines(text: string, lines: number | null): string {
  if (lines === null) return text;
  if (lines <= 0) return '';
  const ended = text.endsWith('\n');
  const all = (ended ? text.slice(0, -1) : text).split('\n');
  return all.slice(-lines).join('\n') + (ended ? '\n' : '');
}

/** The last bytes of a file, empty where there is none. */
export async function tailOf(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => null);
  if (!file) return Buffer.alloc(0);
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, bytes));
    const { bytesRead } = await file.read(tail, 0, tail.length, size - tail.length);
    return tail.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
