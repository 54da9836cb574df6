// A flat copy of a guest's root disk as it is at one moment: by QEMU itself while it runs, by qemu-img while it does not.
// All of it is done as the guest user, who owns the directory.

import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskCopy, Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { type Clock, sleep } from '#/platform/clock/clock.ts';
import { sentenceOf, Problem } from '#/platform/problem/problem.ts';
import type { QemuHost } from './host.ts';
import type { Machine } from './machine.ts';
import { diskCopyPrefix, type GuestPaths, isUuid } from './paths.ts';
import { unprivileged } from './process.ts';
import { type Qmp, QmpError } from './qmp.ts';

const limits = ['--as=2147483648', '--nofile=64'];
const copyTimeoutMs = 7_200_000;
const lookEveryMs = 200;
const rootNode = 'root';

/** Makes the copy, unless it is there; other copies of the guest go. One call at a time for a guest. */
export async function copyDisk(host: QemuHost, machine: Machine, guest: Guest, id: string): Promise<DiskCopy> {
  const { paths } = machine;
  const path = copyPath(paths, guest.key, id);
  const made = (sizeBytes: number): DiskCopy => ({
    format: 'qcow2',
    sizeBytes,
    content: { kind: 'file', path, uid: host.user.uid },
  });
  const there = await sizeOf(path);
  if (there !== null) return made(there);
  if (!guest.root || (await sizeOf(paths.root)) === null)
    throw new Problem('conflict', hypervisorTexts.noRootDisk, { server: guest.serverId });
  const asUser = userOf(host);
  const part = `${path}.part`;
  for (const name of await readdir(paths.run))
    if (name.startsWith(diskCopyPrefix)) await asUser('rm', '-f', join(paths.run, name));
  try {
    if (machine.pid === null) {
      await asUser('qemu-img', 'convert', '-q', '-f', 'qcow2', '-O', 'qcow2', paths.root, part);
    } else {
      const qmp = machine.control();
      await endEarlierJob(qmp, host.tools.clock);
      await asUser('qemu-img', 'create', '-q', '-f', 'qcow2', part, String(await virtualSize(qmp)));
      await copyLive(qmp, host.tools.clock, part);
    }
    await asUser('sync', part);
    await asUser('mv', part, path);
  } catch (cause) {
    await asUser('rm', '-f', part).catch(() => {});
    if (cause instanceof Problem && cause.kind !== 'unavailable') throw cause;
    const facts = { server: guest.serverId, reason: sentenceOf(cause) };
    throw new Problem('unavailable', hypervisorTexts.copyFailed, facts, { cause });
  }
  return made((await sizeOf(path)) ?? 0);
}

/** Ends the copy under way, where QEMU makes it. */
export async function cutCopyShort(machine: Machine): Promise<void> {
  if (machine.pid === null) return;
  await machine
    .control()
    .execute('job-cancel', { id: copyName })
    .catch(() => {});
}

/** Removes the copy. One call at a time for a guest. */
export async function dropDiskCopy(host: QemuHost, paths: GuestPaths, key: Guest['key'], id: string): Promise<void> {
  const path = copyPath(paths, key, id);
  await userOf(host)('rm', '-f', path, `${path}.part`);
}

function copyPath(paths: GuestPaths, key: Guest['key'], id: string): string {
  if (!isUuid(id)) throw new Problem('invalid', hypervisorTexts.badKey, { key: `${key}/${id}`, kind: 'copy' });
  return paths.diskCopy(id);
}

function userOf(host: QemuHost) {
  return (...args: [string, ...string[]]) =>
    host.tools.run([...unprivileged(host.user, limits), ...args], { timeoutMs: copyTimeoutMs });
}

/** Of a plain file; null where there is none. */
async function sizeOf(path: string): Promise<number | null> {
  const facts = await lstat(path).catch(() => null);
  return facts?.isFile() ? facts.size : null;
}

async function virtualSize(qmp: Qmp): Promise<number> {
  const nodes = await qmp.execute<{ 'node-name'?: string; image: { 'virtual-size': number } }[]>(
    'query-named-block-nodes',
    { flat: true },
  );
  return nodes.find(node => node['node-name'] === rootNode)!.image['virtual-size'];
}

/** The name of the job and of the node that it writes to: a guest has one at a time. */
const copyName = 'disk-copy';

interface Job {
  id: string;
  status: string;
  error?: string;
}

async function copyLive(qmp: Qmp, clock: Clock, path: string): Promise<void> {
  const file = { driver: 'file', filename: path };
  await qmp.execute('blockdev-add', { driver: 'qcow2', 'node-name': copyName, file });
  try {
    const job = { 'job-id': copyName, device: rootNode, target: copyName, sync: 'full', 'auto-dismiss': false };
    await qmp.execute('blockdev-backup', job);
    const { error } = await concluded(qmp, clock);
    await qmp.execute('job-dismiss', { id: copyName });
    if (error !== undefined) throw new QmpError('refused', error);
  } finally {
    if (!qmp.isClosed) await qmp.execute('blockdev-del', { 'node-name': copyName });
  }
}

/** What an agent that ended half-way left behind. */
async function endEarlierJob(qmp: Qmp, clock: Clock): Promise<void> {
  const jobs = await qmp.execute<Job[]>('query-jobs');
  if (jobs.some(job => job.id === copyName)) {
    await qmp.execute('job-cancel', { id: copyName }).catch(() => {});
    await concluded(qmp, clock);
    await qmp.execute('job-dismiss', { id: copyName });
  }
  await qmp.execute('blockdev-del', { 'node-name': copyName }).catch(() => {});
}

async function concluded(qmp: Qmp, clock: Clock): Promise<Job> {
  for (;;) {
    const job = (await qmp.execute<Job[]>('query-jobs')).find(({ id }) => id === copyName);
    if (!job) throw new QmpError('refused', 'the copy has ended by itself');
    if (job.status === 'concluded') return job;
    await sleep(clock, lookEveryMs);
  }
}
