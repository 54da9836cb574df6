// The disk that the guest boots from: MBR, GRUB, one ext4 partition. Needs neither root nor loop devices.

import { chmod, lchown, mkdir, open, readFile, symlink, truncate, utimes, lutimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loaderOf, rootLabel } from '#/guest-image/root-tree.ts';
import type { Tree } from '#/guest-image/tree.ts';
import type { Run } from '#/platform/process/run.ts';

const sectorBytes = 512;
/** The partition begins at 1 MiB, as everywhere; GRUB lives before it. */
const firstSector = 2048;
const mib = 2 ** 20;

export interface DiskOptions {
  run: Run;
  /** Scratch space. */
  work: string;
  unpacked: string;
  sizeMib: number;
  commandLine: string;
  /** Seconds since 1970 that every file gets. */
  seconds: number;
}

/** Writes a bootable disk as a compressed qcow2 file. @param tree with `/boot/vmlinuz` and `/boot/initrd` */
export async function writeDisk(options: DiskOptions, tree: Tree, path: string): Promise<void> {
  const { run, work, sizeMib } = options;
  const raw = join(work, 'disk.raw');
  const partition = join(work, 'partition.raw');
  await writeFileSystem(options, tree, partition, (sizeMib - 1) * mib);
  const core = await grubCore(options);
  const boot = await readFile(join(options.unpacked, 'usr/lib/grub/i386-pc/boot.img'));
  await writeFile(raw, masterBootRecord(boot, (sizeMib * mib) / sectorBytes - firstSector));
  const disk = await open(raw, 'r+');
  try {
    await disk.write(core, 0, core.length, sectorBytes);
    await disk.truncate(sizeMib * mib);
    await copySparse(partition, disk);
  } finally {
    await disk.close();
  }
  await run(['qemu-img', 'convert', '-q', '-c', '-f', 'raw', '-O', 'qcow2', raw, path], { timeoutMs: 300_000 });
}

async function copySparse(from: string, disk: Awaited<ReturnType<typeof open>>): Promise<void> {
  const source = await open(from, 'r');
  try {
    const buffer = Buffer.alloc(mib);
    for (let at = 0; ; at += mib) {
      const { bytesRead } = await source.read(buffer, 0, mib, at);
      if (bytesRead === 0) return;
      const part = buffer.subarray(0, bytesRead);
      if (part.some(byte => byte !== 0)) await disk.write(part, 0, bytesRead, firstSector * sectorBytes + at);
    }
  } finally {
    await source.close();
  }
}

async function writeFileSystem(options: DiskOptions, tree: Tree, path: string, bytes: number): Promise<void> {
  const { run, work, seconds } = options;
  const stage = join(work, 'stage');
  await mkdir(stage, { recursive: true });
  const root = process.getuid?.() === 0;
  for (const [name, node] of tree.entries()) {
    const target = join(stage, name);
    if (node.kind === 'folder') await mkdir(target, { recursive: true });
    else if (node.kind === 'file') await writeFile(target, node.content);
    else await symlink(node.target, target);
    if (root) await lchown(target, node.uid ?? 0, node.gid ?? 0);
    if (node.kind !== 'link') await chmod(target, node.mode);
  }
  for (const [name, node] of tree.entries().reverse())
    await (node.kind === 'link' ? lutimes : utimes)(join(stage, name), seconds, seconds);
  await writeFile(path, '');
  await truncate(path, bytes);
  const env = { E2FSPROGS_FAKE_TIME: String(seconds), SOURCE_DATE_EPOCH: String(seconds) };
  const features =
    'resize=67108864,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,hash_seed=4a1f8b52-7c1e-4d3a-9b60-2f6d1c05e871';
  const ids = ['-L', rootLabel, '-U', '7d2c9e14-51b3-4b0f-8e6a-93f4a7c21d58'];
  await run(
    [
      'mke2fs',
      '-q',
      '-F',
      '-t',
      'ext4',
      '-b',
      '4096',
      '-I',
      '256',
      '-N',
      '16384',
      '-m',
      '0',
      '-J',
      'size=4',
      '-E',
      features,
      ...ids,
      '-d',
      stage,
      path,
    ],
    { timeoutMs: 300_000, env },
  );
  await fixInodes(options, tree, path, root);
}

/** The right to open raw sockets as an extended attribute (vfs_cap_data, revision 2, effective). */
const rawSockets = Buffer.from('0100000200200000000000000000000000000000', 'hex');

/** Sets what staging could not: change times, owners where the builder is not root, and the right to ping. */
async function fixInodes({ run, work, seconds }: DiskOptions, tree: Tree, path: string, owned: boolean): Promise<void> {
  const right = join(work, 'raw-sockets');
  await writeFile(right, rawSockets);
  // The shell runs `ping` as a part of itself, so a set-user-id copy would not help.
  const commands = [`set_current_time @${seconds}`, `ea_set -f ${right} /usr/bin/busybox security.capability`];
  for (const [name, node] of tree.entries()) {
    commands.push(`set_inode_field "${name}" ctime @${seconds}`, `set_inode_field "${name}" ctime_extra 0`);
    if (!owned)
      commands.push(`set_inode_field "${name}" uid ${node.uid ?? 0}`, `set_inode_field "${name}" gid ${node.gid ?? 0}`);
  }
  await run(['debugfs', '-w', '-f', '-', path], { input: `${commands.join('\n')}\n`, timeoutMs: 300_000 });
}

/** GRUB's second stage with its whole configuration inside; it fits between the boot record and the partition. */
async function grubCore({ run, work, unpacked, commandLine }: DiskOptions): Promise<Buffer> {
  const script = join(work, 'grub.cfg');
  const core = join(work, 'core.img');
  const lines = ['set root=(hd0,msdos1)', `linux /boot/vmlinuz ${commandLine}`, 'initrd /boot/initrd', 'boot'];
  await writeFile(script, `${lines.join('\n')}\n`);
  const tool = join(unpacked, 'usr/bin/grub-mkimage');
  const modules = join(unpacked, 'usr/lib/grub/i386-pc');
  const options = ['-d', modules, '-O', 'i386-pc', '-o', core, '-p', '(hd0,msdos1)/boot/grub', '-c', script];
  await run([...loaderOf(unpacked), tool, ...options, 'biosdisk', 'part_msdos', 'ext2', 'linux']);
  const bytes = await readFile(core);
  if (bytes.length > (firstSector - 1) * sectorBytes) throw new Error('GRUB does not fit before the partition');
  return bytes;
}

/** The boot record: GRUB's first stage and one bootable Linux partition. */
function masterBootRecord(stage: Buffer, sectors: number): Buffer {
  const record = Buffer.alloc(sectorBytes);
  stage.copy(record, 0, 0, 440);
  record.writeUInt32LE(0x686e6c01, 440); // the disk's signature
  Buffer.from([0x80, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff]).copy(record, 446);
  record.writeUInt32LE(firstSector, 454);
  record.writeUInt32LE(sectors, 458);
  record.writeUInt16LE(0xaa55, 510);
  return record;
}
