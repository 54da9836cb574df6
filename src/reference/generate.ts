// Writes generated/: `node src/reference/generate.ts`.

import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { declaredServices } from './declared-services.ts';
import { reference } from './reference.ts';

const generated = join(import.meta.dirname, '../../generated');
const files = reference(await declaredServices());
for (const [name, text] of files) {
  const file = join(generated, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
for (const name of globSync('{openapi,policy}/*', { cwd: generated }))
  if (!files.has(name)) rmSync(join(generated, name));
