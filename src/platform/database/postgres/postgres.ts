// PostgreSQL through pg: reads see one snapshot, writes are serializable, as if they ran one after another. Work that
// others came between, or whose connection was lost before its commit, is run again within bounds.

import { setTimeout as wait } from 'node:timers/promises';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Database, TxOptions } from '#/platform/database/database.ts';
import { bindContext, timestamp, type Tx, type TxContext } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { commitMarks } from './commit-marks.ts';
import { type Connection, openConnections } from './connections.ts';
import { failureIn } from './dialect.ts';
import { failureOf } from './failures.ts';
import { databaseTexts } from './texts.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/name?sslmode=verify-full`; several hosts with commas, of which one is the primary. */
  url: string;
  clock: Clock;
  random: Random;
  /** Shared by every transaction of this database: what the layers above attach. */
  slots?: Map<symbol, unknown>;
  /** How many connections at most, half of them for writes. */
  connections?: number;
  /** How long a transaction waits for a database that is away, in milliseconds. */
  patienceMs?: number;
  log?: Logger;
}

/** Tries of work that others come between; from `queueFrom` on those who met it wait for each other. */
const triesWhenContended = 25;
const queueFrom = 3;
/** Keys of the advisory locks: `haneul`, and what is locked. */
const lockSpace = 0x68616e65;
const contendedLock = 1;
const aloneLock = 2;

/** What a try of a transaction came to. */
type Outcome<T> =
  | { type: 'done'; value: T }
  | { type: 'again'; why: 'contended' | 'constraint' | 'lost'; thrown: unknown }
  | { type: 'thrown'; thrown: unknown };

