// The disks that the hypervisor keeps itself: root, ephemeral, swap. qemu-img makes them as the guest user.

import { access, rm } from 'node:fs/promises';
import type { Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import type { Tools } from '#/drivers/tools.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { GuestState } from './guest-state.ts';
import type { Images } from './images.ts';
import type { GuestPaths } from './paths.ts';
import { type GuestUser, unprivileged } from './process.ts';

const gib = 1024 ** 3;
const mib = 1024 ** 2;
const limits = ['--as=2147483648', '--cpu=120', '--nofile=256'];

/** Makes the local disks be as the entry says, and notes in the state what was made. The guest must not run. */
export async function prepareDisks(
  guest: Guest,
  state: GuestState,
  paths: GuestPaths,
  host: { images: Images; user: GuestUser; tools: Tools },
): Promise<void> {
  const asUser = (...args: [string, ...string[]]) =>
    host.tools.run([...unprivileged(host.user, limits), ...args], { timeoutMs: 120_000 });
  const create = (path: string, bytes: number) =>
    asUser('qemu-img', 'create', '-q', '-f', 'qcow2', path, String(bytes));
  const grow = (path: string, bytes: number) => asUser('qemu-img', 'resize', '-q', '-f', 'qcow2', path, String(bytes));

  if (guest.root && (state.rootGeneration !== guest.rootGeneration || !(await exists(paths.root)))) {
    await rm(paths.root, { force: true });
    await makeRoot(guest, guest.root, paths.root);
    state.rootGeneration = guest.rootGeneration;
    state.base = guest.root.image;
    state.rootGib = guest.root.sizeGib;
  } else if (guest.root && guest.root.sizeGib > state.rootGib) {
    await grow(paths.root, guest.root.sizeGib * gib);
    state.rootGib = guest.root.sizeGib;
  }

  for (const [index, sizeGib] of guest.ephemeralGib.entries()) {
    const path = paths.ephemeral(index);
    const had = state.ephemeralGib[index];
    if (had === undefined || !(await exists(path)))
      await format(path, sizeGib * gib, ['mkfs.ext4', '-q', '-F', '-L', `ephemeral${index}`]);
    else if (had < sizeGib) await grow(path, sizeGib * gib);
  }
  for (let index = guest.ephemeralGib.length; index < state.ephemeralGib.length; index++)
    await rm(paths.ephemeral(index), { force: true });
  state.ephemeralGib = [...guest.ephemeralGib];

  if (guest.swapMib === 0) await rm(paths.swap, { force: true });
  else if (state.swapMib !== guest.swapMib || !(await exists(paths.swap)))
    await format(paths.swap, guest.swapMib * mib, ['mkswap']);
  state.swapMib = guest.swapMib;

  async function makeRoot(of: Guest, root: NonNullable<Guest['root']>, path: string): Promise<void> {
    if (!root.image) {
      await create(path, root.sizeGib * gib);
      return;
    }
    const base = await host.images.find(root.image);
    if (root.sizeGib > 0 && root.sizeGib * gib < base.virtualSizeBytes) {
      const facts = { server: of.serverId, sizeGib: root.sizeGib, needBytes: base.virtualSizeBytes };
      throw new Problem('invalid', hypervisorTexts.rootTooSmall, facts);
    }
    // A size of zero means as large as the image.
    const bytes = root.sizeGib > 0 ? [String(root.sizeGib * gib)] : [];
    await asUser('qemu-img', 'create', '-q', '-f', 'qcow2', '-F', base.format, '-b', base.path, path, ...bytes);
  }

  /** Formats a sparse raw file, which takes no room, and keeps it as qcow2. */
  async function format(path: string, bytes: number, maker: [string, ...string[]]): Promise<void> {
    const raw = `${path}.raw`;
    await rm(path, { force: true });
    try {
      await asUser('truncate', '--size', String(bytes), raw);
      await asUser(...maker, raw);
      await asUser('qemu-img', 'convert', '-q', '-f', 'raw', '-O', 'qcow2', raw, path);
    } finally {
      await rm(raw, { force: true });
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
