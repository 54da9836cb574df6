// A process of ours that outlives the agent: found again by its pid file, and known by a word of its own command line.

import { readFile } from 'node:fs/promises';
import { type Clock, sleep } from '#/platform/clock/clock.ts';
import { readIfThere } from './host.ts';

/** The process, or null. A pid that by now is something else's does not count. @param mark a word of its command line */
export async function findProcess(pidFile: string, mark: string): Promise<{ pid: number; args: string[] } | null> {
  const text = await readIfThere(pidFile).catch(() => null);
  const pid = Number(text?.trim());
  if (!text || !Number.isInteger(pid) || pid < 2) return null;
  const args = await argsOf(pid);
  return args.includes(mark) ? { pid, args } : null;
}

async function argsOf(pid: number): Promise<string[]> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return line.split('\0').slice(0, -1);
}

/** Ends a process and waits until it is gone. */
export async function endProcess(clock: Clock, pid: number, mark: string): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    // Not by the pid file: the process takes that away a little before it ends.
    if (!(await argsOf(pid)).includes(mark)) return;
    kill(pid, turn < 100 ? (turn === 0 ? 'SIGTERM' : 0) : 'SIGKILL');
    await sleep(clock, 10);
  }
}

function kill(pid: number, signal: NodeJS.Signals | 0): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}
