// Makes the data directory: who owns what, and with which rights. Running it again mends rights that were changed.

import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { firstConfigFile } from '#/platform/config/describe.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Language } from '#/platform/text/text.ts';
import { cliTexts as t } from './texts.ts';

/** @param owner the control plane's user; absent where everything runs as the caller */
export function ensureDataDirectory(
  paths: DataPaths,
  owner: { uid: number; gid: number } | null,
  language: Language,
): void {
  refuseForeign(paths);
  try {
    mkdirSync(dirname(paths.root), { recursive: true });
    directory(paths.root, 0o755, null);
    if (!existsSync(paths.marker)) writeWholeSync(paths.marker, 'Haneul keeps its data here.\n', { mode: 0o644 });
    directory(paths.supervisor, 0o700, null);
    directory(paths.log, 0o750, null);
    directory(paths.host, 0o711, null);
    directory(paths.guestImages, 0o755, null);
    for (const own of [paths.control, paths.run, paths.cache]) directory(own, 0o700, owner);
    if (!existsSync(paths.config)) writeWholeSync(paths.config, firstConfigFile(language), { mode: 0o640 });
    if (owner) {
      chownSync(paths.config, 0, owner.gid);
      chmodSync(paths.config, 0o640);
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR')
      throw new Problem('invalid', t.notWritable, { directory: paths.root }, { cause });
    throw cause;
  }
}

/** A directory with something else in it is not ours to fill (or, later, to empty). */
function refuseForeign(paths: DataPaths): void {
  if (existsSync(paths.marker) || !existsSync(paths.root)) return;
  if (!statSync(paths.root).isDirectory() || readdirSync(paths.root).some(name => name !== 'haneul.yaml'))
    throw new Problem('invalid', t.foreignDirectory, { directory: paths.root });
}

function directory(path: string, mode: number, owner: { uid: number; gid: number } | null): void {
  mkdirSync(path, { recursive: true });
  // A link here would hand the rights below to whatever it points to.
  if (!lstatSync(path).isDirectory()) throw new Problem('invalid', t.foreignDirectory, { directory: path });
  if (owner) chownSync(path, owner.uid, owner.gid);
  chmodSync(path, mode);
}
