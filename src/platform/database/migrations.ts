// Tables, described once for both engines, and the record of what has been made. An upgrade goes in three steps, so that
// two versions can work side by side and the new one can be left again: what it needs besides is added at its first start
// (expand), it runs (migrate), and what only its predecessor needed goes when the operator says so (contract).
// Columns are only text, integer (64 bit; 0 and 1 for booleans), real and blob; JSON is text. So rows come back alike.

import { PostgresAdapter, sql } from 'kysely';
import type { Database } from '#/platform/database/database.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';

export interface Migration {
  /** `block-storage/0001-volumes`: unique for ever. */
  name: string;
  /**
   * Takes away what the version before still uses: run by `finishMigrations`, and no other migration counts on it. All
   * others leave the tables such that the version before can go on with them.
   */
  contract?: true;
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

const t = texts('migrations', {
  finished: {
    en: 'This version cannot use the database any more: the upgrade to a later one was finished ({names}).',
    ko: '이 버전은 더 이상 데이터베이스를 쓸 수 없습니다. 이후 버전으로의 업그레이드가 마무리되었습니다({names}).',
  },
});

/**
 * Applies what is missing, each in a transaction of its own, in the order given; several processes may start at once.
 * On a database with data those that contract wait for `finishMigrations`.
 * @throws Problem conflict when a later version has taken away what this one needs
 */
export async function migrate(database: Database, migrations: Migration[]): Promise<void> {
  await alone(database, async () => {
    const done = await applied(database);
    const names = new Set(migrations.map(migration => migration.name));
    const later = done.filter(row => row.contract === 1 && !names.has(row.name)).map(row => row.name);
    if (later.length > 0) throw new Problem('conflict', t.finished, { names: later });
    const fresh = done.length === 0;
    await apply(
      database,
      migrations.filter(({ contract }) => fresh || !contract),
    );
  });
}

/** Applies those that contract, too. From then on the version before cannot start. @returns their names */
export async function finishMigrations(database: Database, migrations: Migration[]): Promise<string[]> {
  return alone(database, () => apply(database, migrations));
}

/** What `finishMigrations` would apply. */
export async function unfinished(tx: Tx, migrations: Migration[]): Promise<string[]> {
  const done = new Set((await tables(tx).selectFrom('schemaMigrations').select('name').execute()).map(row => row.name));
  return migrations.filter(({ name, contract }) => contract && !done.has(name)).map(({ name }) => name);
}

function alone<T>(database: Database, work: () => Promise<T>): Promise<T> {
  return database.alone ? database.alone(work) : work();
}

async function apply(database: Database, migrations: Migration[]): Promise<string[]> {
  const done = new Set((await applied(database)).map(row => row.name));
  const missing = migrations.filter(({ name }) => !done.has(name));
  for (const { name, contract, up } of missing)
    await database.write(async tx => {
      await up(tx, database.engine);
      await tables(tx)
        .insertInto('schemaMigrations')
        .values({ name, appliedAt: now(tx), contract: contract ? 1 : 0 })
        .execute();
    });
  return missing.map(({ name }) => name);
}

function applied(database: Database): Promise<SchemaMigrationRow[]> {
  return database.write(async tx => {
    await sql
      .raw('create table if not exists "schemaMigrations" ("name" text primary key, "appliedAt" text not null)')
      .execute(tx);
    const columns = (await tx.introspection.getTables()).find(table => table.name === 'schemaMigrations')!.columns;
    if (!columns.some(column => column.name === 'contract'))
      await sql.raw('alter table "schemaMigrations" add column "contract" bigint not null default 0').execute(tx);
    return tables(tx).selectFrom('schemaMigrations').selectAll().execute();
  });
}

interface SchemaMigrationRow {
  name: string;
  appliedAt: string;
  contract: number;
}

function tables(tx: Tx) {
  return tx.withTables<{ schemaMigrations: SchemaMigrationRow }>();
}
