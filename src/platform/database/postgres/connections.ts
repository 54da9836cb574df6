// Connections to PostgreSQL: a pool for reads, so that they never wait for writers, and one for writes; and which of the
// servers in the URL is the primary now.

import type { Pool, PoolClient, PoolConfig } from 'pg';
import type { Logger } from '#/platform/log/log.ts';
import { type Session, sessionOver } from './dialect.ts';
import { failureOf, Standby } from './failures.ts';
import { factColumns, type ServerFacts, sever, watchPrimary } from './primary.ts';

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
  /** Of which server. */
  instance: string;
}

type Kind = 'read' | 'write' | 'own';

/** @property left rejects once another server is the primary */
type Pools = Record<Kind, Pool> & { left: PromiseWithResolvers<never> };

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
/** A transaction whose process hangs, is stopped or cut off must not hold its locks. */
const settings = '-c idle_in_transaction_session_timeout=4000 -c statement_timeout=120000 -c lock_timeout=60000';

/** Loads the driver: only clouds that use PostgreSQL do. Connects when something is asked. */
export async function openConnections({ url, size, log }: ConnectionsOptions): Promise<Connections> {
  const { default: pg } = await import('pg');
  const servers = serversOf(url);
  const known = new WeakMap<PoolClient, { session: Session; backend: Backend }>();
  /** Connections that are in use. */
  const taken = new Map<PoolClient, Backend>();
  let at = 0;
  let pools = open(0);
  const ending = new Set<Promise<void>>();
  const watch = watchPrimary({ servers, onPrimary: follow, ...(log ? { log } : {}) });

  function open(server: number): Pools {
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
    const left = Promise.withResolvers<never>();
    left.promise.catch(() => {});
    return { read: make(Math.max(1, size - writers)), write: make(writers), own: make(2), left };
  }

  function turnTo(server: number): void {
    const from = pools;
    at = server;
    pools = open(server);
    from.left.reject(new Standby('the primary is another'));
    for (const end of endOf(from)) {
      ending.add(end);
      void end.finally(() => ending.delete(end));
    }
  }

  /** What waits for an answer of a primary of before waits no longer. */
  function follow(server: number, instance: string): void {
    log?.debug({ server, instance }, 'the primary of the database');
    if (server !== at) turnTo(server);
    for (const [client, backend] of taken) if (backend.instance !== instance) sever(client);
  }

  async function connect(from: Pools, kind: Kind): Promise<PoolClient> {
    const asked = from[kind].connect();
    try {
      return await Promise.race([asked, from.left.promise]);
    } catch (error) {
      asked.then(
        client => client.release(true),
        () => {},
      );
      throw error;
    }
  }

  /** @throws Standby */
  async function backendOf(client: PoolClient): Promise<Backend> {
    const { rows } = await client.query<ServerFacts & Backend>(
      `select pid, backend_start::text as "startedAt", ${factColumns} from pg_stat_activity where pid = pg_backend_pid()`,
    );
    const facts = rows[0]!;
    if (!watch.newest(facts)) throw new Standby('the server is not the primary');
    return facts;
  }

  return {
    async take(kind) {
      const from = pools;
      watch.start();
      let client: PoolClient | undefined;
      try {
        client = await connect(from, kind);
        let facts = known.get(client);
        if (!facts) {
          const met = client;
          met.on('error', error => log?.debug({ err: error }, 'a connection to the database ended'));
          const backend = await Promise.race([backendOf(met), from.left.promise]);
          known.set(met, (facts = { session: sessionOver(met), backend }));
        }
        Object.assign(facts.session, { failure: undefined, wrote: false });
        const own = client;
        taken.set(own, facts.backend);
        return {
          client,
          ...facts,
          release(broken) {
            taken.delete(own);
            own.release(broken);
            if (broken) watch.hurry();
          },
        };
      } catch (error) {
        if (client) sever(client);
        client?.release(true);
        if (failureOf(error) === 'lost') watch.hurry();
        throw error;
      }
    },
    async close() {
      watch.stop();
      await Promise.allSettled([...ending, ...endOf(pools)]);
    },
  };
}

function endOf({ read, write, own }: Pools): Promise<void>[] {
  return [read, write, own].map(pool => pool.end());
}

/** `postgres://u@a:5432,b:5432/cloud` names two servers, of which one is the primary: a URL for each. */
export function serversOf(url: string): string[] {
  const parts = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?]*)(.*)$/.exec(url);
  if (!parts) return [url];
  const [, head = '', hosts = '', tail = ''] = parts;
  return hosts.split(',').map(host => `${head}${host}${tail}`);
}
