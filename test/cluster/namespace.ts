// A machine in a box: a network, mount, pid and host name of its own, held by a process that ends with the one that made
// it. When that is killed, everything in the box is gone, as by a power cut.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type Ran, run } from '../scenarios/haneul.ts';

export interface Box {
  /** For `ip link set … netns`. */
  pid: number;
  /** What enters the box, before a command's own words. */
  enter: string[];
  /** Runs a command in it. @throws Error when it fails, unless told to allow it */
  run(command: string[], options?: Parameters<typeof run>[1]): Promise<Ran>;
  /** At once, and all that runs in it. */
  end(): Promise<void>;
}

export async function openBox(name: string): Promise<Box> {
  // tini reaps; cat ends when this process does, however that ends, and with it the box.
  const words = [
    '--mount',
    '--uts',
    '--net',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--propagation=private',
  ];
  const keeper = spawn('unshare', [...words, '--', 'tini', '--', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
  keeper.stdin.on('error', () => {});
  // A test that failed half-way does not wait for its machines.
  keeper.unref();
  (keeper.stdin as unknown as Socket).unref();
  const ended = new Promise<void>(resolve => keeper.once('close', () => resolve()));
  const first = await entered(keeper);
  const pid = keeper.pid!;
  const at = (kind: string): string => `/proc/${pid}/ns/${kind}`;
  const enter = [
    'nsenter',
    `--mount=${at('mnt')}`,
    `--uts=${at('uts')}`,
    `--net=${at('net')}`,
    `--pid=${at('pid_for_children')}`,
    '--',
  ];
  const box: Box = {
    pid,
    enter,
    run: (command, options) => run([...enter, ...command], options),
    async end() {
      keeper.ref();
      // The kernel ends all others before it lets go of process 1.
      if (keeper.exitCode === null && keeper.signalCode === null) process.kill(first, 'SIGKILL');
      await ended;
    },
  };
  await box.run(['hostname', name]);
  await box.run(['mount', '-t', 'sysfs', 'sysfs', '/sys']);
  await box.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run']);
  await box.run(['mkdir', '-p', '/run/netns', '/run/lock']);
  await box.run(['ip', 'link', 'set', 'lo', 'up']);
  return box;
}

/** Until its process 1 runs: only then are all its namespaces there. @returns that process, as seen from here */
async function entered(keeper: ChildProcess): Promise<number> {
  const own = readlinkSync('/proc/self/ns/net');
  const path = `/proc/${keeper.pid}/ns/pid_for_children`;
  for (let tries = 0; tries < 400; tries++) {
    if (keeper.exitCode !== null) break;
    const child = existsSync(path) && readlinkSync(`/proc/${keeper.pid}/ns/net`) !== own && firstOf(keeper.pid!);
    if (child) return child;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  throw new Error('a machine in a box did not start: it needs root, unshare and tini');
}

function firstOf(pid: number): number | null {
  const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return child !== '' && readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'tini' ? Number(child) : null;
}
