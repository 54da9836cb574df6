// A thousand hosts on one NATS server and PostgreSQL: how long they take to join, what the control plane costs while
// nothing happens, and whether it keeps up with two hundred new servers a minute. HANEUL_BENCH_HOSTS: how many instead.

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { noProcesses, passwordOf, startProcesses, until } from '../test/nodes/processes.ts';
import { type Client, logIn } from './client.ts';
import { megabytes, type Measurement, milliseconds, quantile, seconds } from './measurement.ts';
import { pss } from './memory.ts';

const hosts = Number(process.env['HANEUL_BENCH_HOSTS'] ?? 1_000);
const restMs = 60_000;
const perMinute = 200;
const minutes = 2;

export const agents: Measurement = {
  name: 'agents',
  about: `${hosts} simulated hosts, each with its own connection, on one NATS server and PostgreSQL`,
  async run(tell) {
    const missing = noProcesses();
    if (missing) return missing;
    await using cluster = await startProcesses({ nodes: 1, hosts });
    const control = cluster.nodes[0]!;
    await control.start();
    const client = await logIn(control.url, {
      OS_USERNAME: 'admin',
      OS_PASSWORD: passwordOf(cluster.data),
      OS_PROJECT_NAME: 'admin',
    });
    const began = performance.now();
    cluster.startHosts();
    await until(async () => {
      const { hosts: known } = await client.call<{ hosts: { state: string }[] }>('GET', '/haneul/status');
      if (known.filter(({ state }) => state === 'up').length < hosts) throw new Error('not all are up');
    });
    const joinedMs = performance.now() - began;
    tell({ what: 'join of all', measured: seconds(joinedMs), target: '< 60 s', met: joinedMs < 60_000 });

    const rest = await processorWhile(control.pid(), () => pause(restMs));
    tell({ what: 'control plane at rest: processor', measured: `${(rest * 100).toFixed(1)} % of a core` });
    tell({ what: 'control plane at rest: memory (PSS)', measured: megabytes(pss(control.pid())) });

    const waits: number[] = [];
    const busy = await processorWhile(control.pid(), () => createAtARate(client, waits));
    const wanted = perMinute * minutes;
    tell({
      what: `${wanted} servers created at ${perMinute} a minute, active`,
      measured: `${waits.length}, median ${milliseconds(quantile(waits, 0.5))}, p99 ${milliseconds(quantile(waits, 0.99))}`,
      target: 'all',
      met: waits.length === wanted,
    });
    tell({ what: 'control plane meanwhile: processor', measured: `${(busy * 100).toFixed(1)} % of a core` });
    tell({ what: 'control plane afterwards: memory (PSS)', measured: megabytes(pss(control.pid())) });
    return undefined;
  },
};

/** Creates at the rate and waits for each. @param waits gets how long each took until it was active, in ms */
async function createAtARate(client: Client, waits: number[]): Promise<void> {
  const { flavors } = await client.call<{ flavors: { id: string }[] }>('GET', '/compute/v2.1/flavors');
  const image = await client.call<{ id: string }>('POST', '/image/v2/images', {
    name: 'nothing',
    disk_format: 'raw',
    container_format: 'bare',
  });
  await client.fetch('PUT', `/image/v2/images/${image.id}/file`, new Uint8Array(512), {
    'content-type': 'application/octet-stream',
  });
  const server = { name: 'one', imageRef: image.id, flavorRef: flavors[0]!.id, networks: 'none' };
  const one = async (): Promise<void> => {
    const began = performance.now();
    const made = await client.call<{ server: { id: string } }>('POST', '/compute/v2.1/servers', { server });
    const path = `/compute/v2.1/servers/${made.server.id}`;
    await until(async () => {
      const { server: shown } = await client.call<{ server: { status: string } }>('GET', path);
      if (shown.status !== 'ACTIVE') throw new Error(shown.status);
    });
    waits.push(performance.now() - began);
  };
  const all: Promise<void>[] = [];
  for (let count = 0; count < perMinute * minutes; count++) {
    all.push(one().catch((error: unknown) => void process.stderr.write(`${String(error)}\n`)));
    await pause(60_000 / perMinute);
  }
  await Promise.all(all);
}

/** @returns the part of one core that the process used meanwhile */
async function processorWhile(pid: number, work: () => Promise<unknown>): Promise<number> {
  const usedMs = (): number => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // User and system, in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  const [before, began] = [usedMs(), performance.now()];
  await work();
  return (usedMs() - before) / (performance.now() - began);
}
