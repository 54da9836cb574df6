// Serves one disk to guests: a qemu-storage-daemon with an NBD socket, detached, so that it outlives the agent.

import { constants } from 'node:fs';
import { chmod, lstat, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '#/drivers/tools.ts';
import { asUser, type User } from '#/drivers/volume/file/confined.ts';
import { qmpCall } from '#/drivers/volume/file/qmp-call.ts';
import { exportName } from '#/drivers/volume/volume-driver.ts';
import { sleep } from '#/platform/clock/clock.ts';

/** Not in Node's constants: a handle that only names a file. */
const onlyPath = 0o10000000;

/** The daemon of the disk in `folder`, running or not. */
export function exportDaemon(tools: Tools, user: User, folder: string) {
  const { clock } = tools;
  const nbd = join(folder, 'nbd.sock');
  const qmp = join(folder, 'qmp.sock');
  const pidFile = join(folder, 'daemon.pid');

  /** Its process id, if it is really our daemon: pid files go stale and their numbers are used again. */
  async function find(): Promise<number | null> {
    const pid = Number((await readText(pidFile)).trim());
    if (!Number.isInteger(pid) || pid <= 1) return null;
    const words = (await readText(`/proc/${pid}/cmdline`)).split('\0');
    const uid = /^Uid:\s+(\d+)/m.exec(await readText(`/proc/${pid}/status`))?.[1];
    return words[0] === 'qemu-storage-daemon' && words.includes(`--pidfile=${pidFile}`) && uid === String(user.uid)
      ? pid
      : null;
  }

  async function start(): Promise<void> {
    const disk = {
      driver: 'qcow2',
      'node-name': exportName,
      discard: 'unmap',
      file: { driver: 'file', filename: join(folder, 'disk.qcow2'), discard: 'unmap' },
    };
    await tools.run([
      ...(['prlimit', '--core=0', '--nofile=1024'] as const),
      ...asUser(user),
      '--',
      'qemu-storage-daemon',
      '--daemonize',
      `--pidfile=${pidFile}`,
      `--blockdev=${JSON.stringify(disk)}`,
      `--nbd-server=addr.type=unix,addr.path=${nbd}`,
      `--export=type=nbd,id=${exportName},node-name=${exportName},name=${exportName},writable=on`,
      `--chardev=socket,id=monitor,path=${qmp},server=on,wait=off`,
      '--monitor=chardev=monitor',
    ]);
    await openToGroup(nbd);
  }

  /** Ends the daemon after it has written everything out; kills it when it does not react. */
  async function stop(): Promise<void> {
    const pid = await find();
    if (pid !== null) {
      await qmpCall(clock, qmp, 'quit', {}, 10_000).catch(() => signal(pid, 'SIGTERM'));
      for (let waited = 0; (await find()) === pid; waited += 20) {
        if (waited === 10_000) signal(pid, 'SIGKILL');
        await sleep(clock, 20);
      }
    }
    for (const path of [nbd, qmp, pidFile]) await unlink(path).catch(() => {});
  }

  async function healthy(): Promise<boolean> {
    if ((await find()) === null || !(await lstat(nbd).catch(() => null))) return false;
    const exports = await qmpCall(clock, qmp, 'query-block-exports', {}, 10_000).catch(() => []);
    return Array.isArray(exports) && exports.some(e => e.id === exportName && !e['shutting-down']);
  }

  return {
    socket: nbd,
    /** Starts the daemon unless it serves already. @returns whether it had to be started */
    async ensure(): Promise<boolean> {
      if (await healthy()) return false;
      await stop();
      await start();
      return true;
    },
    stop,
    running: async () => (await find()) !== null,
    /**
     * Grows the disk. An NBD export keeps its size and forbids another, so it is taken back meanwhile: guests'
     * connections break, and find the new size when they come back.
     */
    async resize(sizeBytes: number): Promise<void> {
      await qmpCall(clock, qmp, 'block-export-del', { id: exportName, mode: 'hard' });
      for (let waited = 0; (await exportsLeft()) > 0 && waited < 10_000; waited += 20) await sleep(clock, 20);
      try {
        await qmpCall(clock, qmp, 'block_resize', { 'node-name': exportName, size: sizeBytes });
      } finally {
        const again = { type: 'nbd', id: exportName, 'node-name': exportName, name: exportName, writable: true };
        await qmpCall(clock, qmp, 'block-export-add', again);
      }
    },
    async addSnapshot(name: string): Promise<void> {
      await qmpCall(clock, qmp, 'blockdev-snapshot-internal-sync', { device: exportName, name });
    },
    async removeSnapshot(name: string): Promise<void> {
      await qmpCall(clock, qmp, 'blockdev-snapshot-delete-internal-sync', { device: exportName, name });
    },
  };

  async function exportsLeft(): Promise<number> {
    const exports = await qmpCall(clock, qmp, 'query-block-exports');
    return Array.isArray(exports) ? exports.length : 0;
  }
}

/** Lets the group connect. By handle, so that a link in a folder that a stranger may write to leads nowhere. */
async function openToGroup(socket: string): Promise<void> {
  const handle = await open(socket, onlyPath | constants.O_NOFOLLOW);
  try {
    const file = await handle.stat();
    if (!file.isSocket()) throw new Error(`${socket} is no socket`);
    await chmod(`/proc/self/fd/${handle.fd}`, 0o660);
  } finally {
    await handle.close();
  }
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch {
    // gone already
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return '';
  }
}