/** Opens the database. It need not answer yet. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { clock, random, log, patienceMs = 10_000 } = options;
  const connections = await openConnections({ url: options.url, size: options.connections ?? 16, log });

  const marks = commitMarks(connections, random, lockSpace);

  const context = (tx: TxOptions): TxContext => ({
    clock,
    random,
    requestId: tx.requestId ?? null,
    now: timestamp(clock.now()),
    afterCommit: [],
    slots: options.slots ?? new Map(),
  });

  /** Runs tries until one settles it, waiting a little longer each time. */
  async function persist<T>(attempt: (met: number) => Promise<Outcome<T>>): Promise<T> {
    const started = performance.now();
    const met = { contended: 0, constraint: 0, lost: 0 };
    for (;;) {
      const outcome = await attempt(met.contended);
      if (outcome.type === 'done') return outcome.value;
      if (outcome.type === 'thrown') throw outcome.thrown;
      const { why, thrown } = outcome;
      met[why]++;
      if (why === 'constraint' && met.constraint > 2) throw thrown;
      if (why === 'contended' && met.contended >= triesWhenContended)
        throw new Problem('unavailable', databaseTexts.busy, {}, { cause: thrown });
      if (why === 'lost' && performance.now() - started >= patienceMs)
        throw new Problem('unavailable', databaseTexts.lost, {}, { cause: thrown });
      log?.debug({ err: thrown, met }, 'a transaction is run again');
      await wait(pauseMs(why, met[why], random));
    }
  }

  async function readOnce<T>(work: (tx: Tx) => Promise<T>, txOptions: TxOptions): Promise<Outcome<T>> {
    let connection: Connection;
    try {
      connection = await connections.take('read');
    } catch (thrown) {
      return failureOf(thrown) === 'lost' ? { type: 'again', why: 'lost', thrown } : { type: 'thrown', thrown };
    }
    const { client, session, release } = connection;
    try {
      // Sent together with the first query; when it fails, so does that.
      const begun = client.query('begin isolation level repeatable read read only');
      begun.catch(() => {});
      const value = await work(bindContext(session.db.withTables() as Tx, context(txOptions)));
      await begun;
      void client.query('rollback').then(
        () => release(false),
        () => release(true),
      );
      return { type: 'done', value };
    } catch (thrown) {
      return undone(connection, thrown);
    }
  }

  /** Takes back what a try did. */
  async function undone<T>(connection: Connection, thrown: unknown): Promise<Outcome<T>> {
    const { client, session, release } = connection;
    const failure = failureIn(session, thrown);
    if (failure === 'lost') release(true);
    else
      await client.query('rollback').then(
        () => release(false),
        () => release(true),
      );
    return failure === 'other' ? { type: 'thrown', thrown } : { type: 'again', why: failure, thrown };
  }

  async function writeOnce<T>(
    work: (tx: Tx) => Promise<T>,
    txOptions: TxOptions,
    contended: number,
  ): Promise<Outcome<T>> {
    let connection: Connection;
    try {
      await marks.ready();
      connection = await connections.take('write');
    } catch (thrown) {
      return failureOf(thrown) === 'lost' ? { type: 'again', why: 'lost', thrown } : { type: 'thrown', thrown };
    }
    const { client, session } = connection;
    const queued = contended >= queueFrom;
    const release = (broken: boolean): void => {
      if (!queued || broken) return connection.release(broken);
      void client.query(`select pg_advisory_unlock(${lockSpace}, ${contendedLock})`).then(
        () => connection.release(false),
        () => connection.release(true),
      );
    };
    const held = { ...connection, release };
    const bound = context(txOptions);
    let value: T;
    try {
      // Before the transaction, whose snapshot is then of after the wait.
      if (queued) await client.query(`select pg_advisory_lock(${lockSpace}, ${contendedLock})`);
      await client.query('begin isolation level serializable');
      value = await work(bindContext(session.db.withTables() as Tx, bound));
      // Work that swallowed a database's error has done nothing that could be committed.
      if (session.failure !== undefined) throw session.failure;
    } catch (thrown) {
      return undone(held, thrown);
    }
    if (txOptions.dryRun) {
      void client.query('rollback').then(
        () => release(false),
        () => release(true),
      );
      return { type: 'done', value };
    }
    const mark = session.wrote ? marks.next() : null;
    try {
      await client.query(mark === null ? 'commit' : `${marks.put(mark, clock.now())}; commit`);
      release(false);
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (failure !== 'lost') return undone(held, thrown);
      release(true);
      const fate = mark === null ? 'aborted' : await marks.fateOf(mark, connection, patienceMs);
      if (fate === 'aborted') return { type: 'again', why: 'lost', thrown };
      if (fate === 'unknown')
        return { type: 'thrown', thrown: new Problem('unavailable', databaseTexts.unknown, {}, { cause: thrown }) };
    }
    for (const hook of bound.afterCommit) hook();
    return { type: 'done', value };
  }

  return {
    engine: 'postgres',
    read: (work, txOptions = {}) => persist(() => readOnce(work, txOptions)),
    write: (work, txOptions = {}) => persist(contended => writeOnce(work, txOptions, contended)),
    async alone(work) {
      const connection = await persist<Connection>(async () => {
        try {
          const taken = await connections.take('own');
          await taken.client.query(`set statement_timeout = 0; set lock_timeout = 0`);
          await taken.client.query(`select pg_advisory_lock(${lockSpace}, ${aloneLock})`);
          return { type: 'done', value: taken };
        } catch (thrown) {
          return failureOf(thrown) === 'lost' ? { type: 'again', why: 'lost', thrown } : { type: 'thrown', thrown };
        }
      });
      try {
        return await work();
      } finally {
        // The lock goes with the connection.
        connection.release(true);
      }
    },
    close: () => connections.close(),
  };
}

/** Between tries: some milliseconds after others came between, up to a second while the database is away. */
function pauseMs(why: 'contended' | 'constraint' | 'lost', tries: number, random: Random): number {
  const dice = (random.bytes(1)[0]! + 1) / 256;
  if (why === 'lost') return Math.min(1_000, 50 * 2 ** Math.min(tries, 6)) * (0.5 + dice / 2);
  return why === 'constraint' ? 0 : Math.min(100, 2 * 2 ** Math.min(tries, 8)) * dice;
}
