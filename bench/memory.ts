// What an idle cloud keeps in memory: the proportional set size of its own processes, without guests and dnsmasq.

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { logIn } from './client.ts';
import { freshCloud } from './cloud.ts';
import { type Measurement, mib } from './measurement.ts';
import { realCloud } from './start-real.ts';

const settleMs = 20_000;

export const memory: Measurement = {
  name: 'memory',
  about: 'memory (PSS) of all Haneul processes at rest; supervisor, control plane and agent where root is there',
  async run(tell) {
    const real = process.getuid!() === 0;
    await using cloud = await freshCloud(real ? { simulate: 0, env: realCloud } : { simulate: 1 });
    await logIn(cloud.url, cloud.credentials);
    await pause(settleMs);
    const first = total(cloud.processes());
    tell({ what: 'idle after the first `up`', measured: mib(first) });
    await cloud.down();
    await cloud.up();
    await logIn(cloud.url, cloud.credentials);
    await pause(settleMs);
    const processes = cloud.processes();
    for (const [role, pid] of Object.entries(processes)) tell({ what: `idle: ${role}`, measured: mib(pss(pid)) });
    const sum = total(processes);
    tell({ what: 'idle after a later `up`', measured: mib(sum), target: '< 220 MB', met: sum < 220e6 });
    return undefined;
  },
};

function total(processes: Record<string, number>): number {
  return Object.values(processes).reduce((sum, pid) => sum + pss(pid), 0);
}

/** Proportional set size in bytes: pages that processes share count in parts. */
export function pss(pid: number): number {
  const [, kib] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}
