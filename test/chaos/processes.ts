// The processes of one cloud on this machine, found by what they were started with.

import { readdirSync, readFileSync } from 'node:fs';

export interface Process {
  pid: number;
  args: string[];
}

/** Those of a program whose arguments all name `words`, among processes of the cloud in `data`. */
export function processesOf(data: string, program: RegExp, ...words: string[]): Process[] {
  const found: Process[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const args = argsOf(Number(name));
    // The program itself, not one that runs another under its name (setpriv, prlimit).
    if (!program.test(args[0] ?? '')) continue;
    const line = args.join('\n');
    if (line.includes(data) && words.every(word => line.includes(word))) found.push({ pid: Number(name), args });
  }
  return found.sort((a, b) => a.pid - b.pid);
}

function argsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Dies at once, as by an accident. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was gone already.
  }
}
