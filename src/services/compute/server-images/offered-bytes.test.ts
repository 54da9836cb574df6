import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { offeredBytes } from '#/services/compute/server-images/offered-bytes.ts';

const patience = { clock: systemClock(), withinMs: 200 };

async function all(bytes: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts);
}

test('bytes come from the socket, or are zeros; what is elsewhere or too slow is said to be so', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-offered-'));
  const path = join(directory, 'one.sock');
  const slow = join(directory, 'slow.sock');
  const servers = [createServer(client => client.end('the bytes')).listen(path), createServer(() => {}).listen(slow)];
  try {
    deepEqual((await all(offeredBytes({ host: 'a', path, sizeBytes: 9 }, patience))).toString(), 'the bytes');
    const zeros = await all(offeredBytes({ host: 'a', path: null, sizeBytes: 100_000 }, patience));
    ok(zeros.length === 100_000 && zeros.every(byte => byte === 0));
    const elsewhere = offeredBytes({ host: 'far', path: join(directory, 'none'), sizeBytes: 1 }, patience);
    const thrown = await all(elsewhere).catch((error: unknown) => error);
    equal(thrown instanceof Problem && thrown.kind, 'unsupported');
    await rejects(all(offeredBytes({ host: 'a', path: slow, sizeBytes: 1 }, patience)), /too slowly/);
  } finally {
    for (const server of servers) server.close();
    rmSync(directory, { recursive: true });
  }
});
