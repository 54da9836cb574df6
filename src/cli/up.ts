// `haneul up`: makes this machine a cloud, or says that it is one. Run twice, it does no harm.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isAddress } from '#/platform/config/formats.ts';
import type { Config, ConfigOverrides } from '#/platform/config/config.ts';
import { hostNameOf, publicUrlOf } from '#/platform/config/config.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type Run, systemRun } from '#/platform/process/run.ts';
import { isFirstMachine, runsBus } from './cluster-roles.ts';
import type { Context, DataOption } from './context.ts';
import { readCredentials, writeCredentialsFiles } from './credentials-files.ts';
import { ensureDataDirectory } from './data-directory.ts';
import { stopCloud } from './down.ts';
import {
  busPackage,
  installPackages,
  isDebian,
  missingPackages,
  missingPrograms,
  neededPackages,
} from './debian-packages.ts';
import { loadGuestImages } from './parts.ts';
import { claimPidFile, readJsonFile } from './process-facts.ts';
import { confirm, step, type Tell } from './progress.ts';
import { programDirectory } from './readable-program.ts';
import { leaveSignal, rolesOf, supervise, untilSignal } from './roles.ts';
import { openLog } from './rotating-log.ts';
import { askHealth, findRunning, untilHostIsUp } from './running.ts';
import { endsFileOf, logOf, pidFileOf, stopRoles } from './supervisor.ts';
import { machineTexts as ct } from './machine-texts.ts';
import { cliTexts as t } from './texts.ts';
import { busUserName, controlUserName, ensureUser, guestUserName } from './users.ts';

export interface UpOptions extends DataOption {
  listen?: string;
  detach?: boolean;
  simulate?: string;
  yes?: boolean;
}

/** A slow disk or an emulated processor may take its time. */
const readyWithinSeconds = 180;
/** A control plane that ends so often before it ever answered will not answer. */
const failuresLimit = 3;

export async function up(context: Context, options: UpOptions): Promise<number> {
  const paths = context.paths(options);
  const overrides = overridesOf(options);
  if (overrides.listen_port === 0) overrides.listen_port = await freePort(overrides.listen_address!);
  const config = context.config(paths, overrides);
  const real = config.simulateHosts === 0;
  if (real && !context.root) throw new Problem('invalid', t.needsRoot);
  // What the command line said must hold for the roles too, also when they are started again.
  for (const [name, value] of Object.entries(overrides))
    if (value !== undefined) context.env[`HANEUL_${name.toUpperCase()}`] = String(value);

  const before = findRunning(paths);
  const control = !real || rolesOf(config).includes('control');
  if (before.supervisor && before.url && (await askHealth(before.url)).state === 'answers') {
    await summary(context, paths, config, before.url, t.alreadyUp);
    return 0;
  }
  const run = systemRun(createLogger('up', 'silent'));
  if (real) await packages(context, run, options.yes ?? false, runsBus(config) ? [busPackage] : []);
  await step(context, context.say(t.directoryStep, { directory: paths.root }), async () => {
    const owner = real ? await ensureUser(run, controlUserName) : null;
    if (real) await ensureUser(run, guestUserName);
    ensureDataDirectory(paths, owner, context.language);
    if (owner && isFirstMachine(config)) {
      const { ensureClusterFiles } = await import('./cluster-files.ts');
      await ensureClusterFiles(config, paths, { control: owner, bus: await ensureUser(run, busUserName) });
    }
  });
  const other = claimPidFile(pidFileOf(paths, 'up'));
  if (other) throw new Problem('conflict', t.anotherUp, { pid: other.pid, directory: paths.root });
  try {
    if (real && control && config.clusterServers.length === 0)
      await step(context, context.say(t.guestImage), tell => guestImage(context, paths, run, tell));
    return await start(context, paths, config, options.detach ?? false);
  } finally {
    rmSync(pidFileOf(paths, 'up'), { force: true });
  }
}

