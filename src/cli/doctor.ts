// `haneul doctor`: looks at everything that a cloud needs of this machine; says what is wrong and how to mend it.

import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Config, hostNameOf, loadConfig } from '#/platform/config/config.ts';
import type { DataPaths } from '#/platform/config/data-directory.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type Run, systemRun } from '#/platform/process/run.ts';
import type { Text } from '#/platform/text/text.ts';
import type { Context, DataOption } from './context.ts';
import { isDebian, missingPackages, missingPrograms, neededPackages } from './debian-packages.ts';
import { doctorTexts as d } from './doctor-texts.ts';
import { rolesOf } from './roles.ts';
import { tryKernel } from './kernel-trial.ts';
import { readCredentials } from './credentials-files.ts';
import { askHealth, type CloudStatus, findRunning, type Health, type Running } from './running.ts';
import { checkListen, columns } from './up.ts';

/** Certificates and leases bear no more. */
const skewSeconds = 5;

export type Verdict = 'good' | 'warning' | 'bad';

export interface Finding {
  name: Text;
  verdict: Verdict;
  text: Text;
  facts: Record<string, unknown>;
}

/** Exit status 1 when something is bad; warnings are 0. */
export async function doctor(context: Context, options: DataOption & { json?: boolean }): Promise<number> {
  const findings = await examine(context, context.paths(options));
  const { say, print } = context;
  const count = (verdict: Verdict): number => findings.filter(finding => finding.verdict === verdict).length;
  if (options.json) {
    const plain = findings.map(({ name, verdict, text, facts }) => ({
      check: name.id.replace('doctor.', ''),
      verdict,
      id: text.id,
      text: say(text, facts),
    }));
    print(JSON.stringify({ good: count('bad') === 0, findings: plain }, null, 2));
    return count('bad') > 0 ? 1 : 0;
  }
  const width = Math.max(...findings.map(({ name }) => columns(say(name))));
  const signs: Record<Verdict, string> = process.stdout.isTTY
    ? { good: '\u001b[32m✓\u001b[0m', warning: '\u001b[33m!\u001b[0m', bad: '\u001b[31m✗\u001b[0m' }
    : { good: '✓', warning: '!', bad: '✗' };
  for (const { name, verdict, text, facts } of findings) {
    const title = say(name);
    print(`${signs[verdict]} ${title}${' '.repeat(width - columns(title))}  ${say(text, facts)}`);
  }
  print('');
  if (count('bad') > 0) print(say(d.someBad, { bad: count('bad') }));
  else print(count('warning') > 0 ? say(d.someWarnings, { warnings: count('warning') }) : say(d.allWell));
  return count('bad') > 0 ? 1 : 0;
}

async function examine(context: Context, paths: DataPaths): Promise<Finding[]> {
  const run = systemRun(createLogger('doctor', 'silent'));
  const running = findRunning(paths);
  const [config, configFinding] = checkConfig(context, paths);
  const health = running.url ? await askHealth(running.url, readCredentials(paths)) : null;
  const hosts = (health?.state === 'answers' ? health.status.hosts : null) ?? [];
  // What runs was perhaps made by an option that the file does not have.
  const real = hosts.length > 0 ? hosts.some(host => host.accelerator !== 'simulated') : config.simulateHosts === 0;
  const control = !real || rolesOf(config).includes('control');
  const findings: (Finding | null)[] = [
    context.root ? good(d.root, d.rootGood) : warning(d.root, d.rootWarning),
    configFinding,
    real ? await checkPackages(run) : null,
    real ? checkKvm(config, hosts) : null,
    real ? await checkKernel(context, run) : null,
    checkMemory(readFileSync('/proc/meminfo', 'utf8')),
    checkDisk(paths),
    control ? await checkPort(config, running) : null,
    checkClock(paths),
    control ? checkCloud(paths, real, running, health) : checkHost(paths, config, running),
    await checkCluster(config),
  ];
  return findings.filter(finding => finding !== null);
}

function checkConfig(context: Context, paths: DataPaths): [Config, Finding] {
  try {
    const config = context.config(paths);
    return [config, good(d.config, existsSync(paths.config) ? d.configGood : d.configAbsent, { file: paths.config })];
  } catch (err) {
    if (!(err instanceof Problem)) throw err;
    return [loadConfig(), bad(d.config, d.configBad, { reason: err.say(context.language), file: paths.config })];
  }
}

async function checkPackages(run: Run): Promise<Finding> {
  if (!isDebian()) {
    const missing = missingPrograms();
    return missing.length === 0
      ? good(d.packages, d.packagesGood, { count: neededPackages().length })
      : bad(d.packages, d.programsBad, { missing });
  }
  const missing = await missingPackages(run);
  return missing.length === 0
    ? good(d.packages, d.packagesGood, { count: neededPackages().length })
    : bad(d.packages, d.packagesBad, { missing: missing.join(' ') });
}

/** Looks, and does not touch: opening /dev/kvm where it does not really work can hurt. The agent tries it with a guest. */
function checkKvm({ accelerator }: Config, hosts: NonNullable<CloudStatus['hosts']>): Finding {
  // The agent has tried: nothing is surer.
  const emulated = hosts.find(host => host.accelerator === 'tcg');
  if (emulated?.kvmProblem) return warning(d.kvm, d.kvmTried, { reason: emulated.kvmProblem });
  if (hosts.some(host => host.accelerator === 'kvm') && !emulated) return good(d.kvm, d.kvmUsed);
  const device = statSync('/dev/kvm', { throwIfNoEntry: false })?.isCharacterDevice() ?? false;
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
  const flag = flags.find(name => name === 'vmx' || name === 'svm') ?? (process.arch === 'arm64' ? 'EL2' : undefined);
  if (accelerator === 'tcg') return warning(d.kvm, d.kvmOff);
  if (accelerator === 'kvm' && !device) return bad(d.kvm, d.kvmWantedBad);
  if (device) return flag ? good(d.kvm, d.kvmGood, { flag }) : warning(d.kvm, d.kvmNested);
  return flag ? warning(d.kvm, d.kvmNoDevice, { flag }) : warning(d.kvm, d.kvmNoFlag);
}

