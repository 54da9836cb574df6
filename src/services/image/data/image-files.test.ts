import { deepEqual, equal } from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
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
        equal(
          createHash('sha512')
            .update(await readFile(part))
            .digest('hex'),
          sha512,
          `stream ${index}`,
        );
      }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('chunks with memory of their own give it back; what is too long leaves nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'haneul-image-files-'));
  const count = 80;
  const overLimit = new Problem('tooLarge', platformTexts.invalidBody);
  const chunk = (index: number): Buffer => Buffer.alloc(mib - 1, index + 1);
  const yielded: Buffer[] = [];
  async function* chunks(until: number): AsyncGenerator<Buffer> {
    for (let index = 0; index < until; index++) yield (yielded[index] = chunk(index));
  }
  try {
    const options = { part: join(folder, 'part'), diskFormat: 'raw', maxBytes: count * (mib - 1), overLimit };
    const { sha512 } = await receive(chunks(count), options);
    const whole = await readFile(options.part);
    equal(createHash('sha512').update(whole).digest('hex'), sha512);
    for (let index = 0; index < count; index++)
      equal(chunk(index).compare(whole, index * (mib - 1), (index + 1) * (mib - 1)), 0);
    equal(
      yielded.every(({ length }) => length === 0),
      true,
    );
    await rm(options.part);
    equal(await receive(chunks(count + 1), options).catch((error: Problem) => error), overLimit);
    deepEqual(await readdir(folder), []);
  } finally {
    await rm(folder, { recursive: true });
  }
});
