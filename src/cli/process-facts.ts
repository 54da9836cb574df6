// What /proc says about processes, and pid files that cannot be fooled by a reused number.

import { constants, closeSync, linkSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** A process, named so that no later process can be mistaken for it. */
export interface ProcessName {
  pid: number;
  /** Clock ticks since boot, and which boot. */
  startTime: string;
  boot: string;
}

export function nameProcess(pid: number): ProcessName | null {
  const startTime = startTimeOf(pid);
  return startTime === null ? null : { pid, startTime, boot: bootId() };
}

export function isAlive({ pid, startTime, boot }: ProcessName): boolean {
  return boot === bootId() && startTimeOf(pid) === startTime;
}

function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything; what follows the last one is fields 3 and on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The process that a pid file names, if it still runs. */
export function readPidFile(path: string): ProcessName | null {
  const name = readJsonFile(path) as Partial<ProcessName> | null;
  if (!name || !Number.isSafeInteger(name.pid) || name.pid! < 2) return null;
  return isAlive(name as ProcessName) ? (name as ProcessName) : null;
}

/** Writes this process (or `pid`) into a pid file, in place of a dead one's. @returns the living owner, when there is another */
export function claimPidFile(path: string, pid = process.pid): ProcessName | null {
  const fresh = `${path}.${process.pid}`;
  writeFileSync(fresh, JSON.stringify(nameProcess(pid)), { mode: 0o644 });
  try {
    for (let tries = 0; tries < 3; tries++) {
      try {
        linkSync(fresh, path);
        return null;
      } catch (err) {
        if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
      }
      const owner = readPidFile(path);
      if (owner) return owner.pid === pid ? null : owner;
      rmSync(path, { force: true });
    }
    return readPidFile(path);
  } finally {
    rmSync(fresh, { force: true });
  }
}

/** JSON that a less privileged process may have written: no link is followed, at most 64 KiB are read. Null when it is none. */
export function readJsonFile(path: string): unknown {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const bytes = Buffer.alloc(65_536);
      return JSON.parse(bytes.subarray(0, readSync(file, bytes)).toString());
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

/** Asks a process to end, and ends it after `patienceMs`. @returns false when it had to be killed */
export async function stopProcess(
  name: ProcessName,
  patienceMs: number,
  asking: NodeJS.Signals = 'SIGTERM',
): Promise<boolean> {
  signal(name, asking);
  for (let waited = 0; waited < patienceMs; waited += 50) {
    if (!isAlive(name)) return true;
    await pause(50);
  }
  if (!isAlive(name)) return true;
  signal(name, 'SIGKILL');
  for (let waited = 0; waited < 5000 && isAlive(name); waited += 50) await pause(50);
  return false;
}

function signal(name: ProcessName, which: NodeJS.Signals): void {
  if (!isAlive(name)) return;
  try {
    process.kill(name.pid, which);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ESRCH') throw err;
  }
}

/** Memory that is really this process's share, in KiB (PSS); null when it may not be read. */
export function pssKibOf(pid: number): number | null {
  try {
    const found = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return found ? Number(found[1]) : null;
  } catch {
    return null;
  }
}
