// QEMU processes: starting one so that it outlives the agent, finding it again, ending it.
// Who a process is, is read from its command line and its owner: there is no pid file that could lie.

import { spawn } from 'node:child_process';
import { constants, open, readdir, readFile, stat } from 'node:fs/promises';
import { type Clock, sleep } from '#/platform/clock/clock.ts';
import { toolPath } from '#/platform/process/run.ts';

export interface GuestUser {
  uid: number;
  gid: number;
}

export const qemuBinary = 'qemu-system-x86_64';

export interface Ending {
  /** Exit status or signal, where we are the parent. */
  status: number | null;
  signal: NodeJS.Signals | null;
}

/** The prefix that takes a command's privileges away; what follows is the command. */
export function unprivileged(user: GuestUser, limits: string[], groups: number[] = []): [string, ...string[]] {
  return [
    'prlimit',
    '--core=0',
    ...limits,
    'setpriv',
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    groups.length ? `--groups=${groups.join(',')}` : '--clear-groups',
    '--no-new-privs',
    '--inh-caps=-all',
    '--bounding-set=-all',
    '--',
  ];
}

/** Starts a detached process in a session of its own; its words go to the log file, which is emptied first. */
export async function spawnDetached(
  command: [string, ...string[]],
  logPath: string,
): Promise<{ pid: number; ended: Promise<Ending> }> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = constants;
  const log = await open(logPath, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
  try {
    const [tool, ...args] = command;
    const child = spawn(tool, args, {
      cwd: '/',
      env: { PATH: toolPath, LC_ALL: 'C' },
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    const ended = new Promise<Ending>(resolve => child.once('exit', (status, signal) => resolve({ status, signal })));
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return { pid: child.pid!, ended };
  } finally {
    await log.close();
  }
}

/** Whether this pid still is that process (no zombie, no stranger with a reused number). */
export async function isAlive(pid: number, mark: string): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'latin1')).includes(mark);
  } catch {
    return false;
  }
}

/** QEMU processes of the guest user: socket path on the command line → pid. Reads /proc once. */
export async function findProcesses(user: GuestUser, directory: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const prefix = `path=${directory.replaceAll(',', ',,')}/guests/`;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const line = await readFile(`/proc/${name}/cmdline`, 'latin1');
      const at = line.indexOf(prefix);
      if (at === -1) continue;
      const owner = (await stat(`/proc/${name}`)).uid;
      // Between fork and exec it is still setpriv's, owned by root.
      if (owner !== user.uid && owner !== 0) continue;
      found.set(line.slice(at + prefix.length, at + prefix.length + 36), Number(name));
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** Waits until the process is gone. @returns false when the time was up first */
export async function waitGone(pid: number, mark: string, clock: Clock, timeoutMs: number): Promise<boolean> {
  const until = clock.monotonic() + timeoutMs;
  for (;;) {
    if (!(await isAlive(pid, mark))) return true;
    if (clock.monotonic() >= until) return false;
    await sleep(clock, 25);
  }
}

/** Ends the process at once and waits until it is gone. */
export async function killHard(pid: number, mark: string, clock: Clock): Promise<boolean> {
  if (!(await isAlive(pid, mark))) return true;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return true;
  }
  return await waitGone(pid, mark, clock, 10_000);
}
