// Log files of a bounded size. The roles write to them directly, appending, so that they go on when the supervisor
// dies; a full file is copied away and emptied in place.

import { closeSync, copyFileSync, openSync, renameSync, statSync, truncateSync } from 'node:fs';

/** Bytes of one file, and how many older ones are kept: `control.log.1` is the newest of them. */
export const logLimits = { bytes: 10 << 20, kept: 3 };

/** A descriptor to hand to a child; the caller closes it. @param mode 0640: logs may name users */
export function openLog(path: string): number {
  return openSync(path, 'a', 0o640);
}

export function closeLog(file: number): void {
  closeSync(file);
}

/** Moves a full log away. Lines written in the very moment may be lost. */
export function rotateLog(path: string, { bytes, kept } = logLimits): boolean {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size < bytes) return false;
  for (let number = kept - 1; number >= 1; number--) {
    if (statSync(`${path}.${number}`, { throwIfNoEntry: false }))
      renameSync(`${path}.${number}`, `${path}.${number + 1}`);
  }
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
  return true;
}
