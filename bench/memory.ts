// What an idle cloud keeps in memory: the proportional set size of its own processes, without guests and dnsmasq.

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { logIn } from './client.ts';
import { freshCloud } from './cloud.ts';
import { megabytes, type Measurement } from './measurement.ts';
import { realCloud } from './start-real.ts';

const settleMs = 20_000;

export const memory: Measurement = {
  name: 'memory',
  about: 'memory (PSS) of all Haneul processes at rest; supervisor, control plane and agent where root is there',
  async run(tell) {
    const real = process.getuid!() === 0;
    const report = (which: string, processes: Record<string, number>): void => {
      const each = Object.entries(processes).map(([role, pid]) => ({ role, bytes: pss(pid) }));
      const sum = each.reduce((total, { bytes }) => total + bytes, 0);
      tell({
        what: `idle after a ${which} \`up\` (${each.map(({ role, bytes }) => `${role} ${megabytes(bytes)}`).join(', ')})`,
        measured: megabytes(sum),
        target: '< 220 MB',
        met: sum < 220e6,
      });
    };
    await using cloud = await freshCloud(real ? { simulate: 0, env: realCloud } : { simulate: 1 });
    await logIn(cloud.url, cloud.credentials);
    await pause(settleMs);
    report('first', cloud.processes());
    await cloud.down();
    await cloud.up();
    await logIn(cloud.url, cloud.credentials);
    await pause(settleMs);
    report('later', cloud.processes());
    return undefined;
  },
};

/** Proportional set size in bytes: pages that processes share count in parts. */
export function pss(pid: number): number {
  const [, kib] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}
