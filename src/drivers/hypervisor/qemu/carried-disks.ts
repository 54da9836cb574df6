// The local disks of a stopped guest, from one host's agent to another's: a line that says what comes, then the files.

import { constants } from 'node:fs';
import { chown, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import type { Guest, GuestMove } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { syncDirectory } from '#/platform/files/write-whole.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { GuestState } from './guest-state.ts';
import type { QemuHost } from './host.ts';
import type { GuestPaths } from './paths.ts';
import { type GuestUser, unprivileged } from './process.ts';

export type Taking = GuestMove & { kind: 'take' };

type Made = Pick<GuestState, 'rootGeneration' | 'rootGib' | 'ephemeralGib' | 'swapMib'>;

interface Announced extends Made {
  files: { name: string; bytes: number }[];
}

const diskName = /^(root\.qcow2|swap\.qcow2|efivars\.fd|ephemeral\d{1,2}\.qcow2)$/;
const chunkBytes = 1 << 20;
const longestLine = 64 << 10;
/** qcow2's incompatible feature "external data file": such a disk would point out of itself. */
const dataFileBit = 0b100n;

/** What a stopped guest has, to be read to its end. */
export function sendDisks(state: GuestState, paths: GuestPaths, user: GuestUser): Duplex {
  const [mine, theirs] = duplexPair();
  mine.resume();
  mine.on('error', () => {});
  write(mine, state, paths, user).then(
    () => mine.end(),
    (error: Error) => mine.destroy(error),
  );
  return theirs;
}

async function write(to: Duplex, state: GuestState, paths: GuestPaths, user: GuestUser): Promise<void> {
  const names = (await readdir(paths.run)).filter(name => diskName.test(name)).toSorted();
  const files: Announced['files'] = [];
  for (const name of names) files.push({ name, bytes: (await lstat(join(paths.run, name))).size });
  const { rootGeneration, rootGib, ephemeralGib, swapMib } = state;
  await put(to, Buffer.from(`${JSON.stringify({ files, rootGeneration, rootGib, ephemeralGib, swapMib })}\n`));
  for (const { name, bytes } of files) {
    // The directory is the guest user's: what is no file of theirs is not followed.
    const file = await open(join(paths.run, name), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const facts = await file.stat();
      if (!facts.isFile() || facts.uid !== user.uid || facts.nlink !== 1) throw new Error(`${name} is no plain file`);
      for (let at = 0; at < bytes; ) {
        const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, bytes - at));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
        if (bytesRead === 0) throw new Error(`${name} became shorter`);
        await put(to, chunk.subarray(0, bytesRead));
        at += bytesRead;
      }
    } finally {
      await file.close();
    }
  }
}

/** Waits while the other end is slow. */
async function put(to: Duplex, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => to.write(bytes, error => (error ? reject(error) : resolve())));
}

/** Makes the disks be what they are on the other host. Nothing may run. Notes in the state what came. @throws Problem */
export async function takeDisks(
  host: QemuHost,
  guest: Guest,
  move: Taking,
  state: GuestState,
  paths: GuestPaths,
): Promise<void> {
  if (!host.channel || move.from.address === null)
    throw new Problem('unsupported', hypervisorTexts.noChannel, { server: guest.serverId });
  const workshop = join(paths.directory, 'coming');
  await rm(workshop, { recursive: true, force: true });
  await mkdir(workshop, { mode: 0o700 });
  const greeting = { service: 'guest', id: guest.serverId, ticket: move.ticket, stream: 'disks' };
  const stream = await host.channel.dial(move.from.address, greeting);
  try {
    const said = await read(stream, workshop);
    const base = guest.root?.image ? await host.images.find(guest.root.image) : null;
    await rm(paths.run, { recursive: true, force: true });
    await mkdir(paths.run, { mode: 0o700 });
    await chown(paths.run, host.user.uid, host.user.gid);
    for (const { name } of said.files) {
      await chown(join(workshop, name), host.user.uid, host.user.gid);
      await rename(join(workshop, name), join(paths.run, name));
    }
    if (base && said.files.some(({ name }) => name === 'root.qcow2'))
      await host.tools.run([
        ...unprivileged(host.user, []),
        ...(['qemu-img', 'rebase', '-u', '-f', 'qcow2', '-F', base.format, '-b', base.path, paths.root] as const),
      ]);
    await syncDirectory(paths.run);
    const { rootGeneration, rootGib, ephemeralGib, swapMib } = said;
    Object.assign(state, { rootGeneration, rootGib, ephemeralGib, swapMib, base: guest.root?.image ?? null });
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Problem('unavailable', hypervisorTexts.sendingFailed, { reason }, { cause });
  } finally {
    stream.destroy();
    await rm(workshop, { recursive: true, force: true });
  }
}

/** Writes what comes below a directory of root's own. */
async function read(stream: Duplex, directory: string): Promise<Announced> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<void> => {
    const { value, done } = await chunks.next();
    if (done) throw new Error('the other host broke off');
    held = held.length ? Buffer.concat([held, value]) : value;
  };
  while (!held.includes(10)) {
    if (held.length > longestLine) throw new Error('the other host announced too much');
    await more();
  }
  const end = held.indexOf(10);
  const said = JSON.parse(held.subarray(0, end).toString()) as Announced;
  held = held.subarray(end + 1);
  for (const { name, bytes } of said.files) {
    if (!diskName.test(name)) throw new Error(`the other host announced ${name.slice(0, 80)}`);
    const file = await open(join(directory, name), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      for (let at = 0; at < bytes; ) {
        if (held.length === 0) await more();
        const part = held.subarray(0, bytes - at);
        if (at === 0 && name.endsWith('.qcow2')) checkHead(name, part);
        await file.write(part, 0, part.length, at);
        at += part.length;
        held = held.subarray(part.length);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }
  return said;
}

function checkHead(name: string, head: Buffer): void {
  if (head.length < 80 || head.readUInt32BE(0) !== 0x514649fb) throw new Error(`${name} is no qcow2 disk`);
  if (head.readUInt32BE(4) >= 3 && head.readBigUInt64BE(72) & dataFileBit)
    throw new Error(`${name} has an external data file`);
}
