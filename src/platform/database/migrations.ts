// Tables, described once for both engines, and the record of what has been made.
// Columns are only text, integer (64 bit; 0 and 1 for booleans), real and blob; JSON is text. So rows come back alike.

import { PostgresAdapter, sql } from 'kysely';
import type { Database } from '#/platform/database/database.ts';
import { now, type Tx } from '#/platform/database/tx.ts';

export interface Migration {
  /** `block-storage/0001-volumes`: unique for ever. */
  name: string;
  up(tx: Tx, engine: Database['engine']): Promise<void>;
}

/**
 * Creates a table. Columns are SQL of the common subset: `{ id: 'text primary key', sizeGib: 'integer not null' }`.
 * @param constraints such as `unique ("projectId", "name")`
 */
export async function createTable(
  tx: Tx,
  engine: Database['engine'],
  name: string,
  columns: Record<string, string>,
  constraints: string[] = [],
): Promise<void> {
  const lines = Object.entries(columns).map(
    ([column, type]) => `"${column}" ${engine === 'postgres' ? postgresType(type) : type}`,
  );
  const strict = engine === 'sqlite' ? ' strict' : '';
  await sql.raw(`create table "${name}" (${[...lines, ...constraints].join(', ')})${strict}`).execute(tx);
}

/** Creates an index named after its columns. */
export async function createIndex(
  tx: Tx,
  table: string,
  columns: string[],
  options: { unique?: boolean; where?: string } = {},
): Promise<void> {
  // In the order that queries ask for, see the dialect.
  const order = tx.getExecutor().adapter instanceof PostgresAdapter ? ' nulls first' : '';
  const list = columns.map(column => `"${column}"${order}`).join(', ');
  const where = options.where ? ` where ${options.where}` : '';
  await sql
    .raw(
      `create ${options.unique ? 'unique ' : ''}index "${table}_${columns.join('_')}" on "${table}" (${list})${where}`,
    )
    .execute(tx);
}

function postgresType(type: string): string {
  return type
    .replace(/^text\b/, 'text collate "C"')
    .replace(/^integer\b/, 'bigint')
    .replace(/^real\b/, 'double precision')
    .replace(/^blob\b/, 'bytea');
}

/** Applies what is missing, each in a transaction of its own, in the order given; several processes may start at once. */
export async function migrate(database: Database, migrations: Migration[]): Promise<void> {
  await (database.alone ? database.alone(() => apply(database, migrations)) : apply(database, migrations));
}

async function apply(database: Database, migrations: Migration[]): Promise<void> {
  const done = await database.write(async tx => {
    await sql
      .raw('create table if not exists "schemaMigrations" ("name" text primary key, "appliedAt" text not null)')
      .execute(tx);
    return new Set((await tables(tx).selectFrom('schemaMigrations').select('name').execute()).map(row => row.name));
  });
  for (const migration of migrations) {
    if (done.has(migration.name)) continue;
    await database.write(async tx => {
      await migration.up(tx, database.engine);
      await tables(tx)
        .insertInto('schemaMigrations')
        .values({ name: migration.name, appliedAt: now(tx) })
        .execute();
    });
  }
}

function tables(tx: Tx) {
  return tx.withTables<{ schemaMigrations: { name: string; appliedAt: string } }>();
}
