// Connections to PostgreSQL: a pool for reads, so that they never wait for writers, and one for writes; and which of the
// servers in the URL is the primary now.

import type { Pool, PoolClient, PoolConfig } from 'pg';
import type { Logger } from '#/platform/log/log.ts';
import { failureOf, Standby } from './failures.ts';
import { type Session, sessionOver } from './dialect.ts';

export interface Connection {
  client: PoolClient;
  session: Session;
  /** The server's process behind it. */
  backend: Backend;
  /** Gives the connection back, or ends it where it is of no more use. */
  release(broken: boolean): void;
}

export interface Backend {
  pid: number;
  startedAt: string;
}

type Kind = 'read' | 'write' | 'own';

export interface Connections {
  /** `own` is for what is held for long or asked beside a transaction. */
  take(kind: Kind): Promise<Connection>;
  close(): Promise<void>;
}

export interface ConnectionsOptions {
  url: string;
  size: number;
  log?: Logger;
}

const connectTimeoutMs = 5_000;
/** A transaction whose process hangs must not hold its locks. */
const settings = '-c idle_in_transaction_session_timeout=60000 -c statement_timeout=120000 -c lock_timeout=60000';

/** Loads the driver: only clouds that use PostgreSQL do. Connects when something is asked. */
export async function openConnections({ url, size, log }: ConnectionsOptions): Promise<Connections> {
  const { default: pg } = await import('pg');
  const servers = serversOf(url);
  const known = new WeakMap<PoolClient, { session: Session; backend: Backend }>();
  let at = 0;
  let pools = open(0);
  const old: Promise<void>[] = [];

  function open(server: number): Record<Kind, Pool> {
    const make = (max: number): Pool => {
      const config: PoolConfig & { pipeline: boolean } = {
        connectionString: servers[server],
        max,
        options: settings,
        application_name: 'haneul',
        connectionTimeoutMillis: connectTimeoutMs,
        idleTimeoutMillis: 60_000,
        keepAlive: true,
        keepAliveInitialDelayMillis: 5_000,
        allowExitOnIdle: true,
        pipeline: true,
      };
      const pool = new pg.Pool(config);
      pool.on('error', error => log?.debug({ err: error }, 'an idle connection to the database ended'));
      return pool;
    };
    const writers = Math.max(1, Math.floor(size / 2));
    return { read: make(Math.max(1, size - writers)), write: make(writers), own: make(2) };
  }

  /** To the next server of the URL, where there is one. */
  function turn(from: typeof pools): void {
    if (from !== pools || servers.length === 1) return;
    at = (at + 1) % servers.length;
    pools = open(at);
    old.push(...endOf(from));
  }

  return {
    async take(kind) {
      const from = pools;
      let client: PoolClient | undefined;
      try {
        client = await from[kind].connect();
        let facts = known.get(client);
        if (!facts) {
          known.set(client, (facts = { session: sessionOver(client), backend: await backendOf(client) }));
          client.on('error', error => log?.debug({ err: error }, 'a connection to the database ended'));
        }
        Object.assign(facts.session, { failure: undefined, wrote: false });
        const taken = client;
        return {
          client,
          ...facts,
          release(broken) {
            taken.release(broken);
            if (broken) turn(from);
          },
        };
      } catch (error) {
        client?.release(true);
        if (failureOf(error) === 'lost') turn(from);
        throw error;
      }
    },
    async close() {
      await Promise.allSettled([...old, ...endOf(pools)]);
    },
  };
}

function endOf(pools: Record<Kind, Pool>): Promise<void>[] {
  return Object.values(pools).map(pool => pool.end());
}

/** @throws Standby */
async function backendOf(client: PoolClient): Promise<Backend> {
  const { rows } = await client.query<{ standby: boolean; pid: number; startedAt: string }>(
    `select pg_is_in_recovery() as standby, pid, backend_start::text as "startedAt"
      from pg_stat_activity where pid = pg_backend_pid()`,
  );
  const { standby, pid, startedAt } = rows[0]!;
  if (standby) throw new Standby('the server is a standby');
  return { pid, startedAt };
}

/** `postgres://u@a:5432,b:5432/cloud` names two servers, of which one is the primary: a URL for each. */
export function serversOf(url: string): string[] {
  const parts = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/.exec(url);
  if (!parts) return [url];
  const [, head = '', hosts = '', tail = ''] = parts;
  return hosts.split(',').map(host => `${head}${host}${tail}`);
}
