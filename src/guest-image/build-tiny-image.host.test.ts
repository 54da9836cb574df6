// Needs a Debian machine with its archive in reach, e2fsprogs and QEMU. Builds the image and boots it: about 30 s.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildTinyImage, type TinyImage } from '#/guest-image/build-tiny-image.ts';
import { inspectImage } from '#/lib/image-format/image-format.ts';
import { createLogger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';

test('the guest image is built once, is clean, and boots', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'haneul-guest-image-'));
  const log = createLogger('test', 'silent');
  const steps: string[] = [];
  const build = (outDirectory: string) =>
    buildTinyImage({
      outDirectory,
      cacheDirectory: join(folder, 'cache'),
      run: systemRun(log),
      log,
      progress: step => steps.push(step),
    });
  try {
    const image = await build(join(folder, 'out'));
    equal(steps.at(-1), 'pack');
    const bytes = await readFile(image.disk);
    deepEqual(inspectImage(bytes, bytes.length), {
      format: 'qcow2',
      virtualSizeBytes: 112 * 2 ** 20,
      problems: [],
      partitions: null,
    });
    const { mtimeMs } = await stat(image.disk);
    steps.length = 0;
    await build(join(folder, 'out'));
    deepEqual([steps, (await stat(image.disk)).mtimeMs], [['find'], mtimeMs], 'not built again');
    deepEqual(await readdir(join(folder, 'cache')), ['packages'], 'no scratch files stay');
    const console = await boot(image, join(folder, 'disk.qcow2'));
    match(console, /haneul: \[[\d.]+\] root mounted, Linux 6/);
    match(console, /haneul: root file system (9|10)\d\d MiB/, 'it fills its disk of 1 GiB');
    ok(console.split('\n').length > 10);
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** Boots a copy of 1 GiB without network and returns the console until the end of boot. */
async function boot(image: TinyImage, disk: string): Promise<string> {
  const run = systemRun(createLogger('test', 'silent'));
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', image.disk, disk, '1G']);
  const guest = spawn(
    'qemu-system-x86_64',
    [
      '-nodefaults',
      '-display',
      'none',
      '-machine',
      'pc',
      '-accel',
      'tcg,tb-size=64',
      '-cpu',
      'max',
      '-m',
      '128',
      '-kernel',
      image.kernel,
      '-initrd',
      image.ramdisk,
      '-append',
      image.commandLine,
      '-drive',
      `file=${disk},format=qcow2,if=virtio`,
      '-serial',
      'stdio',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], timeout: 120_000 },
  );
  let console = '';
  for await (const chunk of guest.stdout) {
    console += chunk;
    if (console.includes('=== end of boot ===')) break;
  }
  guest.kill('SIGKILL');
  match(console, /=== end of boot ===/);
  return console;
}
