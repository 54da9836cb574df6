import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import fs, {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, mock, test } from 'node:test';
import { publishFile, writeWhole, writeWholeSync } from '#/platform/files/write-whole.ts';

const directory = mkdtempSync(join(tmpdir(), 'haneul-write-'));
after(() => rmSync(directory, { recursive: true }));

for (const [name, write] of [
  ['writeWhole', writeWhole],
  ['writeWholeSync', async (...args: Parameters<typeof writeWholeSync>) => writeWholeSync(...args)],
] as const) {
  test(`${name} replaces a file, and only its owner reads it unless told otherwise`, async () => {
    const path = join(directory, name);
    await write(path, 'one');
    equal(statSync(path).mode & 0o777, 0o600);
    await write(path, Buffer.from('둘'), { mode: 0o644 });
    equal(readFileSync(path, 'utf8'), '둘');
    equal(statSync(path).mode & 0o777, 0o644);
    equal(readdirSync(directory).includes(`${name}.new`), false);
  });

  test(`${name} is led nowhere by what lies in its way`, async () => {
    const path = join(directory, `${name}-way`);
    const victim = join(directory, `${name}-victim`);
    writeFileSync(victim, 'mine');
    symlinkSync(victim, `${path}.new`);
    await write(path, 'new');
    equal(readFileSync(victim, 'utf8'), 'mine');
    equal(readFileSync(path, 'utf8'), 'new');
  });

  test(`${name} leaves nothing behind when it fails`, async () => {
    const path = join(directory, `${name}-directory`);
    mkdirSync(join(path, 'full'), { recursive: true });
    await rejects(write(path, 'new'));
    deepEqual(
      readdirSync(directory).filter(one => one.endsWith('.new')),
      [],
    );
  });
}

test('a file of another program is named once it is whole', async () => {
  const fresh = join(directory, 'fresh');
  writeFileSync(fresh, 'made');
  await publishFile(fresh, join(directory, 'published'));
  equal(readFileSync(join(directory, 'published'), 'utf8'), 'made');
  throws(() => statSync(fresh));
});

test('a file that cannot be synced is not written, and not tried again', async () => {
  const path = join(directory, 'unsynced');
  await writeWhole(path, 'old');
  const handle = await open(path, 'r');
  const proto = Object.getPrototypeOf(handle) as { sync(): Promise<void> };
  await handle.close();
  const broken = Object.assign(new Error('i/o error'), { code: 'EIO' });
  const sync = mock.method(proto, 'sync', () => Promise.reject(broken));
  await rejects(writeWhole(path, 'new'), { code: 'EIO' });
  equal(sync.mock.callCount(), 1);
  sync.mock.restore();
  const fsync = mock.method(fs, 'fsyncSync', () => {
    throw broken;
  });
  syncBuiltinESMExports();
  throws(() => writeWholeSync(path, 'new'), { code: 'EIO' });
  equal(fsync.mock.callCount(), 1);
  fsync.mock.restore();
  syncBuiltinESMExports();
  equal(readFileSync(path, 'utf8'), 'old');
  deepEqual(
    readdirSync(directory).filter(one => one.endsWith('.new')),
    [],
  );
});
