// The product's own small guest, built once for tests and kept beside the installed libraries.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildTinyImage } from '#/guest-image/build-tiny-image.ts';
import { createLogger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';

const directory = join(import.meta.dirname, '..', 'node_modules', '.cache', 'haneul-guest-image');

/** The path of a bootable qcow2 image. Takes about 10 s the first time, and needs root for the packages that it is made of. */
export async function testGuestImage(): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const log = createLogger('test', 'silent');
  const { disk } = await buildTinyImage({
    outDirectory: directory,
    cacheDirectory: join(directory, 'packages'),
    run: systemRun(log),
    log,
    progress: () => {},
  });
  return disk;
}
