// Builds the product's own small guest image from Debian packages: a machine that boots within seconds, takes its
// name, addresses, keys and script from the cloud, and has what tests of a cloud use.

import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packInitramfs } from '#/guest-image/cpio.ts';
import { writeDisk } from '#/guest-image/disk.ts';
import { diskModules, otherModules, type Modules, readModules } from '#/guest-image/kernel-modules.ts';
import { fetchPackages, findPackages, type Package, unpackPackages } from '#/guest-image/packages.ts';
import { login, rootTree, scripts } from '#/guest-image/root-tree.ts';
import { guestImageTexts } from '#/guest-image/texts.ts';
import { Tree } from '#/guest-image/tree.ts';
import { publishFile, writeWhole } from '#/platform/files/write-whole.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Run } from '#/platform/process/run.ts';

export interface TinyImageOptions {
  /** Where the result goes: see `TinyImage`. */
  outDirectory: string;
  /** Keeps downloaded packages, and scratch files while building. */
  cacheDirectory: string;
  run: Run;
  log: Logger;
  /** Called before each step, with how many of all are done. */
  progress?: (step: 'find' | 'download' | 'unpack' | 'stage' | 'pack', done: number, of: number) => void;
}

/** Absolute paths of the result; `manifest.json` beside them names every package and checksum. */
export interface TinyImage {
  disk: string;
  kernel: string;
  ramdisk: string;
  /** The kernel's command line for a boot without GRUB. */
  commandLine: string;
  user: string;
  password: string;
}

const names = {
  disk: 'haneul-tiny.qcow2',
  kernel: 'haneul-tiny-vmlinuz',
  ramdisk: 'haneul-tiny-initrd',
  commandLine: 'cmdline',
};

const commandLine =
  'console=tty0 console=ttyS0,115200n8 loglevel=4 no_timer_check tsc=reliable random.trust_cpu=on mitigations=off ' +
  'net.ifnames=0 memhp_default_state=online cryptomgr.notests panic=10';

/** Every file of the image is of this moment: equal inputs give an equal image. */
const seconds = 1_767_225_600;
const sizeMib = 112;

const tools = {
  'apt-get': 'apt',
  'dpkg-deb': 'dpkg',
  mke2fs: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  'qemu-img': 'qemu-utils',
};

/**
 * Builds the image unless the same one is there already. Half a minute with a warm cache.
 * @throws Problem unavailable when packages or tools are missing, unsupported on other machines than x86_64
 */
export async function buildTinyImage(options: TinyImageOptions): Promise<TinyImage> {
  const { outDirectory, cacheDirectory, run, log, progress = () => {} } = options;
  if (process.arch !== 'x64')
    throw new Problem('unsupported', guestImageTexts.architecture, { architecture: process.arch });
  await checkTools(run);
  progress('find', 0, 5);
  const packages = await findPackages(run);
  const inputs = await inputsOf(packages);
  const image: TinyImage = {
    disk: join(outDirectory, names.disk),
    kernel: join(outDirectory, names.kernel),
    ramdisk: join(outDirectory, names.ramdisk),
    commandLine,
    ...login,
  };
  if (await isBuilt(outDirectory, inputs)) return image;

  await mkdir(outDirectory, { recursive: true });
  await mkdir(cacheDirectory, { recursive: true });
  const work = await mkdtemp(join(cacheDirectory, 'build-'));
  try {
    const debs = join(cacheDirectory, 'packages');
    const unpacked = join(work, 'unpacked');
    progress('download', 1, 5);
    await fetchPackages(run, packages, debs);
    progress('unpack', 2, 5);
    await unpackPackages(run, packages, debs, unpacked);
    progress('stage', 3, 5);
    const busybox = join(unpacked, 'bin/busybox');
    const modules = await readModules(run, unpacked, busybox);
    const kernel = join(unpacked, `boot/vmlinuz-${modules.version}`);
    const ramdisk = packInitramfs(await initramfs(busybox, modules), seconds);
    const tree = await rootTree(run, unpacked, busybox);
    await modules.install(tree, [...diskModules, ...otherModules]);
    tree.file('/boot/vmlinuz', await readFile(kernel));
    tree.file('/boot/initrd', ramdisk);
    progress('pack', 4, 5);
    const made = join(work, 'made');
    await mkdir(made);
    await writeDisk({ run, work, unpacked, sizeMib, commandLine, seconds }, tree, join(made, names.disk));
    await copyFile(kernel, join(made, names.kernel));
    await writeFile(join(made, names.ramdisk), ramdisk);
    await writeFile(join(made, names.commandLine), `${commandLine}\n`);
    await publish(made, outDirectory, { inputs, kernel: modules.version, ...login, packages });
    progress('pack', 5, 5);
    log.info({ kernel: modules.version, path: image.disk }, 'guest image built');
    return image;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function initramfs(busybox: string, modules: Modules): Promise<Tree> {
  const tree = new Tree();
  for (const path of ['/dev', '/proc', '/sys', '/root', '/usr/lib']) tree.folder(path);
  tree.link('/lib', 'usr/lib');
  tree.file('/bin/busybox', await readFile(busybox), 0o755);
  for (const applet of ['sh', 'mount', 'modprobe', 'switch_root', 'dd', 'cat', 'usleep', 'printf', 'blockdev', 'echo'])
    tree.link(`/bin/${applet}`, 'busybox');
  await modules.install(tree, diskModules);
  tree.file('/init', await readFile(join(scripts, 'initramfs/init')), 0o755);
  return tree;
}

/** One checksum over all that the image is made of: packages, our scripts and this program. */
async function inputsOf(packages: Package[]): Promise<string> {
  const hash = createHash('sha256');
  for (const { file, sha256 } of packages) hash.update(`${file} ${sha256}\n`);
  for (const path of (await readdir(import.meta.dirname, { recursive: true })).sort()) {
    const full = join(import.meta.dirname, path);
    if (!path.endsWith('.test.ts') && (await stat(full)).isFile())
      hash.update(`${path}\n`).update(await readFile(full));
  }
  return hash.digest('hex');
}

async function isBuilt(outDirectory: string, inputs: string): Promise<boolean> {
  try {
    const manifest = JSON.parse(await readFile(join(outDirectory, 'manifest.json'), 'utf8'));
    if (manifest.inputs !== inputs) return false;
    for (const [name, sha256] of Object.entries(manifest.files))
      if (sha256 !== (await checksum(join(outDirectory, name)))) return false;
    return true;
  } catch {
    return false;
  }
}

/** Moves the files to their place; the manifest, last, says that all are whole. */
async function publish(made: string, outDirectory: string, facts: object): Promise<void> {
  const files: Record<string, string> = {};
  await rm(join(outDirectory, 'manifest.json'), { force: true });
  for (const name of Object.values(names)) {
    files[name] = await checksum(join(made, name));
    // The cache may be on another file system: copy beside, then rename.
    const beside = join(outDirectory, `.${name}`);
    await copyFile(join(made, name), beside);
    await publishFile(beside, join(outDirectory, name));
  }
  const manifest = `${JSON.stringify({ files, ...facts }, null, 2)}\n`;
  await writeWhole(join(outDirectory, 'manifest.json'), manifest, { mode: 0o644 });
}

async function checksum(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

async function checkTools(run: Run): Promise<void> {
  for (const [tool, name] of Object.entries(tools)) {
    const version = tool === 'mke2fs' || tool === 'debugfs' ? '-V' : '--version';
    await run([tool, version]).catch(cause => {
      throw new Problem('unavailable', guestImageTexts.toolMissing, { tool, package: name }, { cause });
    });
  }
}
