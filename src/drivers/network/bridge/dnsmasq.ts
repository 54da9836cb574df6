// A dnsmasq process that outlives the agent: found again by its pid file, and known by its own command line.

import { chmod, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Problem } from '#/platform/problem/problem.ts';
import { writeWhole } from '#/platform/files/write-whole.ts';
import { networkDriverTexts } from '../texts.ts';
import { type DhcpFiles, hasLost } from './dhcp.files.ts';
import { ensureDirectory, type Host, inside, readIfThere } from './host.ts';
import { endProcess, findProcess } from './own-process.ts';

const markOf = (directory: string): string => `--pid-file=${directory}/pid`;

/** The process of a directory, or null. */
export function findServer(directory: string): Promise<{ pid: number; args: string[] } | null> {
  return findProcess(join(directory, 'pid'), markOf(directory));
}

/**
 * Writes the files and brings the process in line with them: nothing, a signal, or a (re)start.
 * @returns its pid
 */
export async function ensureServer(
  host: Host,
  directory: string,
  namespace: string,
  files: DhcpFiles,
): Promise<number> {
  await ensureReadable(directory);
  const before = {
    hosts: await readIfThere(join(directory, 'hosts')),
    options: await readIfThere(join(directory, 'options')),
  };
  const isSame = before.hosts === files.hosts && before.options === files.options;
  const server = await findServer(directory);
  const mustRestart =
    !server || server.args.join('\0') !== files.args.join('\0') || hasLost(before.hosts ?? '', files.hosts);
  if (mustRestart && server) await endProcess(host.tools.clock, server.pid, markOf(directory));
  if (!isSame) {
    // The options first: a host must never be served without those that it is to have.
    await writeWhole(join(directory, 'options'), files.options, { mode: 0o644 });
    await writeWhole(join(directory, 'hosts'), files.hosts, { mode: 0o644 });
  }
  if (mustRestart) {
    await host.tools.run(inside(namespace, files.args));
    const started = await findServer(directory);
    if (started) return started.pid;
    throw new Error('dnsmasq ended as soon as it was started');
  }
  if (!isSame) process.kill(server.pid, 'SIGHUP');
  return server.pid;
}

export async function removeServer(host: Host, directory: string): Promise<void> {
  const server = await findServer(directory);
  if (server) await endProcess(host.tools.clock, server.pid, markOf(directory));
  await rm(directory, { recursive: true, force: true });
}

/** dnsmasq reads its files again as an unprivileged user: every directory above must let it pass. */
async function ensureReadable(directory: string): Promise<void> {
  await ensureDirectory(directory, 0o755);
  for (const own of [directory, dirname(directory), dirname(dirname(directory))]) {
    const { mode } = await stat(own);
    if ((mode & 0o001) === 0) await chmod(own, (mode & 0o777) | 0o011);
  }
  for (let parent = dirname(dirname(directory)); parent !== '/'; parent = dirname(parent))
    if (((await stat(parent)).mode & 0o001) === 0)
      throw new Problem('invalid', networkDriverTexts.unreadableDirectory, { directory, parent });
}
