// Which of the servers in the URL is the primary now: each is asked every second over a connection of its own, so that it is
// known even while the one that was it neither answers nor closes its connections.

import type { Client } from 'pg';
import type { Logger } from '#/platform/log/log.ts';

/** What a server says of itself. */
export interface ServerFacts {
  /** When its process started: no two servers have the same. */
  instance: string;
  standby: boolean;
  /** Raised by every promotion: of two that take writes, the one with the lower was replaced. 0 of a standby. */
  timeline: number;
}

export interface PrimaryWatch {
  /** Begins to ask, once. */
  start(): void;
  /** A connection was lost: asks now. */
  hurry(): void;
  /** Whether it takes writes, and no server that does is known to have replaced it. */
  newest(facts: ServerFacts): boolean;
  stop(): void;
}

export interface PrimaryWatchOptions {
  servers: string[];
  /** Called when another server, or another process of the same, has become the primary. */
  onPrimary(server: number, instance: string): void;
  log?: Logger;
}

const everyMs = 1_000;
const hurriedMs = 100;
/** Without an answer for so long, the connection is made anew. */
const patienceMs = 2_500;

/** To be selected, as `ServerFacts`. */
export const factColumns = `
  pg_postmaster_start_time()::text as "instance",
  pg_is_in_recovery() as "standby",
  case when pg_is_in_recovery() then 0
    else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int end as "timeline"`;

export function watchPrimary({ servers, onPrimary, log }: PrimaryWatchOptions): PrimaryWatch {
  const clients: (Client | undefined)[] = servers.map(() => undefined);
  let highest = 0;
  let known: string | undefined;
  let started = false;
  let stopped = false;
  const timers = new Map<number, NodeJS.Timeout>();
  const hurried = new Set<number>();

  function newest({ standby, timeline }: ServerFacts): boolean {
    if (standby || timeline < highest) return false;
    highest = timeline;
    return true;
  }

  async function ask(server: number): Promise<ServerFacts | null> {
    const late = AbortSignal.timeout(patienceMs);
    let client = clients[server];
    const tooLate = new Promise<never>((_, reject) => {
      late.addEventListener('abort', () => reject(new Error('no answer')), { once: true });
    });
    tooLate.catch(() => {});
    try {
      if (!client) {
        const { default: pg } = await import('pg');
        client = clients[server] = new pg.Client({ connectionString: servers[server]!, application_name: 'haneul' });
        client.on('error', () => {});
        await Promise.race([client.connect(), tooLate]);
      }
      const { rows } = await Promise.race([client.query<ServerFacts>(`select ${factColumns}`), tooLate]);
      return rows[0]!;
    } catch (err) {
      log?.debug({ err, server }, 'a server of the database does not answer');
      clients[server] = undefined;
      if (client) sever(client);
      return null;
    }
  }

  async function look(server: number): Promise<void> {
    timers.delete(server);
    hurried.delete(server);
    const facts = await ask(server);
    if (stopped) return severAll();
    if (facts && newest(facts) && facts.instance !== known) {
      known = facts.instance;
      onPrimary(server, known);
    }
    lookIn(server, everyMs);
  }

  function lookIn(server: number, ms: number): void {
    clearTimeout(timers.get(server));
    timers.set(
      server,
      setTimeout(() => void look(server), ms),
    );
    timers.get(server)!.unref();
  }

  function severAll(): void {
    for (const client of clients) if (client) sever(client);
  }

  return {
    newest,
    start() {
      if (started || stopped) return;
      started = true;
      for (const server of servers.keys()) void look(server);
    },
    hurry() {
      // Those that are being asked are not in the list.
      for (const server of timers.keys()) {
        if (hurried.has(server)) continue;
        hurried.add(server);
        lookIn(server, hurriedMs);
      }
    },
    stop() {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      severAll();
    },
  };
}

/** Ends a connection at once, whatever is on its way: who waits for an answer hears that there is none. */
export function sever(client: object): void {
  (client as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}
