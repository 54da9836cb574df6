// The keys that all control planes of a cloud must have alike. They are kept on its first machine; others fetch them with
// their certificate when they join, and again whenever they have changed there.

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeWholeSync } from '#/platform/files/write-whole.ts';

/** Path below the control plane's directory → content, base64. */
export type Secrets = Record<string, string>;

const directories = ['fernet-keys', 'credential-keys', 'jws-keys/private', 'jws-keys/public'];
const authority = 'cluster/authority.key';
/** Whatever comes from outside is written nowhere else. */
const allowed =
  /^(?:(?:fernet-keys|credential-keys|jws-keys\/(?:private|public))\/[\w-][\w.-]{0,80}|cluster\/authority\.key)$/;

/** @param control the control plane's directory */
export function readSecrets(control: string): Secrets {
  const names = directories.flatMap(directory => filesIn(control, directory));
  return Object.fromEntries([...names, authority].map(name => [name, readFileSync(join(control, name), 'base64')]));
}

/**
 * Makes the directory hold these and no others.
 * @param own gives what was written to its owner
 * @returns whether anything was not so before
 */
export function writeSecrets(control: string, secrets: Secrets, own: (path: string) => void = () => {}): boolean {
  let changed = false;
  const given = Object.entries(secrets).filter(([name]) => allowed.test(name));
  for (const [name, content] of given) {
    const path = join(control, name);
    const bytes = Buffer.from(content, 'base64');
    if (read(path)?.equals(bytes)) continue;
    for (const made of makeDirectories(control, dirname(name))) own(made);
    writeWholeSync(path, bytes);
    own(path);
    changed = true;
  }
  // New ones first: at no moment is there none.
  const wanted = new Set(given.map(([name]) => name));
  for (const name of directories.flatMap(directory => filesIn(control, directory)))
    if (given.length > 0 && !wanted.has(name)) {
      rmSync(join(control, name), { force: true });
      changed = true;
    }
  return changed;
}

function filesIn(control: string, directory: string): string[] {
  try {
    return readdirSync(join(control, directory))
      .map(name => `${directory}/${name}`)
      .filter(name => allowed.test(name) && statSync(join(control, name)).isFile());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function read(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

/** @returns those that were not there */
function makeDirectories(root: string, below: string): string[] {
  const made: string[] = [];
  for (let at = below; at !== '.'; at = dirname(at)) made.unshift(join(root, at));
  return made.filter(path => mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined);
}
