// A PostgreSQL server of a test's own: in a directory that goes with it, on a unix socket, by an unprivileged user; its
// standby, which can take its place; and what can befall it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endsWithUs, goesWithUs } from '../left-behind.ts';

export interface PostgresServer extends AsyncDisposable {
  /** Where it is reached; the database is named. */
  url(database?: string): string;
  start(): Promise<void>;
  /** `fast` ends connections, `immediate` is a crash. */
  stop(how: 'fast' | 'immediate'): Promise<void>;
  /** Stands still, with all its processes, or goes on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends the server and all its processes at once, with nothing said or written. */
  kill(): Promise<void>;
  /** A standby becomes a primary; returns once it takes writes. */
  promote(): Promise<void>;
  /** Its commits wait until a standby has them too; of a server that is running. */
  waitForStandby(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface PostgresServerOptions {
  /** Made as a copy of this server, whose standby it is. */
  standbyOf?: PostgresServer;
}

const user = 'haneul';

/** Whether the Debian package is installed. */
export function hasPostgres(): boolean {
  return binaries() !== null;
}

export async function postgresServer({ standbyOf }: PostgresServerOptions = {}): Promise<PostgresServer> {
  const bin = binaries();
  if (!bin) throw new Error('PostgreSQL is not installed: apt-get install postgresql-15');
  const directory = mkdtempSync(join(tmpdir(), 'haneul-postgres-'));
  const who = process.getuid!() === 0 ? unprivileged() : {};
  if (who.uid !== undefined) chownSync(directory, who.uid, who.gid!);
  const removed = goesWithUs(directory);
  const data = join(directory, 'data');
  const run = (program: string, args: string[]): void => {
    const { status, stderr } = spawnSync(join(bin, program), args, { ...who, cwd: directory, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
  };
  if (standbyOf)
    run('pg_basebackup', ['-D', data, '-R', '-X', 'stream', '-c', 'fast', '-d', standbyOf.url('postgres')]);
  else run('initdb', ['-D', data, '-U', user, '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']);
  const sql = (text: string): string => {
    const asked = spawnSync(join(bin, 'psql'), ['-XAtq', '-h', directory, '-U', user, '-d', 'postgres', '-c', text]);
    if (asked.status !== 0) throw new Error(`psql: ${asked.stderr.toString()}`);
    return asked.stdout.toString().trim();
  };
  const family = (): number[] => {
    const pid = server?.pid;
    if (pid === undefined) return [];
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
    return [pid, ...children.map(Number)];
  };
  let server: ChildProcess | undefined;
  let ended: Promise<unknown> = Promise.resolve();

  const self: PostgresServer = {
    url: (database = 'postgres') => `postgres://${user}@/${database}?host=${encodeURIComponent(directory)}`,
    async start() {
      const settings = {
        listen_addresses: '',
        unix_socket_directories: directory,
        fsync: 'off',
        max_connections: '200',
        shared_buffers: '64MB',
        jit: 'off',
        max_pred_locks_per_transaction: '256',
        log_min_messages: 'fatal',
        hot_standby: 'on',
      };
      const child = spawn(
        join(bin, 'postgres'),
        ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        { ...who, cwd: directory, stdio: 'ignore' },
      );
      server = child;
      endsWithUs(child);
      ended = new Promise(resolve => child.once('close', resolve));
      for (let tries = 0; tries < 600; tries++) {
        const { status } = spawnSync(join(bin, 'pg_isready'), ['-q', '-h', directory]);
        if (status === 0) return;
        if (child.exitCode !== null) break;
        await new Promise(resolve => setTimeout(resolve, 50));
      }
      throw new Error('PostgreSQL did not start');
    },
    async stop(how) {
      server?.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await ended;
    },
    signal(name) {
      for (const pid of family()) process.kill(pid, name);
    },
    async kill() {
      // The parent first, or it would tell those that are connected.
      for (const pid of family()) process.kill(pid, 'SIGKILL');
      await ended;
    },
    async promote() {
      run('pg_ctl', ['-D', data, '-w', 'promote']);
    },
    waitForStandby() {
      sql("alter system set synchronous_standby_names = '*'");
      sql('select pg_reload_conf()');
    },
    async [Symbol.asyncDispose]() {
      if (server?.exitCode === null && server.signalCode === null) {
        self.signal('SIGCONT');
        await self.stop('immediate');
      }
      rmSync(directory, { recursive: true, force: true });
      removed();
    },
  };
  await self.start();
  return self;
}

function binaries(): string | null {
  return globSync('/usr/lib/postgresql/*/bin').sort().at(-1) ?? null;
}

/** PostgreSQL does not run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}
