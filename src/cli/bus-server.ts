// The NATS server of a cluster's first machine, under the supervisor: started as a user of its own, again when it dies,
// and told when machines come and go. It goes on when the supervisor does not, and the next one finds it.

import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { tlsFilesIn } from '#/platform/bus/nats/configured.ts';
import { type BusMember, natsServerConfig } from '#/platform/bus/nats/server-config.ts';
import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Config } from '#/platform/config/config.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import type { Logger } from '#/platform/log/log.ts';
import { toolPath } from '#/platform/process/run.ts';
import { claimPidFile, type ProcessName, readPidFile, stopProcess } from './process-facts.ts';
import { closeLog, openLog, rotateLog } from './rotating-log.ts';
import type { Supervisor } from './supervisor.ts';
import type { SystemUser } from './users.ts';

export interface BusServerOptions {
  paths: DataPaths;
  config: Config;
  user: SystemUser;
  clock: Clock;
  log: Logger;
}

const program = 'nats-server';
const lookMs = 300;
const firstDelayMs = 500;
const longestDelayMs = 5_000;
const calmMs = 2_000;
/** 64 KiB hold some five hundred machines; nobody fills the memory of a process with root. */
const membersBytes = 4 << 20;

export function keepBusServer({ paths, config, user, clock, log }: BusServerOptions): Supervisor {
  const pidFile = busPidFile(paths);
  const file = join(paths.bus, 'nats-server.conf');
  let timer: Timer | null = null;
  let stopping = false;
  let delayMs = firstDelayMs;
  let notBefore = 0;
  let seen = '';
  let written = '';

  /** Every look at once: whether it lives, and whether it knows all who may speak. */
  function look(): void {
    try {
      const changed = configure();
      const running = readPidFile(pidFile);
      if (running && clock.monotonic() > notBefore + calmMs) delayMs = firstDelayMs;
      if (running && changed) process.kill(running.pid, 'SIGHUP');
      else if (!running && clock.monotonic() >= notBefore) start();
      rotateLog(busLog(paths));
    } catch (err) {
      log.warn({ err }, 'looking after the bus');
    }
    if (!stopping) timer = clock.after(lookMs, look);
  }

  /** @returns whether the configuration is another than before */
  function configure(): boolean {
    const { mtimeNs, size } = statSync(paths.busMembers, { bigint: true, throwIfNoEntry: false }) ?? {};
    const stamp = `${mtimeNs} ${size}`;
    if (stamp === seen) return false;
    seen = stamp;
    const listen = `${config.clusterAddress!.includes(':') ? `[${config.clusterAddress}]` : config.clusterAddress}:${config.busPort}`;
    const members = readMembers(paths.busMembers, size ?? 0n);
    const text = natsServerConfig({ listen, tls: tlsFilesIn(paths.bus), members });
    if (text === written) return false;
    writeWholeSync(file, text);
    chownSync(file, user.uid, user.gid);
    written = text;
    return true;
  }

  function start(): void {
    const output = openLog(busLog(paths));
    const child: ChildProcess = spawn(program, ['-c', file], {
      cwd: '/',
      env: { PATH: toolPath },
      detached: true,
      stdio: ['ignore', output, output],
      uid: user.uid,
      gid: user.gid,
    });
    closeLog(output);
    notBefore = clock.monotonic() + delayMs;
    delayMs = Math.min(delayMs * 2, longestDelayMs);
    child.on('error', err => log.error({ err }, 'the bus could not be started'));
    child.on('exit', (status, signal) => {
      if (stopping) return;
      log.warn({ status, signal }, 'the bus ended and is started again');
      rmSync(pidFile, { force: true });
    });
    child.unref();
    if (child.pid) claimPidFile(pidFile, child.pid);
    log.info({ pid: child.pid }, 'the bus was started');
  }

  look();
  return {
    async stop() {
      stopping = true;
      timer?.cancel();
      await stopBusServer(paths);
    },
    leave() {
      stopping = true;
      timer?.cancel();
    },
  };
}

export function findBusServer(paths: DataPaths): ProcessName | null {
  return readPidFile(busPidFile(paths));
}

/** @returns whether it ran */
export async function stopBusServer(paths: DataPaths): Promise<boolean> {
  const running = findBusServer(paths);
  if (running) await stopProcess(running, 5_000);
  rmSync(busPidFile(paths), { force: true });
  return running !== null;
}

function busPidFile({ supervisor }: DataPaths): string {
  return join(supervisor, 'bus.pid');
}

function busLog({ log }: DataPaths): string {
  return join(log, 'bus.log');
}

/** Written by a process with fewer rights: taken for what it may be, and for nothing else. */
function readMembers(path: string, size: bigint): BusMember[] {
  if (size === 0n || size > membersBytes) return [];
  const list = JSON.parse(readFileSync(path, 'utf8')) as unknown;
  if (!Array.isArray(list)) return [];
  return (list as Partial<BusMember>[]).flatMap(({ user, token }) =>
    typeof user === 'string' &&
    /^[0-9a-f]{16}\.machine\.haneul$/.test(user) &&
    (token === null || (typeof token === 'string' && /^[\w:-]{1,400}$/.test(token)))
      ? [{ user, token }]
      : [],
  );
}