async function start(context: Context, paths: DataPaths, config: Config, detach: boolean): Promise<number> {
  const now = findRunning(paths);
  if (!now.supervisor) {
    if (now.roles.control || now.roles.agent) {
      await stopRoles(paths);
      context.print(context.say(t.tookOver));
    }
    if (config.simulateHosts > 0 || rolesOf(config).includes('control')) await checkListen(config);
  }
  if (now.supervisor || detach) {
    const url = await step(context, context.say(t.starting), async () => {
      if (now.supervisor) return untilReady(paths, config);
      // What an earlier run noted says nothing about this one.
      rmSync(endsFileOf(paths, 'control'), { force: true });
      startDetached(context, paths);
      try {
        return await untilReady(paths, config);
      } catch (thrown) {
        await stopCloud(context, paths, 'up');
        throw thrown;
      }
    });
    await summary(context, paths, config, url!, now.supervisor ? t.alreadyUp : t.ready);
    return 0;
  }
  const given = { up: false };
  // As in a role: between two starts of a child nothing else keeps this process.
  const alive = setInterval(() => {}, 1 << 30);
  const ending = untilSignal().finally(() => (given.up = true));
  let close: Awaited<ReturnType<typeof supervise>> | undefined;
  let signal: NodeJS.Signals = 'SIGTERM';
  try {
    const url = await step(context, context.say(t.starting), async () => {
      close = await supervise(context, paths.root, createLogger('supervisor', 'silent'));
      return untilReady(paths, config, given);
    });
    rmSync(pidFileOf(paths, 'up'), { force: true });
    if (url) {
      await summary(context, paths, config, url, t.ready);
      context.print(context.say(t.stopWith));
      signal = await ending;
    }
    context.print(context.say(signal === leaveSignal ? t.left : t.stopping));
  } finally {
    await close?.(signal);
    clearInterval(alive);
  }
  return 0;
}

export function startDetached(context: Context, paths: DataPaths, more: string[] = []): void {
  const output = openLog(logOf(paths, 'supervisor'));
  // What this process has compiled, the supervisor need not.
  flushCompileCache();
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--max-semi-space-size=1',
      join(programDirectory, 'src/main.ts'),
      'role',
      'supervisor',
      '--data',
      paths.root,
      ...more,
    ],
    {
      cwd: '/',
      env: context.env,
      detached: true,
      stdio: ['ignore', output, output],
    },
  );
  child.unref();
  closeSync(output);
}

function overridesOf({ listen, simulate }: UpOptions): ConfigOverrides {
  const overrides: ConfigOverrides = {};
  if (listen !== undefined) {
    const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(listen) ?? [];
    const address = bracketed ?? plain;
    if (!address || !isAddress(address) || Number(port) > 65_535)
      throw new Problem('invalid', t.badListen, { value: listen });
    overrides.listen_address = address;
    overrides.listen_port = Number(port);
  }
  if (simulate !== undefined) {
    if (!/^\d{1,5}$/.test(simulate) || Number(simulate) < 1 || Number(simulate) > 10_000)
      throw new Problem('invalid', t.badNumber, { option: '--simulate', value: simulate, minimum: 1, maximum: 10_000 });
    overrides.simulate_hosts = Number(simulate);
  }
  return overrides;
}

export async function packages(context: Context, run: Run, yes: boolean, more: string[] = []): Promise<void> {
  if (!isDebian()) {
    const programs = missingPrograms();
    if (programs.length > 0) throw new Problem('unavailable', t.missingPrograms, { programs });
    return;
  }
  const missing = await missingPackages(run, [...neededPackages(), ...more]);
  if (missing.length > 0 && !yes && !(await confirm(context.say(t.askInstall, { packages: missing }), true)))
    throw new Problem('unavailable', t.notInstalled);
  await step(context, context.say(t.packages), async tell => {
    if (missing.length === 0) return;
    tell(context.say(t.installing, { packages: missing }));
    await installPackages(run, missing);
  });
}

/** Built once and kept; the control plane takes it in. A machine that it cannot be built for has a cloud without it. */
async function guestImage(context: Context, paths: DataPaths, run: Run, tell: Tell): Promise<void> {
  if (existsSync(join(paths.guestImages, 'manifest.json'))) return;
  const { buildTinyImage } = await loadGuestImages();
  const log = createLogger('up', 'silent');
  const progress = (what: string, done: number, of: number): void => tell(what, done / of);
  try {
    await buildTinyImage({
      outDirectory: paths.guestImages,
      cacheDirectory: join(paths.guestImages, 'packages'),
      run,
      log,
      progress,
    });
  } catch (err) {
    if (!(err instanceof Problem && err.kind === 'unsupported')) throw err;
    tell(err.say(context.language));
  }
}

