// keepalived of a highly available router: in the router's namespace, outliving the agent. It says by a link in its
// directory whether this host is the one that works.

import { readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '#/platform/files/write-whole.ts';
import { ensureDirectory, type Host, inside, readIfThere } from './host.ts';
import { type HaRouter, keepalivedConfig } from './keepalived.ts';
import { endProcess, findProcess } from './own-process.ts';

export type HaState = 'active' | 'standby';

export function vrrpDirectory(host: Host, id: string): string {
  return join(host.directory, 'vrrp', id);
}

const markOf = (directory: string): string => `--pid=${directory}/pid`;

/** Has keepalived run with the router as it now is. What changes while it works does not stop it. */
export async function ensureVrrp(host: Host, router: HaRouter, id: string, namespace: string): Promise<void> {
  const directory = vrrpDirectory(host, id);
  await ensureDirectory(directory, 0o700);
  const file = join(directory, 'keepalived.conf');
  const text = keepalivedConfig(router, directory);
  const isSame = (await readIfThere(file)) === text;
  if (!isSame) await writeWhole(file, text);
  const running = await findVrrp(host, id);
  if (running !== null) {
    if (!isSame) process.kill(running, 'SIGHUP');
    return;
  }
  await rm(join(directory, 'state'), { force: true });
  await host.tools.run(
    inside(namespace, [
      'keepalived',
      '--vrrp',
      `--use-file=${file}`,
      markOf(directory),
      `--vrrp_pid=${directory}/vrrp.pid`,
    ]),
  );
}

/** The process, or null. */
export async function findVrrp(host: Host, id: string): Promise<number | null> {
  const directory = vrrpDirectory(host, id);
  return (await findProcess(join(directory, 'pid'), markOf(directory)))?.pid ?? null;
}

/** Whether this host works for the router; null before anything is known. */
export async function stateOf(host: Host, id: string): Promise<HaState | null> {
  const state = await readlink(join(vrrpDirectory(host, id), 'state')).catch(() => null);
  return state === 'active' || state === 'standby' ? state : null;
}

/** Ends it; it takes its addresses along and tells the other hosts. */
export async function removeVrrp(host: Host, id: string): Promise<void> {
  const directory = vrrpDirectory(host, id);
  const pid = await findVrrp(host, id);
  if (pid !== null) await endProcess(host.tools.clock, pid, markOf(directory));
  await rm(directory, { recursive: true, force: true });
}
