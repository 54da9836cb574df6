// The processes behind `up`: the control plane, the agent and the supervisor that keeps them.

import { rmSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { systemClock } from '#/platform/clock/clock.ts';
import type { Config } from '#/platform/config/config.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { createLogger, type Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { systemRun } from '#/platform/process/run.ts';
import { version } from '#/version.ts';
import type { Context } from './context.ts';
import { runsBus } from './cluster-roles.ts';
import { loadCloud, loadHost } from './parts.ts';
import { claimPidFile, isAlive, type ProcessName, stopProcess } from './process-facts.ts';
import { programDirectory, readableProgram } from './readable-program.ts';
import { patienceMs, pidFileOf, type Role, startSupervisor, type Supervisor } from './supervisor.ts';
import { cliTexts as t } from './texts.ts';
import { busUserName, controlUserName, findUser, guestUserName } from './users.ts';

export interface RoleOptions {
  data: string;
  compileOnly?: boolean;
  /** From those that run. A control plane is told from which process, as JSON: its user may not read the pid file. */
  takeOver?: string | true;
}

/** Asks a control plane to hand over to its successor, and a supervisor to leave its roles to another. */
export const leaveSignal = 'SIGUSR2';

/** Runs until a signal asks it to end; or only loads its code, so that node keeps it compiled. */
export async function runRole(
  context: Context,
  role: 'control' | 'agent' | 'supervisor',
  { data, compileOnly = false, takeOver }: RoleOptions,
): Promise<number> {
  if (compileOnly) {
    await (role === 'agent' ? loadHost() : loadCloud());
    return 0;
  }
  const paths = context.paths({ data });
  const config = context.config(paths);
  const log = createLogger(role, config.logLevel);
  const ending = untilSignal();
  // The clock's timers keep no process alive, and at times (no connection, no child) there is nothing else.
  const alive = setInterval(() => {}, 1 << 30);
  try {
    const close = await start();
    log.info(`${role} started`);
    // Now, for a killed process writes nothing, and the next start shall be a quick one.
    flushCompileCache();
    const signal = await ending;
    log.info({ signal }, `${role} stopping`);
    await close(signal);
    return 0;
  } catch (thrown) {
    log.error({ err: thrown }, `${role} failed`);
    throw thrown;
  } finally {
    clearInterval(alive);
    // Whatever is still open, also after half a start, must not keep the process: the supervisor waits for its end.
    setTimeout(() => process.exit(), 2000).unref();
  }

  function start(): Promise<Close> {
    if (role === 'control') return startControl();
    return role === 'agent' ? startAgent() : supervise(context, paths.root, log, takeOver !== undefined);
  }
  async function startControl(): Promise<Close> {
    const { startCloud } = await loadCloud();
    const cloud = await startCloud({
      config,
      dataDirectory: paths.root,
      log,
      ...(typeof takeOver !== 'string' ? {} : { takeOver: () => sendAway(JSON.parse(takeOver) as ProcessName) }),
    });
    return signal => cloud.close(signal === leaveSignal);
  }
  async function startAgent(): Promise<() => Promise<void>> {
    const guestUser = await guestUserOf(log);
    const host = await loadHost();
    const agent = await host.startAgent({ version, config, dataDirectory: paths.root, log, guestUser });
    return () => agent.close();
  }
}

type Close = (signal: NodeJS.Signals) => Promise<void>;

/** Returns when the process has handed over and gone. @throws Problem when it does not go: two must not run */
async function sendAway(name: ProcessName): Promise<void> {
  await stopProcess(name, patienceMs, leaveSignal);
  if (isAlive(name)) throw new Problem('unavailable', t.staysOn, { pid: name.pid });
}

/** @throws Problem when `up` has not made it yet */
export async function guestUserOf(log: Logger): Promise<{ uid: number; gid: number }> {
  const user = await findUser(systemRun(log), guestUserName);
  if (!user) throw new Problem('unavailable', t.noUser, { user: guestUserName });
  return { uid: user.uid, gid: user.gid };
}

/** Claims the data directory and starts its roles. @throws Problem conflict when another supervisor has it */
export async function supervise(context: Context, data: string, log: Logger, takeOver = false): Promise<Close> {
  const paths = context.paths({ data });
  const config = context.config(paths);
  const pidFile = pidFileOf(paths, 'supervisor');
  const owner = claimPidFile(pidFile);
  if (owner) throw new Problem('conflict', t.supervised, { directory: paths.root, pid: owner.pid });
  const real = config.simulateHosts === 0;
  const controlUser = real && context.root ? await findUser(systemRun(log), controlUserName) : null;
  // Before those who meet on it; it needs nobody.
  const bus = real && runsBus(config) ? await keepBus(config, paths, log) : null;
  const endRenewal = real && config.clusterAddress !== null ? await keepRenewed(config, paths, log) : null;
  const supervisor = await startSupervisor({
    paths,
    program: controlUser ? readableProgram(paths.root) : programDirectory,
    roles: real ? rolesOf(config) : ['control'],
    controlUser,
    env: context.env,
    clock: systemClock(),
    log,
    takeOver,
  });
  return async signal => {
    endRenewal?.();
    if (signal === leaveSignal) {
      supervisor.leave();
      bus?.leave();
    } else {
      await supervisor.stop();
      await bus?.stop();
    }
    rmSync(pidFile, { force: true });
  };
}

/** The processes that this machine's roles are done by. */
export function rolesOf({ roles }: Pick<Config, 'roles'>): Role[] {
  return [
    ...(roles.some(role => role !== 'host') ? (['control'] as const) : []),
    ...(roles.includes('host') ? (['agent'] as const) : []),
  ];
}

/** @throws Problem when `up` has not made its user yet */
async function keepBus(config: Config, paths: DataPaths, log: Logger): Promise<Supervisor> {
  const user = await findUser(systemRun(log), busUserName);
  if (!user) throw new Problem('unavailable', t.noUser, { user: busUserName });
  const { keepBusServer } = await import('./bus-server.ts');
  return keepBusServer({ paths, config, user, clock: systemClock(), log });
}

async function keepRenewed(config: Config, paths: DataPaths, log: Logger): Promise<() => void> {
  const { keepCertificates } = await import('./renewal.ts');
  const run = systemRun(log);
  const users = { control: await findUser(run, controlUserName), bus: await findUser(run, busUserName) };
  return keepCertificates({ config, paths, users, clock: systemClock(), log });
}

/** The first signal to end. A second one ends at once. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let asked = false;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', leaveSignal] as const)
      process.on(signal, () => {
        if (asked && signal !== 'SIGHUP') process.exit(1);
        asked = true;
        resolve(signal);
      });
  });
}
