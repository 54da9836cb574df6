// Keeps the control plane and the agent running: starts them, starts them again when they die (0.5 s, doubling to
// 30 s), rotates their logs. They outlive it: when the supervisor is killed they go on, and the next `up` takes over.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Clock, sleep, type Timer } from '#/platform/clock/clock.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import type { Logger } from '#/platform/log/log.ts';
import { toolPath } from '#/platform/process/run.ts';
import { claimPidFile, isAlive, type ProcessName, readPidFile, stopProcess } from './process-facts.ts';
import { programDirectory } from './readable-program.ts';
import { closeLog, openLog, rotateLog } from './rotating-log.ts';
import type { SystemUser } from './users.ts';

export type Role = 'control' | 'agent';
export const roles: readonly Role[] = ['control', 'agent'];

/** How long a role may take to end in order. */
export const patienceMs = 15_000;
const calmMs = 2_000;
const rotateEveryMs = 10_000;
const lookMs = 500;

export interface SupervisorOptions {
  paths: DataPaths;
  /** The readable program: `src/main.ts` is under it. */
  program: string;
  roles: readonly Role[];
  /** Whom `control` runs as; null: the caller. */
  controlUser: SystemUser | null;
  env: Record<string, string | undefined>;
  clock: Clock;
  log: Logger;
  /** Roles that run already are not stopped first: this version's take over from them, one by one. */
  takeOver?: boolean;
}

export interface Supervisor {
  /** Ends the roles, too. */
  stop(): Promise<void>;
  /** The roles go on, for another supervisor. */
  leave(): void;
}

/** Small heaps: a control plane that idles should not cost a guest its memory. */
const nodeFlags = ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4', '--v8-pool-size=1'];

/** Starts the roles; those that an earlier supervisor left are stopped before, or taken over from. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { paths, clock, log, takeOver = false } = options;
  if (!takeOver) {
    await stopRoles(paths);
    rmSync(paths.ready, { force: true });
  }
  if (takeOver || (options.controlUser && !existsSync(controlCache(paths))))
    await Promise.all(options.roles.map(role => compile(role, options)));
  const keepers: Keeper[] = [];
  let following = takeOver;
  for (const role of options.roles) {
    const before = takeOver ? readPidFile(pidFileOf(paths, role)) : null;
    const keeper = keep(role, options, before, following);
    keepers.push(keeper);
    // Where one could not take over, those behind it stay what they are.
    following &&= await keeper.followed;
  }
  let timer: Timer | null = null;
  function rotate(): void {
    for (const role of options.roles) {
      try {
        rotateLog(logOf(paths, role));
      } catch (err) {
        log.warn({ err, of: role }, 'the log could not be rotated');
      }
    }
    timer = clock.after(rotateEveryMs, rotate);
  }
  rotate();
  return {
    async stop() {
      timer?.cancel();
      // The agent first: it keeps its last plan, and the control plane then sees it leave in order.
      for (const keeper of keepers.toReversed()) await keeper.stop();
      rmSync(paths.ready, { force: true });
    },
    leave() {
      timer?.cancel();
      for (const keeper of keepers) keeper.leave();
    },
  };
}

/** Where the supervisor notes how often a role ended unasked since it was started, and why last. */
export function endsFileOf(paths: DataPaths, role: Role): string {
  return join(paths.supervisor, `${role}.ends.json`);
}

export function pidFileOf(paths: DataPaths, role: Role | 'supervisor' | 'up'): string {
  return join(paths.supervisor, `${role}.pid`);
}

export function logOf(paths: DataPaths, role: Role | 'supervisor'): string {
  return join(paths.log, `${role}.log`);
}

/** Ends the roles that run on this data directory, whoever started them. @returns those that ran */
export async function stopRoles(paths: DataPaths): Promise<Role[]> {
  const stopped: Role[] = [];
  for (const role of roles.toReversed()) {
    const name = readPidFile(pidFileOf(paths, role));
    if (!name) continue;
    await stopProcess(name, patienceMs);
    rmSync(pidFileOf(paths, role), { force: true });
    stopped.push(role);
  }
  return stopped;
}

/** The 19 MiB that a password's hash takes go back to the system at once (glibc, mallopt(3)). */
const mallocSettings = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '1048576',
  MALLOC_TRIM_THRESHOLD_: '1048576',
};

/** The environment of a role: its own options, language and path, nothing else of the caller's. */
function environmentOf(role: Role, { env, paths, controlUser }: SupervisorOptions): Record<string, string> {
  const own: Record<string, string> = { PATH: toolPath, HOME: '/', ...mallocSettings };
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && (name.startsWith('HANEUL_') || name === 'LANG' || name === 'LC_ALL' || name === 'TZ'))
      own[name] = value;
  // Compiled code spares a start half a second and 20 MB; another user cannot write where ours is.
  own.NODE_COMPILE_CACHE =
    role === 'control' && controlUser
      ? controlCache(paths)
      : (env.NODE_COMPILE_CACHE ?? join(programDirectory, 'node_modules/.cache/compile'));
  return own;
}

