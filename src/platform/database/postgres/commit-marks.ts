// Marks that writes leave in their transactions, so that one whose commit was not answered can be looked for: it is there
// when its mark is. That holds after a crash and after a failover too, when transaction ids may have been given out again.

import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '#/platform/clock/clock.ts';
import type { Connection, Connections } from './connections.ts';
import { failureOf } from './failures.ts';
import { sever } from './primary.ts';

export interface CommitMarks {
  /** Makes the table, once. */
  ready(): Promise<void>;
  next(): string;
  /** The statement that leaves a mark. */
  put(mark: string, nowMs: number): string;
  fateOf(mark: string, lost: Connection, patienceMs: number): Promise<'committed' | 'aborted' | 'unknown'>;
}

const keptMs = 3_600_000;
/** Old marks are removed every so many writes. */
const sweepEvery = 2_000;
const tableLock = 3;

export function commitMarks(connections: Connections, random: Random, lockSpace: number): CommitMarks {
  const node = random.bytes(12).toString('hex');
  let count = 0;
  let made: Promise<void> | null = null;

  async function make(): Promise<void> {
    const connection = await connections.take('own');
    try {
      // `if not exists` alone fails where two do it at once.
      await connection.client.query(
        `begin; select pg_advisory_xact_lock(${lockSpace}, ${tableLock});
          create table if not exists "commitMarks" ("mark" text collate "C" primary key, "at" bigint not null); commit`,
      );
      connection.release(false);
    } catch (error) {
      connection.release(true);
      throw error;
    }
  }

  /** In a transaction of its own: within a serializable one it would be in every other's way. */
  async function sweep(before: number): Promise<void> {
    const connection = await connections.take('own').catch(() => null);
    await connection?.client.query('delete from "commitMarks" where "at" < $1', [before]).then(
      () => connection.release(false),
      () => connection.release(true),
    );
  }

  return {
    ready() {
      made ??= make().catch((error: unknown) => {
        made = null;
        throw error;
      });
      return made;
    },
    next: () => `${node}-${++count}`,
    put(mark, nowMs) {
      const at = Math.floor(nowMs);
      if (count % sweepEvery === 0) void sweep(at - keptMs);
      return `insert into "commitMarks" ("mark", "at") values ('${mark}', ${at})`;
    },
    async fateOf(mark, { backend }, patienceMs) {
      const started = performance.now();
      while (performance.now() - started < patienceMs) {
        let connection: Connection | undefined;
        try {
          connection = await connections.take('own');
          const { client } = connection;
          // Its process may not have noticed yet that nobody listens, and could still commit.
          const alive = await client.query(
            'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1::int and backend_start::text = $2',
            [backend.pid, backend.startedAt],
          );
          // A commit of its own: ended while it waited for the standby, one is there but may be nowhere else yet; when
          // this is everywhere, what was before it is.
          const asked = client.query('update "commitMarks" set "at" = "at" where "mark" = $1', [mark]);
          const found = await Promise.race([asked, late(patienceMs)]);
          if (!found) {
            sever(client);
            connection.release(true);
            return 'unknown';
          }
          connection.release(false);
          if (found.rowCount) return 'committed';
          if (!alive.rows.length) return 'aborted';
        } catch (error) {
          connection?.release(true);
          if (failureOf(error) !== 'lost') return 'unknown';
        }
        await wait(100);
      }
      return 'unknown';
    },
  };
}

function late(ms: number): Promise<null> {
  return wait(ms, null, { ref: false });
}
