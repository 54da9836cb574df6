import { deepEqual, equal } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { receive } from './image-files.ts';

const mib = 1 << 20;

test('what is kept is what came, byte for byte, however many come at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'haneul-image-files-'));
  const bytes = randomBytes(24 * mib + 777);
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  const overLimit = new Problem('tooLarge', platformTexts.invalidBody);
  // As a socket hands it out: pieces of any size, as fast as they are taken.
  async function* pieces(size: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  try {
    await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const part = join(folder, `${index}`);
        const data = await receive(pieces(65_536 + index), { part, diskFormat: 'aki', maxBytes: 2 ** 40, overLimit });
        deepEqual([data.sizeBytes, data.sha512], [bytes.length, sha512]);
        equal(createHash('sha512').update(await readFile(part)).digest('hex'), sha512, `stream ${index}`);
      }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
