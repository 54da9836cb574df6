import { deepEqual, ok, rejects } from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { systemClock } from '#/platform/clock/clock.ts';
import { offeredBytes } from '#/services/compute/server-images/offered-bytes.ts';

const patience = { clock: systemClock(), withinMs: 200 };

async function all(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

test('bytes come from the stream, or are zeros; those that are too slow are said to be so', async () => {
  const stream = Readable.from([Buffer.from('the '), Buffer.from('bytes')]);
  deepEqual((await all(offeredBytes({ stream, sizeBytes: 9 }, patience))).toString(), 'the bytes');
  const zeros = await all(offeredBytes({ stream: null, sizeBytes: 100_000 }, patience));
  ok(zeros.length === 100_000 && zeros.every(byte => byte === 0));
  await rejects(all(offeredBytes({ stream: new PassThrough(), sizeBytes: 1 }, patience)), /too slowly/);
});
