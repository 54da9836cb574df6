// generated/ is what the services declare now.

import { deepEqual } from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { declaredServices } from '#/reference/declared-services.ts';
import { reference } from '#/reference/reference.ts';

const generated = join(import.meta.dirname, '..', 'generated');

test('generated/ is fresh', async () => {
  const files = reference(await declaredServices());
  const stale = [...files]
    .filter(([name, text]) => textOf(name) !== text)
    .map(([name]) => name)
    .concat(globSync('{openapi,policy}/*', { cwd: generated }).filter(name => !files.has(name)));
  deepEqual(stale, [], 'these are out of date: run `node src/reference/generate.ts` and commit generated/');
});

function textOf(name: string): string | undefined {
  try {
    return readFileSync(join(generated, name), 'utf8');
  } catch {
    return undefined;
  }
}
