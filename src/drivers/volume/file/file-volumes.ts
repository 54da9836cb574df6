// Disks as qcow2 files: `<directory>/<volume id>/disk.qcow2`, each served by its own qemu-storage-daemon over NBD.
// Snapshots are qcow2's internal ones. New disks are built under another name and renamed when they are whole.

import { chmod, chown, mkdir, readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '#/drivers/tools.ts';
import { exportDaemon } from '#/drivers/volume/file/export-daemon.ts';
import { exportWatch } from '#/drivers/volume/file/export-watch.ts';
import { qemuImg, type User } from '#/drivers/volume/file/confined.ts';
import { discardFolder, publish, syncedNote } from '#/drivers/volume/file/folders.ts';
import { keyedLock } from '#/drivers/volume/file/keyed-lock.ts';
import { type Qcow2Facts, readQcow2 } from '#/drivers/volume/file/qcow2-file.ts';
import { fileVolumeTexts } from '#/drivers/volume/file/texts.ts';
import { visitors } from '#/drivers/volume/file/visitors.ts';
import {
  type Disk,
  type DiskFacts,
  exportName,
  type VolumeCapacity,
  type VolumeDriver,
} from '#/drivers/volume/volume-driver.ts';
import type { Channel } from '#/platform/channel/channel.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface FileVolumesOptions {
  directory: string;
  /** Runs QEMU's tools and owns the files. Guests connect as this user or its group. */
  user: User;
  tools: Tools;
  /** To other hosts; without it only guests of this one reach the disks. */
  channel?: Channel | null;
}

interface Served {
  epoch: number;
  tickets: string[];
}

type Images = Parameters<VolumeDriver['ensure']>[1];

const gib = 2 ** 30;
/** Below this the host is full: a qcow2 file still needs room to grow. */
const spareBytes = 256 * 2 ** 20;
const quickMs = 60_000;
/** Snapshots of our own begin so; users' ones cannot. */
const momentPrefix = '.copy-';
const copyMs = 4 * 3600_000;
/** A volume's id is a UUID at most. */
const longestId = 36;
/** Sockets' paths end at 107 bytes (unix(7)); below the directory come an id and a file name. */
const longestDirectory = 107 - '/'.length * 2 - longestId - 'nbd.sock'.length;

