// What a reboot of the machine does to one cloud on it, done to that cloud alone: every process of it is gone at once, and
// what the kernel held of it is forgotten; its files stay.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, kill, processesOf } from '../chaos/processes.ts';
import { eventually, killRole, type RealCloud, run } from '../scenarios/haneul.ts';

/** An id that no boot of a machine has. */
const earlierBoot = '00000000-0000-0000-0000-000000000000';

/** The power goes: nobody is told, nothing is closed. */
export async function loseEverything(cloud: RealCloud): Promise<void> {
  // First who would start the others again.
  for (const role of ['supervisor', 'control', 'agent']) await killRole(cloud.data, role);
  await eventually(async () => {
    const left = processesOf(cloud.data, /./).filter(({ pid }) => pid !== process.pid && isAlive(pid));
    for (const { pid } of left) kill(pid);
    if (left.length > 0) throw new Error(`still there: ${left.map(({ args }) => args.join(' ')).join('\n')}`);
  }, 20_000);
  await forgetNetworks(cloud.id);
  rmSync(join('/run/haneul', cloud.id), { force: true });
  // The machine's boot has another id from now on: what was noted of guests is of an earlier one.
  const guests = join(cloud.data, 'host', 'compute', 'guests');
  for (const id of readdirSync(guests)) {
    const file = join(guests, id, 'state.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), hostBootId: earlierBoot }));
  }
}

/** Namespaces, links and tables are the kernel's. */
async function forgetNetworks(id: string): Promise<void> {
  const { stdout: namespaces } = await run(['ip', 'netns', 'list']);
  for (const line of namespaces.split('\n')) {
    const [name = ''] = line.split(' ');
    if (name.startsWith(`hn${id}-`)) await run(['ip', 'netns', 'delete', name]);
  }
  const links = JSON.parse((await run(['ip', '-j', 'link'])).stdout) as { ifname: string; ifalias?: string }[];
  // The other end of a pair goes with the first.
  for (const { ifname, ifalias = '' } of links)
    if (ifalias.startsWith(`haneul:${id}:`)) await run(['ip', 'link', 'delete', ifname], { allow: true });
  const { stdout: tables } = await run(['nft', 'list', 'tables']);
  for (const line of tables.split('\n'))
    if (line.includes(`haneul-${id}-`)) await run(['nft', ...line.replace('table', 'delete table').split(' ')]);
}

/** Starts the agent and nothing else. */
export function startAgentAlone(cloud: RealCloud, env: Record<string, string>): AsyncDisposable {
  const program = join(import.meta.dirname, '..', '..', 'haneul');
  const child = spawn(program, ['role', 'agent', '--data', cloud.data], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
