// `haneul upgrade`: this version takes over from the one that runs, role by role. Clients wait a moment at most, guests
// notice nothing. Run from an older version's directory it goes back, as long as `--finish` was not said.

import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Config, hostNameOf } from '#/platform/config/config.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { systemRun } from '#/platform/process/run.ts';
import { version } from '#/version.ts';
import { connectCloud } from './cloud-client.ts';
import type { Context, DataOption } from './context.ts';
import { readCredentials } from './credentials-files.ts';
import { isAlive, type ProcessName, readJsonFile, stopProcess } from './process-facts.ts';
import { step } from './progress.ts';
import { leaveSignal, rolesOf } from './roles.ts';
import { askHealth, findRunning, untilHostIsUp } from './running.ts';
import { endsFileOf, logOf, patienceMs, type Role } from './supervisor.ts';
import { upgradeTexts as t } from './upgrade-texts.ts';
import { packages, startDetached, tailOf } from './up.ts';

export interface UpgradeOptions extends DataOption {
  yes?: boolean;
  finish?: boolean;
}

/** Loading, tables to be changed, a successor's start and a predecessor's last answers: on a slow machine. */
const withinMs = 180_000;

export async function upgrade(context: Context, options: UpgradeOptions): Promise<number> {
  if (options.finish) return finish(context, options);
  const paths = context.paths(options);
  const before = findRunning(paths);
  const { control, agent } = before.roles;
  if (!control && agent) {
    adoptSettings(context, agent);
    const settings = context.config(paths);
    if (!rolesOf(settings).includes('control')) return upgradeHost(context, options, settings, agent);
  }
  if (!control || !before.url) throw new Problem('conflict', t.nothingRuns, { directory: paths.root });
  adoptSettings(context, control);
  const config = context.config(paths);
  const real = config.simulateHosts === 0;
  if (real && !context.root) throw new Problem('invalid', t.needsRoot);
  const from = await versionAt(before.url);
  if (real) await packages(context, systemRun(createLogger('upgrade', 'silent')), options.yes ?? false);
  if (context.root) keepWaitingConnections();
  await step(context, context.say(t.taking, { from, to: version }), async () => {
    // It goes, and what it kept goes on.
    if (before.supervisor) await stopProcess(before.supervisor, patienceMs, leaveSignal);
    startDetached(context, paths, ['--take-over']);
    await untilFollowed(paths, control);
    if (before.roles.agent) await untilFollowed(paths, before.roles.agent, 'agent');
    const credentials = readCredentials(paths);
    if (real && credentials) await untilHostIsUp(before.url!, credentials);
  });
  context.print(context.say(t.done, { version: await versionAt(before.url) }));
  return 0;
}

/** A machine that is only a host: its agent is followed by this version's; guests are no processes of either. */
async function upgradeHost(
  context: Context,
  options: UpgradeOptions,
  config: Config,
  agent: ProcessName,
): Promise<number> {
  const paths = context.paths(options);
  if (!context.root) throw new Problem('invalid', t.needsRoot);
  const { ownHost } = await import('./own-host.ts');
  const from = (await ownHost(config, paths))?.version ?? '?';
  await packages(context, systemRun(createLogger('upgrade', 'silent')), options.yes ?? false);
  await step(context, context.say(t.taking, { from, to: version }), async () => {
    const { supervisor } = findRunning(paths);
    if (supervisor) await stopProcess(supervisor, patienceMs, leaveSignal);
    startDetached(context, paths, ['--take-over']);
    await untilFollowed(paths, agent, 'agent');
    for (const end = performance.now() + withinMs; ; await pause(200)) {
      const seen = await ownHost(config, paths);
      if (seen?.up && (seen.version ?? version) === version) return;
      if (performance.now() > end)
        throw new Problem('unavailable', t.late, { seconds: withinMs / 1000, log: logOf(paths, 'agent') });
    }
  });
  context.print(context.say(t.hostDone, { name: hostNameOf(config), version }));
  return 0;
}

/** Connections that the predecessor has not taken yet when it stops listening go to the successor (ip-sysctl: tcp_migrate_req). */
function keepWaitingConnections(): void {
  try {
    writeFileSync('/proc/sys/net/ipv4/tcp_migrate_req', '1');
  } catch {
    // A kernel that cannot: one that connects at that very moment may have to do it again.
  }
}

/** What only the version before needed goes; from then on there is no way back. */
async function finish(context: Context, options: DataOption): Promise<number> {
  const cloud = await connectCloud(context, options);
  const { body } = await cloud<{ finished: string[] }>('POST', '/haneul/upgrade/finish');
  const names = body.finished;
  context.print(names.length ? context.say(t.finished, { names }) : context.say(t.nothingToFinish));
  return 0;
}

/** What the running version was told by its command line and environment holds for this one, too. */
function adoptSettings({ env }: Context, { pid }: ProcessName): void {
  for (const line of readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')) {
    const [name, ...value] = line.split('=');
    if (name?.startsWith('HANEUL_')) env[name] ??= value.join('=');
  }
}

/** The version that answers there; `?` when nothing does. */
async function versionAt(url: string): Promise<string> {
  const health = await askHealth(url);
  if (health.state !== 'answers') return '?';
  const reply = (await (await fetch(`${url}/haneul/health`)).json()) as { version?: string };
  return reply.version ?? '?';
}

async function untilFollowed(paths: DataPaths, predecessor: ProcessName, role: Role = 'control'): Promise<void> {
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    const { roles, url } = findRunning(paths);
    const successor = roles[role];
    if (successor && successor.pid !== predecessor.pid && (role === 'agent' || url)) return;
    const ends = readJsonFile(endsFileOf(paths, role)) as { ends: number; why: string } | null;
    if (ends && isAlive(predecessor)) {
      const log = logOf(paths, role);
      throw new Problem('unavailable', t.failed, { why: ends.why, log, tail: tailOf(log) });
    }
    await pause(50);
  }
  throw new Problem('unavailable', t.late, { seconds: withinMs / 1000, log: logOf(paths, role) });
}
