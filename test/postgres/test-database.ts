// The database of a test: SQLite in memory, or one of its own on the PostgreSQL server that HANEUL_TEST_DATABASE names.

import { createHash } from 'node:crypto';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { type Migration, migrate } from '#/platform/database/migrations.ts';
import { openPostgres } from '#/platform/database/postgres/postgres.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import { settled } from '../virtual-clock.ts';

export interface TestDatabase extends Database {
  /** Resolves when nothing is asked of the database, nor follows at once from an answer. */
  idle(): Promise<void>;
  /** The same database, as another process opens it. Only on PostgreSQL. */
  again?(parts: { clock: Clock; random: Random; slots: Map<symbol, unknown> }): Promise<TestDatabase>;
}

export interface TestDatabaseOptions {
  clock: Clock;
  random: Random;
  slots: Map<symbol, unknown>;
  /** Already made where that can be had quickly. */
  migrations?: Migration[];
}

/** The server for tests, by the URL of any of its databases; undefined where they run on SQLite. */
export function testServer(): string | undefined {
  return process.env['HANEUL_TEST_DATABASE'];
}

export async function testDatabase(options: TestDatabaseOptions): Promise<TestDatabase> {
  const server = testServer();
  if (!server) return { ...openSqlite({ file: ':memory:', ...options }), idle: settled };
  const { url, drop } = await testPostgres(server, options.migrations ?? []);
  const db = await openPostgres({ url, connections: 8, ...options });
  return {
    ...watched(db),
    again: async parts => watched(await openPostgres({ url, connections: 8, ...parts })),
    async close() {
      await db.close();
      await drop();
    },
  };
}

/** A database of its own on a server, with these migrations made. */
export async function testPostgres(
  server: string,
  migrations: Migration[],
): Promise<{ url: string; drop(): Promise<void> }> {
  const template = await templateOf(server, migrations);
  const name = `test_${process.pid}_${++count}`;
  await ask(server, `create database ${name} template ${template}`);
  return {
    url: at(server, name),
    async drop() {
      await ask(server, `drop database if exists ${name} with (force)`);
    },
  };
}

let count = 0;
const templates = new Map<string, Promise<string>>();

/** A migrated database takes seconds to make, and a copy of it a fraction of one. */
function templateOf(server: string, migrations: Migration[]): Promise<string> {
  if (!migrations.length) return Promise.resolve('template1');
  const names = migrations.map(({ name }) => name).join('\n');
  const name = `template_${createHash('sha256').update(names).digest('hex').slice(0, 16)}`;
  let made = templates.get(name);
  if (!made) templates.set(name, (made = makeTemplate(server, name, migrations).then(() => name)));
  return made;
}

async function makeTemplate(server: string, name: string, migrations: Migration[]): Promise<void> {
  const open = (url: string): Promise<Database> =>
    openPostgres({ url, clock: systemClock(), random: systemRandom(), connections: 2 });
  const admin = await open(server);
  // Test processes that run side by side make it once.
  await admin.alone!(async () => {
    if ((await ask(server, `select 1 from pg_database where datname = '${name}'`)) > 0) return;
    await ask(server, `drop database if exists ${name}_new with (force)`);
    await ask(server, `create database ${name}_new`);
    const db = await open(at(server, `${name}_new`));
    await migrate(db, migrations);
    await db.close();
    await ask(server, `alter database ${name}_new rename to ${name}`);
  });
  await admin.close();
}

async function ask(server: string, text: string): Promise<number> {
  const { default: pg } = await import('pg');
  const client = new pg.Client(server);
  await client.connect();
  try {
    return (await client.query(text)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

function at(server: string, database: string): string {
  const url = /^(postgres:\/\/[^/]*\/)[^?]*(.*)$/.exec(server)!;
  return `${url[1]}${database}${url[2]}`;
}

function watched(db: Database): TestDatabase {
  let open = 0;
  const count = async <T>(asked: Promise<T>): Promise<T> => {
    open++;
    try {
      return await asked;
    } finally {
      open--;
    }
  };
  return {
    ...db,
    read: (work, options) => count(db.read(work, options)),
    write: (work, options) => count(db.write(work, options)),
    async idle() {
      await settled();
      while (open > 0) {
        await settled();
        // An answer is followed up before the next look.
        if (open === 0) await settled();
      }
    },
  };
}