async function checkKernel(context: Context, run: Run): Promise<Finding> {
  if (!context.root) return warning(d.kernel, d.kernelUnknown);
  const { missing, reason } = await tryKernel(run);
  return missing.length === 0
    ? good(d.kernel, d.kernelGood)
    : bad(d.kernel, d.kernelBad, { missing, reason: reason || 'module' });
}

/** @param meminfo the text of /proc/meminfo */
export function checkMemory(meminfo: string): Finding {
  const mibOf = (name: string): number =>
    Math.floor(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) / 1024);
  const facts = { available: mibOf('MemAvailable'), total: mibOf('MemTotal') };
  return facts.available < 1024 ? warning(d.memory, d.memoryWarning, facts) : good(d.memory, d.memoryGood, facts);
}

function checkDisk(paths: DataPaths): Finding {
  const directory = existingParent(paths.root);
  const { bavail, blocks, bsize } = statfsSync(directory);
  const facts = {
    directory,
    free: Math.floor((bavail * bsize) / 2 ** 30),
    percent: Math.round((bavail / Math.max(blocks, 1)) * 100),
  };
  if (facts.free < 1) return bad(d.disk, d.diskLow, facts);
  return facts.free < 10 || facts.percent < 5 ? warning(d.disk, d.diskLow, facts) : good(d.disk, d.diskGood, facts);
}

async function checkPort(config: Config, running: Running): Promise<Finding> {
  const facts = { address: config.listenAddress, port: config.listenPort };
  // The running cloud may listen elsewhere than the file says now.
  const inUse = running.url && URL.parse(running.url);
  if (inUse && Number(inUse.port || 80) === config.listenPort) return good(d.port, d.portOurs, facts);
  try {
    await checkListen(config);
    return good(d.port, d.portGood, facts);
  } catch (err) {
    if (!(err instanceof Problem)) throw err;
    return bad(d.port, err.text, err.facts);
  }
}

function checkClock(paths: DataPaths): Finding {
  if (new Date().getFullYear() < 2025) return bad(d.clock, d.clockOld, { date: new Date().toISOString().slice(0, 10) });
  let directory = existingParent(paths.root);
  let path = join(directory, `.haneul-clock-${process.pid}`);
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch {
    directory = tmpdir();
    path = join(directory, `.haneul-clock-${process.pid}`);
    file = openSync(path, 'wx', 0o600);
  }
  try {
    writeSync(file, 'x');
    const seconds = Math.round(Math.abs(fstatSync(file).mtimeMs - Date.now()) / 1000);
    return seconds > 2 ? bad(d.clock, d.clockBad, { directory, seconds }) : good(d.clock, d.clockGood);
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}

function checkCloud(paths: DataPaths, real: boolean, running: Running, health: Health | null): Finding {
  const { supervisor, roles, url } = running;
  if (!supervisor && !roles.control && !roles.agent) return good(d.cloud, d.cloudOff, { directory: paths.root });
  if (!supervisor) return warning(d.cloud, d.cloudOrphans);
  if (health?.state !== 'answers') return bad(d.cloud, d.cloudSilent, { reason: health?.reason ?? '-' });
  if (real && !roles.agent && !Array.isArray(health.status.hosts)) return bad(d.cloud, d.cloudNoAgent);
  return good(d.cloud, d.cloudGood, { url });
}

/** Of a machine that runs no control plane. */
function checkHost(paths: DataPaths, config: Config, { supervisor, roles }: Running): Finding {
  if (!supervisor && !roles.agent) return good(d.cloud, d.cloudOff, { directory: paths.root });
  if (!supervisor) return warning(d.cloud, d.cloudOrphans);
  return roles.agent ? good(d.cloud, d.hostRuns, { name: hostNameOf(config) }) : bad(d.cloud, d.cloudNoAgent);
}

/** Whether the machine reaches the cloud that it has joined, and their clocks agree. */
async function checkCluster({ clusterServers }: Config): Promise<Finding | null> {
  if (clusterServers.length === 0) return null;
  const { clockOf } = await import('#/cluster/client.ts');
  const clocks = await Promise.all(clusterServers.map(clockOf));
  const silent = clusterServers.filter((_, at) => clocks[at] === null);
  if (silent.length === clusterServers.length) return bad(d.cluster, d.clusterSilent, { servers: silent });
  const seconds = Math.max(...clocks.map(clock => Math.round(Math.abs(clock ?? 0) / 1000)));
  if (seconds > skewSeconds) return bad(d.cluster, d.clusterSkew, { seconds });
  return silent.length > 0
    ? warning(d.cluster, d.clusterSilent, { servers: silent })
    : good(d.cluster, d.clusterGood, { servers: clusterServers });
}

function existingParent(path: string): string {
  let at = path;
  while (!existsSync(at)) at = dirname(at);
  return at;
}

function good(name: Text, text: Text, facts = {}): Finding {
  return { name, verdict: 'good', text, facts };
}

function warning(name: Text, text: Text, facts = {}): Finding {
  return { name, verdict: 'warning', text, facts };
}

function bad(name: Text, text: Text, facts = {}): Finding {
  return { name, verdict: 'bad', text, facts };
}
