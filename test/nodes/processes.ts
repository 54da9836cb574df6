// Control planes as processes of their own over one PostgreSQL and one NATS server, with simulated hosts in another process:
// what a cloud on many machines is, on one.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ensureDataDirectory } from '#/cli/data-directory.ts';
import { dataPaths } from '#/platform/config/data-directory.ts';
import { endsWithUs, goesWithUs } from '../left-behind.ts';
import { freePort, hasNats, type NatsServer, natsServer } from '../nats/server.ts';
import { hasPostgres, type PostgresServer, postgresServer } from '../postgres/server.ts';

/** Why it cannot be had on this machine; false when it can. */
export function noProcesses(): string | false {
  return hasNats() && hasPostgres() ? false : 'it needs the packages nats-server and postgresql-15';
}

export interface ControlNode {
  url: string;
  pid(): number;
  /** Returns once it answers. */
  start(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
}

export interface Processes extends AsyncDisposable {
  nodes: ControlNode[];
  /** The data directory, which the nodes share. */
  data: string;
  postgres: PostgresServer;
  nats: NatsServer;
  /** Simulated hosts, `host-1` and on, in one process. */
  startHosts(): void;
  /** kill -9; what they held is forgotten with them. */
  killHosts(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');

export async function startProcesses(count: { nodes: number; hosts: number }): Promise<Processes> {
  const postgres = await postgresServer();
  const nats = await natsServer(Array.from({ length: count.hosts }, (_, at) => `host-${at + 1}`));
  const directory = mkdtempSync(join(tmpdir(), 'haneul-processes-'));
  const removed = goesWithUs(directory);
  const paths = dataPaths(join(directory, 'data'));
  ensureDataDirectory(paths, null, 'en');
  const children = new Set<ChildProcess>();
  const run = (words: string[], env: Record<string, string> = {}): ChildProcess => {
    const child = spawn(process.execPath, words, { cwd: root, env: { ...process.env, ...env }, stdio: 'ignore' });
    children.add(child);
    endsWithUs(child);
    child.once('close', () => children.delete(child));
    return child;
  };
  const tls = nats.tls('control');
  const node = async (): Promise<ControlNode> => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    let child: ChildProcess | undefined;
    return {
      url,
      pid: () => child!.pid!,
      async start() {
        child = run(['src/main.ts', 'role', 'control', '--data', paths.root], {
          HANEUL_LISTEN_PORT: String(port),
          HANEUL_DATABASE_URL: postgres.url(),
          HANEUL_BUS_SERVERS: nats.url,
          HANEUL_BUS_CA_FILE: tls.caFile,
          HANEUL_BUS_CERTIFICATE_FILE: tls.certFile,
          HANEUL_BUS_KEY_FILE: tls.keyFile,
          HANEUL_QUOTAS_INSTANCES: '-1',
          HANEUL_QUOTAS_CORES: '-1',
          HANEUL_QUOTAS_RAM_MIB: '-1',
        });
        await until(async () => void (await fetch(`${url}/haneul/health`)));
      },
      async kill() {
        const ended = new Promise(resolve => child!.once('close', resolve));
        child!.kill('SIGKILL');
        await ended;
      },
    };
  };
  const nodes: ControlNode[] = [];
  for (let at = 0; at < count.nodes; at++) nodes.push(await node());
  let hosts: ChildProcess | undefined;
  return {
    nodes,
    data: paths.root,
    postgres,
    nats,
    startHosts() {
      hosts = run(['test/nodes/agents-process.ts', String(count.hosts), nats.url, dirname(tls.caFile)]);
    },
    async killHosts() {
      const ended = new Promise(resolve => hosts!.once('close', resolve));
      hosts!.kill('SIGKILL');
      await ended;
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL');
      await nats[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
      removed();
    },
  };
}

/** The administrator's password, once the first node has made it. */
export function passwordOf(data: string): string {
  return (JSON.parse(readFileSync(dataPaths(data).credentials, 'utf8')) as { password: string }).password;
}

/** Looks again and again for two minutes. @throws Error what `look` threw last */
export async function until<T>(look: () => Promise<T>): Promise<T> {
  const end = performance.now() + 120_000;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(100);
    }
  }
}
