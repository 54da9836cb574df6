// How much of what the runtime and the disk can give our endpoints reach: node:http with a constant body of the same size,
// and durable SQLite commits, each with the same client in the same run, in turns.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Client, logIn } from './client.ts';
import { freshCloud } from './cloud.ts';
import { hammer, type Hammered, requestBytes } from './hammer.ts';
import { type Measurement, median, milliseconds, perSecond } from './measurement.ts';

const rounds = 3;
const connections = 16;

export const ceiling: Measurement = {
  name: 'ceiling',
  about: `our endpoints and the runtime's ceiling, ${connections} connections, in turns`,
  async run(tell) {
    await using cloud = await freshCloud({ simulate: 10 });
    const client = await logIn(cloud.url, cloud.credentials);
    const { hostname: host, port } = new URL(cloud.url);
    const at = { host, port: Number(port), connections };
    for (const { what, request, target } of reads(client)) {
      const once_ = await hammer({ ...at, request, seconds: 1 });
      await using constant = await constantServer(once_.bytes);
      const ours: Hammered[] = [];
      const theirs: Hammered[] = [];
      for (let round = 0; round < rounds; round++) {
        theirs.push(await hammer({ ...at, port: constant.port, request, seconds: 2 }));
        ours.push(await hammer({ ...at, request, seconds: 2 }));
      }
      if (ours.some(({ failures }) => failures > 0)) throw new Error(`${what}: not every answer was a success`);
      const share = rate(ours) / rate(theirs);
      tell({
        what: `${what} (${once_.bytes} bytes, p99 ${milliseconds(median(ours.map(({ p99Ms }) => p99Ms)))})`,
        measured: perSecond(rate(ours)),
        against: `node:http ${perSecond(rate(theirs))}`,
        ratio: `${(share * 100).toFixed(0)} %`,
        ...(target ? { target: `≥ ${target * 100} %`, met: share >= target } : {}),
      });
    }
    const request = projectCreation(client);
    const ours: Hammered[] = [];
    const commits: number[] = [];
    for (let round = 0; round < rounds; round++) {
      commits.push(commitsPerSecond(1_500));
      ours.push(await hammer({ ...at, request, seconds: 2 }));
    }
    if (ours.some(({ failures }) => failures > 0)) throw new Error('not every project was created');
    tell({
      what: `create a project (p99 ${milliseconds(median(ours.map(({ p99Ms }) => p99Ms)))})`,
      measured: perSecond(rate(ours)),
      against: `durable commits ${perSecond(median(commits))}`,
      ratio: `${((rate(ours) / median(commits)) * 100).toFixed(0)} %`,
    });
    return undefined;
  },
};

function reads(client: Client): { what: string; request: Buffer; target?: number }[] {
  const own = { 'x-auth-token': client.token };
  const get = (path: string, headers = {}): Buffer => requestBytes('GET', path, { ...own, ...headers });
  return [
    {
      what: 'validate a token',
      request: get('/identity/v3/auth/tokens', { 'x-subject-token': client.token }),
      target: 0.3,
    },
    { what: 'show a project', request: get(`/identity/v3/projects/${client.projectId}`) },
    { what: 'list images', request: get('/image/v2/images') },
    { what: 'list networks', request: get('/network/v2.0/networks') },
    { what: 'list flavors', request: get('/compute/v2.1/flavors/detail') },
  ];
}

function projectCreation(client: Client): () => Buffer {
  let count = 0;
  const run = process.pid.toString(36) + Math.round(performance.now()).toString(36);
  return () =>
    requestBytes(
      'POST',
      '/identity/v3/projects',
      { 'x-auth-token': client.token },
      JSON.stringify({ project: { name: `bench-${run}-${count++}` } }),
    );
}

function rate(results: Hammered[]): number {
  return median(results.map(result => result.rate));
}

async function constantServer(bytes: number): Promise<AsyncDisposable & { port: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'ceiling-server.ts'), String(bytes)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    port: Number(line.toString()),
    async [Symbol.asyncDispose]() {
      child.kill();
      await once(child, 'exit');
    },
  };
}

/** Commits a second of one small row each, every one on the disk before the next. */
function commitsPerSecond(forMs: number): number {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-bench-'));
  const db = new DatabaseSync(join(directory, 'commits.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; create table t (id integer primary key, v text)');
  const insert = db.prepare('insert into t (v) values (?)');
  const started = performance.now();
  let count = 0;
  while (performance.now() - started < forMs) {
    db.exec('BEGIN IMMEDIATE');
    insert.run(`row ${count++}`);
    db.exec('COMMIT');
  }
  const took = performance.now() - started;
  db.close();
  rmSync(directory, { recursive: true, force: true });
  return (count / took) * 1000;
}