/** Compiled code of the control plane, where it runs as a user of its own. */
function controlCache({ cache }: DataPaths): string {
  return join(cache, 'compile');
}

/** Fills a role's cache from a process that ends, for one that compiles keeps the compiler's memory as long as it runs. */
function compile(role: Role, options: SupervisorOptions): Promise<void> {
  const child = spawnRole(role, options, 'ignore', ['--compile-only']);
  return new Promise(resolve => {
    const timer = options.clock.after(patienceMs, () => child.kill('SIGKILL'));
    const ended = (): void => {
      timer.cancel();
      resolve();
    };
    child.on('error', ended);
    child.on('exit', ended);
  });
}

function spawnRole(
  role: Role,
  options: SupervisorOptions,
  output: number | 'ignore',
  more: string[] = [],
): ChildProcess {
  const { paths, program, controlUser } = options;
  const user = role === 'control' && controlUser ? { uid: controlUser.uid, gid: controlUser.gid } : {};
  return spawn(
    nodeOf(program),
    [...nodeFlags, join(program, 'src/main.ts'), 'role', role, '--data', paths.root, ...more],
    {
      cwd: '/',
      env: environmentOf(role, options),
      // Its own session: neither Ctrl-C nor the end of a terminal reaches it.
      detached: true,
      stdio: ['ignore', output, output],
      ...user,
    },
  );
}

/** This node, from the readable program: the original may lie where the control plane's user cannot reach it. */
function nodeOf(program: string): string {
  const own = join(program, relative(programDirectory, process.execPath));
  return own.startsWith(program) && existsSync(own) ? own : process.execPath;
}

interface Keeper extends Supervisor {
  /** Whether the role runs in place of the one before it. */
  followed: Promise<boolean>;
}

/** @param before a process of that role that runs already, to be followed by one of this version or else only watched */
function keep(role: Role, options: SupervisorOptions, before: ProcessName | null, following: boolean): Keeper {
  const { paths, clock, log } = options;
  const pidFile = pidFileOf(paths, role);
  let child: ChildProcess | null = null;
  let retry: Timer | null = null;
  let delayMs = 500;
  let stopping = false;
  let ends = 0;
  rmSync(endsFileOf(paths, role), { force: true });

  function start(more: string[] = []): ChildProcess {
    const output = openLog(logOf(paths, role));
    const startedAt = clock.monotonic();
    const started = spawnRole(role, options, output, more);
    closeLog(output);
    child = started;
    if (started.pid) claimPidFile(pidFile, started.pid);
    let over = false;
    const ended = (why: string): void => {
      if (over) return;
      over = true;
      child = null;
      if (readPidFile(pidFile) === null) rmSync(pidFile, { force: true });
      if (stopping) return;
      if (clock.monotonic() - startedAt > calmMs) delayMs = 500;
      writeWholeSync(endsFileOf(paths, role), JSON.stringify({ ends: ++ends, why }));
      if (before && isAlive(before)) {
        log.warn({ of: role, why, pid: before.pid }, 'a role could not take over; the one before it goes on');
        return watch(before);
      }
      log.warn({ of: role, why, againInMs: delayMs }, 'a role ended and is started again');
      retry = clock.after(delayMs, start);
      delayMs = Math.min(delayMs * 2, 5_000);
    };
    started.on('error', err => ended(err.message));
    started.on('exit', (status, signal) => ended(signal ?? `status ${status}`));
    log.info({ of: role, pid: started.pid }, 'a role was started');
    return started;
  }

  /** One that another supervisor started: its end is seen by looking. */
  function watch(name: ProcessName): void {
    retry = clock.after(lookMs, () => (isAlive(name) ? watch(name) : void start()));
  }

  /** The role's successor takes over from it; the agent's is started when it has gone, for a host has one agent. */
  async function follow(name: ProcessName): Promise<boolean> {
    if (role === 'agent') await stopProcess(name, patienceMs);
    const successor = start(role === 'agent' ? [] : ['--take-over', JSON.stringify(name)]);
    while (child === successor && claimPidFile(pidFile, successor.pid)) await sleep(clock, 50);
    return child === successor;
  }

  if (!before) start();
  else if (!following) watch(before);
  return {
    followed: before && following ? follow(before) : Promise.resolve(true),
    leave() {
      stopping = true;
      retry?.cancel();
    },
    async stop() {
      stopping = true;
      retry?.cancel();
      const name: ProcessName | null = readPidFile(pidFile);
      if (name && !(await stopProcess(name, patienceMs)))
        log.warn({ of: role }, 'a role did not end in time and was killed');
      rmSync(pidFile, { force: true });
    },
  };
}
