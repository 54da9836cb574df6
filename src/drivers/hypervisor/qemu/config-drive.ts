// The config drive: an ISO 9660 file with the label `config-2`, made by genisoimage.

import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { InstanceData } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { configDriveFiles } from '#/drivers/hypervisor/instance-data.ts';
import type { Tools } from '#/drivers/tools.ts';
import { newUuid } from '#/platform/clock/clock.ts';
import { publishFile } from '#/platform/files/write-whole.ts';
import type { GuestPaths } from './paths.ts';
import type { GuestUser } from './process.ts';

/** Writes the config drive anew, readable by the guest user alone. */
export async function writeConfigDrive(
  data: InstanceData,
  paths: GuestPaths,
  user: GuestUser,
  tools: Tools,
): Promise<void> {
  const tree = join(paths.directory, `.config-${newUuid(tools.random)}`);
  const iso = `${paths.configDrive}.new`;
  await mkdir(tree, { mode: 0o700 });
  try {
    for (const [name, content] of configDriveFiles(data)) {
      const path = join(tree, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
    await writeFile(iso, '', { mode: 0o600 });
    const options = ['-quiet', '-J', '-r', '-l', '-ldots', '-allow-lowercase', '-allow-multidot'];
    await tools.run(['genisoimage', '-o', iso, '-V', 'config-2', '-publisher', 'Haneul', ...options, tree]);
    await chown(iso, user.uid, user.gid);
    await chmod(iso, 0o400);
    await publishFile(iso, paths.configDrive);
  } finally {
    await rm(tree, { recursive: true, force: true });
    await rm(iso, { force: true });
  }
}