/** A port that nothing listens on now. */
async function freePort(address: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen({ host: address, port: 0 }, resolve),
  );
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** @throws Problem unavailable when the control plane could not listen there */
export async function checkListen({
  listenAddress: address,
  listenPort: port,
}: Pick<Config, 'listenAddress' | 'listenPort'>): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen({ host: address, port, exclusive: true }, resolve),
    );
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const facts = { address, port, other: port < 65_535 ? port + 1 : 8701 };
    const text = code === 'EADDRINUSE' ? t.portInUse : code === 'EACCES' ? t.notAllowedPort : t.cannotListen;
    throw new Problem('unavailable', text, facts, { cause });
  }
  await new Promise(resolve => server.close(resolve));
}

/** The URL, once the control plane answers; null when `given.up` before. */
async function untilReady(paths: DataPaths, config: Config, given = { up: false }): Promise<string | null> {
  if (config.simulateHosts === 0 && !rolesOf(config).includes('control')) return untilHostJoined(paths, config, given);
  const end = performance.now() + readyWithinSeconds * 1000;
  const log = logOf(paths, 'control');
  while (performance.now() < end) {
    if (given.up) return null;
    const ends = readJsonFile(endsFileOf(paths, 'control')) as { ends: number; why: string } | null;
    if (ends && ends.ends >= failuresLimit)
      throw new Problem('unavailable', t.keepsEnding, { why: ends.why, log, tail: tailOf(log) });
    const { url } = findRunning(paths);
    if (url && readCredentials(paths)) {
      writeCredentialsFiles(
        paths,
        readCredentials(paths)!,
        config.publicUrl ? publicUrlOf(config) : url,
        config.regionName,
      );
      // One that never comes is told of by `status`; what else the cloud can do, it does.
      if (config.simulateHosts === 0) await untilHostIsUp(url, readCredentials(paths)!);
      return url;
    }
    await pause(50);
  }
  throw new Problem('unavailable', t.notReady, { seconds: readyWithinSeconds, log, tail: tailOf(log) });
}

/** The cloud's address, once it sees this machine's host as up; null when `given.up` before. */
async function untilHostJoined(paths: DataPaths, config: Config, given: { up: boolean }): Promise<string | null> {
  const { ownHost } = await import('./own-host.ts');
  const end = performance.now() + readyWithinSeconds * 1000;
  const log = logOf(paths, 'agent');
  while (performance.now() < end) {
    if (given.up) return null;
    const seen = await ownHost(config, paths);
    if (seen?.up) return seen.server;
    await pause(200);
  }
  throw new Problem('unavailable', t.notReady, { seconds: readyWithinSeconds, log, tail: tailOf(log) });
}

/** The last lines of a log that are not about requests. */
export function tailOf(path: string): string {
  return existsSync(path)
    ? readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .filter(line => !line.includes('"msg":"request"'))
        .slice(-8)
        .map(line => line.slice(0, 400))
        .join('\n')
    : '-';
}

async function summary(
  context: Context,
  paths: DataPaths,
  config: Config,
  url: string,
  heading: typeof t.ready,
): Promise<void> {
  const { print, say } = context;
  if (config.simulateHosts === 0 && !rolesOf(config).includes('control')) {
    print(`\n${say(ct.hostOf, { name: hostNameOf(config), server: url, offers: config.hostOffers })}`);
    return;
  }
  const credentials = readCredentials(paths);
  const rows: [string, string][] = [[say(t.api), config.publicUrl ?? url]];
  if (credentials) {
    rows.push([say(t.user), `${credentials.username} (${credentials.project}, ${credentials.domain})`]);
    // A terminal's screen is for its user; a log or a pipe may be for many.
    rows.push([
      say(t.password),
      process.stdout.isTTY ? credentials.password : say(t.passwordIn, { file: paths.cloudsYaml }),
    ]);
  }
  rows.push([say(t.clouds), `${paths.cloudsYaml}, ${paths.openrc}`]);
  rows.push([say(t.next), `export OS_CLIENT_CONFIG_FILE=${paths.cloudsYaml} OS_CLOUD=haneul; openstack server list`]);
  const width = Math.max(...rows.map(([name]) => columns(name)));
  print(`\n${say(heading)}\n`);
  for (const [name, value] of rows) print(`  ${name}${' '.repeat(width - columns(name))}  ${value}`);
  const health = await askHealth(url, readCredentials(paths));
  const emulated = health.state === 'answers' && health.status.hosts?.some?.(host => host.accelerator === 'tcg');
  print('');
  if (emulated) print(say(t.tcgWarning));
}

/** Columns on a terminal: Hangul takes two. */
export function columns(text: string): number {
  let sum = 0;
  for (const letter of text) sum += letter >= '\u1100' ? 2 : 1;
  return sum;
}
