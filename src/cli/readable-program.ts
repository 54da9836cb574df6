// The control plane runs as its own user, who may not be able to read the place where the program was put (such as
// /root/haneul). Then `up` keeps a readable copy of it in the data directory, of hard links where possible.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** The directory that holds `src` and `node_modules`. */
export const programDirectory = join(import.meta.dirname, '../..');

/** @returns the program's directory as every user can read it: the original, or a fresh copy under `root` */
export function readableProgram(root: string): string {
  if (readableByAll(programDirectory)) return programDirectory;
  const target = join(root, 'program');
  const fresh = `${target}.new`;
  const old = `${target}.old`;
  for (const left of [fresh, old]) rmSync(left, { recursive: true, force: true });
  mkdirSync(fresh, { mode: 0o755 });
  const development = Object.keys(
    JSON.parse(readFileSync(join(programDirectory, 'package.json'), 'utf8')).devDependencies ?? {},
  );
  const skipped = new Set([
    'node_modules/.cache',
    'node_modules/.bin',
    'node_modules/@typescript',
    'node_modules/@oxlint',
    ...development.map(name => `node_modules/${name}`),
  ]);
  for (const part of ['package.json', 'src', 'node_modules', 'dashboard', 'generated'])
    if (existsSync(join(programDirectory, part))) copy(part, fresh, skipped);
  if (existsSync(target)) renameSync(target, old);
  renameSync(fresh, target);
  rmSync(old, { recursive: true, force: true });
  return target;
}

function readableByAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (!(statSync(at).mode & 0o001)) return false;
    if (at === dirname(at)) break;
  }
  return ['src/main.ts', 'package.json', 'node_modules/commander/package.json'].every(
    name => (statSync(join(path, name)).mode & 0o004) !== 0,
  );
}

function copy(part: string, into: string, skipped: Set<string>): void {
  if (skipped.has(part)) return;
  const from = join(programDirectory, part);
  const to = join(into, part);
  const facts = statSync(from);
  if (facts.isDirectory()) {
    mkdirSync(to, { mode: 0o755 });
    chmodSync(to, 0o755);
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      if (entry.isSymbolicLink()) symlinkSync(readlinkSync(join(from, entry.name)), join(to, entry.name));
      else copy(join(part, entry.name), into, skipped);
    }
    return;
  }
  if (!facts.isFile()) return;
  // A link shares its mode with the original: only for what all may read already.
  if (facts.mode & 0o004) {
    try {
      return linkSync(from, to);
    } catch {
      // Another file system: copied.
    }
  }
  copyFileSync(from, to);
  chmodSync(to, facts.mode & 0o111 ? 0o755 : 0o644);
}
