// SQLite through node:sqlite: WAL, one writer, a few readers, every commit synced to the disk before it is told.

import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Database, TxOptions } from '#/platform/database/database.ts';
import { createWriter } from '#/platform/database/sqlite-writer.ts';
import { bindContext, timestamp, type Tx, type TxContext } from '#/platform/database/tx.ts';

export interface SqliteOptions {
  /** A file, or `:memory:` (then reads share the writer's connection). */
  file: string;
  clock: Clock;
  random: Random;
  /** Shared by every transaction of this database: what the layers above attach. */
  slots?: Map<symbol, unknown>;
  /** What a database in memory begins with: the bytes of a database file without a write-ahead log. */
  content?: Uint8Array;
}

const readers = 4;

/** Opens the database, creating the file where it is missing. */
export function openSqlite(options: SqliteOptions): Database {
  const memory = options.file === ':memory:';
  const writer = connect(options.file, false);
  if (memory && options.content) writer.deserialize(options.content);
  const writerDb = kyselyOver(writer);
  const fileWriter = memory ? null : createWriter(writer, writerDb);
  const idle: Reader[] = [];
  const waiting: ((reader: Reader) => void)[] = [];
  let opened = 0;
  let lastWrite: Promise<unknown> = Promise.resolve();

  const context = (tx: TxOptions): TxContext => ({
    clock: options.clock,
    random: options.random,
    requestId: tx.requestId ?? null,
    now: timestamp(options.clock.now()),
    afterCommit: [],
    slots: options.slots ?? new Map(),
  });

  function write<T>(work: (tx: Tx) => Promise<T>, txOptions: TxOptions = {}): Promise<T> {
    if (!fileWriter) return writeAlone(work, txOptions);
    return fileWriter.write(work, () => context(txOptions), txOptions.dryRun ?? false);
  }

  /** In memory there is no disk to wait for. */
  async function writeAlone<T>(work: (tx: Tx) => Promise<T>, txOptions: TxOptions): Promise<T> {
    const turn = lastWrite;
    const { promise, resolve } = Promise.withResolvers<void>();
    lastWrite = promise;
    await turn;
    try {
      const bound = context(txOptions);
      const tx = bindContext(writerDb.withTables() as Tx, bound);
      writer.exec('BEGIN IMMEDIATE');
      let result: T;
      try {
        result = await work(tx);
      } catch (error) {
        writer.exec('ROLLBACK');
        throw error;
      }
      if (txOptions.dryRun) {
        writer.exec('ROLLBACK');
        return result;
      }
      writer.exec('COMMIT');
      for (const hook of bound.afterCommit) hook();
      return result;
    } finally {
      resolve();
    }
  }

  async function read<T>(work: (tx: Tx) => Promise<T>, txOptions: TxOptions = {}): Promise<T> {
    if (memory) return write(work, { ...txOptions, dryRun: true });
    const reader =
      idle.pop() ?? (opened < readers ? openReader() : await new Promise<Reader>(give => waiting.push(give)));
    reader.raw.exec('BEGIN');
    try {
      return await work(bindContext(reader.db.withTables() as Tx, context(txOptions)));
    } finally {
      reader.raw.exec('ROLLBACK');
      const next = waiting.shift();
      if (next) next(reader);
      else idle.push(reader);
    }
  }

  function openReader(): Reader {
    opened++;
    const raw = connect(options.file, true);
    return { raw, db: kyselyOver(raw) };
  }

  return {
    engine: 'sqlite',
    read,
    write,
    async close() {
      await lastWrite;
      await fileWriter?.idle();
      for (const reader of idle) reader.raw.close();
      writer.close();
    },
  };
}

interface Reader {
  raw: DatabaseSync;
  db: Kysely<object>;
}

function connect(file: string, readOnly: boolean): DatabaseSync {
  const raw = new DatabaseSync(file, { timeout: 10_000 });
  raw.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000');
  raw.exec('PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864');
  if (readOnly) raw.exec('PRAGMA query_only = ON');
  return raw;
}

function kyselyOver(raw: DatabaseSync): Kysely<object> {
  const connection = new SqliteConnection(raw);
  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: async () => {},
    commitTransaction: async () => {},
    rollbackTransaction: async () => {},
    releaseConnection: async () => {},
    destroy: async () => {},
  };
  return new Kysely({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => driver,
      createIntrospector: db => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Prepared statements kept per connection: preparing costs more than most of our queries do. */
const keptStatements = 500;

class SqliteConnection implements DatabaseConnection {
  readonly #raw: DatabaseSync;
  readonly #statements = new Map<string, { statement: StatementSync; reads: boolean }>();

  constructor(raw: DatabaseSync) {
    this.#raw = raw;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, reads } = this.#prepare(query.sql);
    const parameters = query.parameters.map(toSqlite);
    if (reads) return { rows: statement.all(...parameters) as R[] };
    const { changes, lastInsertRowid } = statement.run(...parameters);
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    for (const row of this.#prepare(query.sql).statement.iterate(...query.parameters.map(toSqlite)))
      yield { rows: [row as R] };
  }

  #prepare(sql: string): { statement: StatementSync; reads: boolean } {
    let known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#raw.prepare(sql);
    known = { statement, reads: statement.columns().length > 0 };
    if (this.#statements.size >= keptStatements) this.#statements.delete(this.#statements.keys().next().value!);
    this.#statements.set(sql, known);
    return known;
  }
}

type SqliteValue = string | number | bigint | null | Uint8Array;

/** node:sqlite would bind a Date or undefined as NULL without a word; here that is an error. */
function toSqlite(value: unknown): SqliteValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint')
    return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`cannot store a ${value === undefined ? 'missing value' : typeof value}`);
}
