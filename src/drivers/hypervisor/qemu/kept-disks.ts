// Local disks as they were before a resize: copies beside those in use, until it is confirmed or taken back.
// All of it is done as the guest user, who owns the directory.

import { access, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { GuestState } from './guest-state.ts';
import type { QemuHost } from './host.ts';
import type { GuestPaths } from './paths.ts';
import { unprivileged } from './process.ts';

const copyTimeoutMs = 1_200_000;

/** Keeps the disks, or takes them back, as the entry says. The guest must not run. Notes in the state what was done. */
export async function prepareKept(host: QemuHost, guest: Guest, state: GuestState, paths: GuestPaths): Promise<void> {
  const { move } = guest;
  if (move?.kind !== 'keep') return;
  const asUser = (...args: [string, ...string[]]) =>
    host.tools.run([...unprivileged(host.user, []), ...args], { timeoutMs: copyTimeoutMs });
  if (state.kept?.id !== move.id) {
    // One that comes back had not even begun to be another.
    if (move.back) return;
    const fresh = `${paths.kept}.new`;
    const { rootGib, ephemeralGib, swapMib } = state;
    const disks = [paths.root, paths.swap, ...ephemeralGib.map((_, index) => paths.ephemeral(index))];
    await asUser('rm', '-rf', fresh, paths.kept);
    await asUser('mkdir', '-m', '0700', fresh);
    for (const disk of disks)
      if (await exists(disk))
        await asUser('cp', '--reflink=auto', '--sparse=always', disk, join(fresh, basename(disk)));
    await asUser('mv', fresh, paths.kept);
    state.kept = { id: move.id, back: false, rootGib, ephemeralGib: [...ephemeralGib], swapMib };
  }
  const { kept } = state;
  if (!move.back || kept.back) return;
  for (const name of await readdir(paths.kept).catch(() => []))
    await asUser('mv', '-f', join(paths.kept, name), join(paths.run, name));
  const { rootGib, ephemeralGib, swapMib } = kept;
  Object.assign(state, { rootGib, ephemeralGib: [...ephemeralGib], swapMib, kept: { ...kept, back: true } });
}

/** Nothing is kept any longer. The guest may run. @returns whether there was something */
export async function dropKept(host: QemuHost, state: GuestState, paths: GuestPaths): Promise<boolean> {
  if (!state.kept) return false;
  await host.tools.run([...unprivileged(host.user, []), 'rm', '-rf', paths.kept]);
  delete state.kept;
  return true;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
