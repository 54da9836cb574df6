// A next version of this program: its own files, with another number and one migration of each step.

import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

export const nextVersion = '99.0.0';

/** Copies the program. @returns its launcher */
export function makeNextVersion(directory: string): string {
  mkdirSync(directory, { recursive: true });
  for (const part of ['src', 'generated', 'haneul', 'package-lock.json'])
    cpSync(join(root, part), join(directory, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ ...about, version: nextVersion }));
  const file = join(directory, 'src/platform/nodes/nodes.ts');
  const source = readFileSync(file, 'utf8');
  const list = 'export const nodeMigrations: Migration[] = [';
  if (!source.includes(list)) throw new Error(`${file} has changed: its list of migrations is not found`);
  const declared = source.replace(list, 'const ownMigrations: Migration[] = [');
  writeFileSync(
    file,
    `${declared}
export const nodeMigrations: Migration[] = [
  ...ownMigrations,
  {
    name: 'nodes/9001-place',
    up: async tx => void (await tx.schema.alterTable('nodes').addColumn('place', 'text').execute()),
  },
  {
    name: 'nodes/9002-no-place',
    contract: true,
    up: async tx => void (await tx.schema.alterTable('nodes').dropColumn('place').execute()),
  },
];
`,
  );
  return join(directory, 'haneul');
}