/** Keeps disks as files of one host. @throws Problem invalid when the directory's path is too long for sockets */
export function fileVolumes({ directory, user, tools, channel }: FileVolumesOptions): VolumeDriver {
  if (Buffer.byteLength(directory) > longestDirectory)
    throw new Problem('invalid', fileVolumeTexts.pathTooLong, { directory });
  const { run, log } = tools;
  const lock = keyedLock();
  /** Copies under way, by `disk@snapshot`: what they read must not go meanwhile. */
  const readers = new Map<string, Set<Promise<unknown>>>();

  const folderOf = (key: Disk['key']): string => join(directory, idOf(key));
  const fileOf = (key: Disk['key']): string => join(folderOf(key), 'disk.qcow2');
  const daemonOf = (key: Disk['key']) => exportDaemon(tools, user, folderOf(key));
  /** What is served, and to whom: there from before it is until after it was. */
  const noteOf = (key: Disk['key']) => syncedNote(directory, `${idOf(key)}.exported`);
  const guests = channel ? visitors(channel, key => daemonOf(key).socket) : null;

  const watch = exportWatch(tools, key =>
    lock(key, async () => {
      const daemon = daemonOf(key);
      if (!watch.has(key) || (await daemon.running())) return false;
      return daemon.ensure();
    }),
  );

  async function ensureDirectory(): Promise<void> {
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o711);
  }

  async function ensure(disk: Disk, images: Images): Promise<DiskFacts> {
    const { key } = disk;
    for (const name of disk.snapshots) checkName(name);
    await ensureDirectory();
    let facts = await factsOf(key);
    if (!facts) {
      await build(disk, images);
      facts = (await factsOf(key))!;
    }
    await cutOff(disk);
    await grow(disk, facts);
    await matchSnapshots(disk, facts);
    const daemon = daemonOf(key);
    if (disk.exported) {
      const { epoch, tickets } = disk;
      await noteOf(key).write(JSON.stringify({ epoch, tickets } satisfies Served));
      await step(key, 'export', daemon.ensure());
      guests?.admit(key, tickets);
      watch.add(key);
    } else {
      await noteOf(key).remove();
    }
    const { blocks } = await stat(fileOf(key));
    const connection = { kind: 'nbd-unix', path: daemon.socket, export: exportName } as const;
    return { usedBytes: blocks * 512, ...(disk.exported && { connection }) };
  }

  /** Ends the disk's daemon, and with it every connection, unless it serves under the epoch of the entry. */
  async function cutOff({ key, exported, epoch, tickets }: Disk): Promise<void> {
    const served = servedIn(await noteOf(key).read());
    if (exported && (!served || served.epoch === epoch)) return;
    guests?.admit(key, exported ? served!.tickets.filter(ticket => tickets.includes(ticket)) : []);
    watch.delete(key);
    await daemonOf(key).stop();
  }

  async function factsOf(key: Disk['key']): Promise<Qcow2Facts | null> {
    try {
      return await readQcow2(fileOf(key));
    } catch (cause) {
      throw new Problem('unavailable', fileVolumeTexts.notQcow2, { key }, { cause });
    }
  }

  async function build(disk: Disk, images: Images): Promise<void> {
    const { key, sizeGib: wantedGib } = disk;
    await checkRoom(disk);
    const folder = join(directory, `.new-${idOf(key)}`);
    await discardFolder(folder);
    await mkdir(folder, { mode: 0o710 });
    await chmod(folder, 0o710);
    await chown(folder, user.uid, user.gid);
    const file = join(folder, 'disk.qcow2');
    const limits = { fileBytes: wantedGib * gib * 1.02 + spareBytes, timeoutMs: copyMs };
    try {
      if (!disk.source) {
        await qemuImg(run, user, limits, [
          'create',
          '-q',
          '-f',
          'qcow2',
          '-o',
          'compat=1.1',
          file,
          String(wantedGib * gib),
        ]);
      } else {
        await copy(disk, disk.source, images, args => qemuImg(run, user, limits, ['convert', '-q', ...args, file]));
        const copied = await readQcow2(file);
        if (copied && copied.virtualSizeBytes < wantedGib * gib)
          await qemuImg(run, user, limits, ['resize', '-q', '-f', 'qcow2', file, String(wantedGib * gib)]);
      }
      await publish(folder, folderOf(key), ['disk.qcow2']);
    } catch (cause) {
      await discardFolder(folder);
      if (cause instanceof Problem) throw cause;
      throw new Problem('unavailable', fileVolumeTexts.toolFailed, { key, step: 'build' }, { cause });
    }
  }

  async function copy(
    disk: Disk,
    source: NonNullable<Disk['source']>,
    images: Images,
    convert: (args: string[]) => Promise<void>,
  ): Promise<void> {
    if ('image' in source) {
      const { path, format } = images(source.image);
      const sourceBytes = format === 'raw' ? (await stat(path)).size : ((await readQcow2(path))?.virtualSizeBytes ?? 0);
      checkFits(disk, sourceBytes);
      return convert(['-f', format, '-O', 'qcow2', path]);
    }
    if ('snapshot' in source) {
      checkName(source.snapshot);
      return copySnapshot(disk, source.disk, source.snapshot, convert);
    }
    // A snapshot of our own holds the moment; the source is free again while its bytes are copied.
    const moment = `${momentPrefix}${idOf(disk.key)}`;
    await lock(source.disk, async () => {
      const origin = await originOf(disk, source.disk);
      if (origin.snapshots.includes(moment)) await removeSnapshot(source.disk, moment);
      await addSnapshot(source.disk, moment);
    });
    try {
      await copySnapshot(disk, source.disk, moment, convert);
    } finally {
      await lock(source.disk, async () => {
        if ((await factsOf(source.disk))?.snapshots.includes(moment)) await removeSnapshot(source.disk, moment);
      });
    }
  }

  async function copySnapshot(
    disk: Disk,
    from: Disk['key'],
    snapshot: string,
    convert: (args: string[]) => Promise<void>,
  ): Promise<void> {
    await reading(`${from}@${snapshot}`, async () => {
      const origin = await originOf(disk, from);
      if (!origin.snapshots.includes(snapshot))
        throw new Problem('unavailable', fileVolumeTexts.sourceMissing, { key: disk.key, source: snapshot });
      // The source may be served meanwhile, hence no lock (-U): nobody changes the clusters of a snapshot.
      await convert(['-U', '-l', `snapshot.name=${snapshot}`, '-f', 'qcow2', '-O', 'qcow2', fileOf(from)]);
    });
  }

  async function originOf(disk: Disk, from: Disk['key']): Promise<Qcow2Facts> {
    const origin = await factsOf(from);
    if (!origin) throw new Problem('unavailable', fileVolumeTexts.sourceMissing, { key: disk.key, source: from });
    checkFits(disk, origin.virtualSizeBytes);
    return origin;
  }

  async function reading(what: string, work: () => Promise<void>): Promise<void> {
    const copies = readers.get(what) ?? new Set();
    readers.set(what, copies);
    const copying = work();
    copies.add(copying);
    try {
      await copying;
    } finally {
      copies.delete(copying);
      if (copies.size === 0) readers.delete(what);
    }
  }

  async function grow(disk: Disk, facts: Qcow2Facts): Promise<void> {
    const { key, sizeGib } = disk;
    const wanted = sizeGib * gib;
    if (facts.virtualSizeBytes >= wanted) return;
    await checkRoom(disk);
    const daemon = daemonOf(key);
    const limits = { fileBytes: wanted * 1.02 + spareBytes, timeoutMs: quickMs };
    const resized = (await daemon.running())
      ? daemon.resize(wanted)
      : qemuImg(run, user, limits, ['resize', '-q', '-f', 'qcow2', fileOf(key), String(wanted)]);
    await step(key, 'grow', resized);
  }

  async function matchSnapshots(disk: Disk, facts: Qcow2Facts): Promise<void> {
    for (const name of disk.snapshots) if (!facts.snapshots.includes(name)) await addSnapshot(disk.key, name);
    for (const name of facts.snapshots) {
      if (disk.snapshots.includes(name)) continue;
      const copies = readers.get(`${disk.key}@${name}`);
      if (copies && name.startsWith(momentPrefix)) continue; // goes with its copy
      if (copies) await Promise.allSettled(copies);
      await removeSnapshot(disk.key, name);
    }
  }

  async function addSnapshot(key: Disk['key'], name: string): Promise<void> {
    const daemon = daemonOf(key);
    const added = (await daemon.running()) ? daemon.addSnapshot(name) : snapshotTool(key, ['-c', name]);
    await step(key, 'snapshot', added);
  }

  async function removeSnapshot(key: Disk['key'], name: string): Promise<void> {
    const daemon = daemonOf(key);
    const removed = (await daemon.running()) ? daemon.removeSnapshot(name) : snapshotTool(key, ['-d', name]);
    await step(key, 'snapshot removal', removed);
  }

  async function snapshotTool(key: Disk['key'], args: string[]): Promise<void> {
    const { size } = await stat(fileOf(key));
    const limits = { fileBytes: size + spareBytes, timeoutMs: quickMs };
    await qemuImg(run, user, limits, ['snapshot', '-q', ...args, fileOf(key)]);
  }

  async function checkRoom({ key, sizeGib: wantedGib }: Disk): Promise<void> {
    const { totalGib, freeGib, freeBytes } = await capacity();
    if (wantedGib > totalGib || freeBytes < spareBytes)
      throw new Problem('unavailable', fileVolumeTexts.noRoom, { key, wantedGib, totalGib, freeGib });
  }

  async function capacity(): Promise<VolumeCapacity & { freeBytes: number }> {
    await ensureDirectory();
    const { bsize, blocks, bavail } = await statfs(directory);
    const freeBytes = bavail * bsize;
    return { totalGib: Math.floor((blocks * bsize) / gib), freeGib: Math.floor(freeBytes / gib), freeBytes };
  }

  async function remove(key: Disk['key']): Promise<void> {
    watch.delete(key);
    guests?.admit(key, []);
    await daemonOf(key).stop();
    await noteOf(key).remove();
    await discardFolder(folderOf(key));
  }

  async function list(): Promise<Disk['key'][]> {
    await ensureDirectory();
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter(e => e.isDirectory() && !e.name.startsWith('.')).map(e => `volume/${e.name}` as const);
  }

  async function restore(): Promise<void> {
    await ensureDirectory();
    for (const name of await readdir(directory))
      if (name.startsWith('.new-') || name.startsWith('.gone-')) await discardFolder(join(directory, name));
    for (const key of await list()) {
      const served = servedIn(await noteOf(key).read());
      if (!served) continue;
      // One damaged disk must not keep the others from being served.
      watch.add(key);
      guests?.admit(key, served.tickets);
      await lock(key, () => daemonOf(key).ensure()).catch(err =>
        log.error({ err, key }, 'a disk could not be exported'),
      );
    }
  }

  return {
    list,
    ensure: async (disk, images) => lock(checkKey(disk.key), () => ensure(disk, images)),
    remove: async key => lock(checkKey(key), () => remove(key)),
    capacity: async () => {
      const { totalGib, freeGib } = await capacity();
      return { totalGib, freeGib };
    },
    restore,
    async close() {
      watch.close();
      guests?.close();
    },
  };
}

/** Of an older version's note, which said nothing, only that it is served. */
function servedIn(note: string | null): Served | null {
  return note === null ? null : note === '' ? { epoch: 0, tickets: [] } : (JSON.parse(note) as Served);
}

function checkFits({ key, sizeGib: wantedGib }: Disk, sourceBytes: number): void {
  if (sourceBytes > wantedGib * gib)
    throw new Problem('invalid', fileVolumeTexts.sourceLarger, { key, wantedGib, sourceBytes });
}

function checkKey(key: Disk['key']): Disk['key'] {
  checkName(idOf(key), longestId);
  return key;
}

/** Names become files and arguments. */
function checkName(name: string, longest = 64): void {
  if (name.length > longest || !/^[a-zA-Z0-9][a-zA-Z0-9_-]*$/.test(name))
    throw new Problem('invalid', fileVolumeTexts.badName, { name });
}

function idOf(key: Disk['key']): string {
  return key.slice('volume/'.length);
}

/** Gives a failed step its sentence; the tool's own words are only logged. */
async function step<T>(key: Disk['key'], name: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new Problem('unavailable', fileVolumeTexts.toolFailed, { key, step: name }, { cause });
  }
}
