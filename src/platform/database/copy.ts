// All rows of one database into another that has the same, empty tables: in one transaction, counted, and compared by
// their content. Run again after it succeeded it only compares.

import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { databaseTexts as t } from './postgres/texts.ts';

export interface Copied {
  tables: number;
  rows: number;
  /** Everything was there from an earlier run. */
  before: boolean;
}

type Row = Record<string, unknown>;

const batch = 1_000;
/** PostgreSQL takes 65,535 parameters in a statement. */
const parametersAtOnce = 30_000;

/**
 * Claims a database for a copy, before any table is made in it.
 * @throws Problem conflict when it holds something else
 */
export async function beginCopy(to: Database): Promise<void> {
  await to.write(async target => {
    const { rows } = await sql<{ state: string | null; tables: number }>`
      select to_regclass('"databaseCopy"')::text as "state", count(*) as "tables"
      from information_schema.tables
      where table_schema = current_schema() and table_name != 'commitMarks'`.execute(target);
    if (rows[0]!.state !== null) return;
    if (rows[0]!.tables > 0) throw new Problem('conflict', t.notEmpty);
    await sql`create table "databaseCopy" ("state" text not null)`.execute(target);
    await sql`insert into "databaseCopy" ("state") values ('begun')`.execute(target);
  });
}

/**
 * @param from an SQLite database that nobody writes to
 * @param to a PostgreSQL database that was claimed by `beginCopy` and has the same migrations made
 * @throws Problem conflict when something is different there
 */
export async function copyDatabase(
  from: Database,
  to: Database,
  tell: (table: string, fraction: number) => void,
): Promise<Copied> {
  return from.read(async source => {
    const tables = await tablesOf(source);
    return to.write(async target => {
      // A large table takes its time on one side while the other waits.
      await sql`set local idle_in_transaction_session_timeout = 0`.execute(target);
      const { rows: states } = await sql<{ state: string }>`select "state" from "databaseCopy"`.execute(target);
      const before = states[0]!.state === 'done';
      // Migrations put first rows into some tables.
      if (!before) for (const table of tables.toReversed()) await sql`delete from ${sql.table(table)}`.execute(target);
      let rows = 0;
      for (const [at, table] of tables.entries()) {
        tell(table, at / tables.length);
        if (!before) {
          for await (const some of rowsOfSqlite(source, table)) await insert(target, table, some);
          await continueSerials(target, table);
        }
        const here = await digest(rowsOfSqlite(source, table));
        const there = await digest(rowsOfPostgres(target, table));
        if (here.rows !== there.rows || here.hash !== there.hash)
          throw new Problem('conflict', t.different, { table, here: here.rows, there: there.rows });
        rows += here.rows;
      }
      await sql`update "databaseCopy" set "state" = 'done'`.execute(target);
      return { tables: tables.length, rows, before };
    });
  });
}

/** Every table, those that others refer to first. The record of migrations is the other database's own. */
async function tablesOf(source: Tx): Promise<string[]> {
  const { rows } = await sql<{ name: string; refersTo: string | null }>`
    select m.name as name, f."table" as "refersTo"
    from sqlite_master m left join pragma_foreign_key_list(m.name) f on f."table" != m.name
    where m.type = 'table' and m.name not like 'sqlite\\_%' escape '\\' and m.name != 'schemaMigrations'
    order by m.name`.execute(source);
  const wants = Map.groupBy(rows, row => row.name);
  const ordered = new Set<string>();
  const visit = (name: string): void => {
    if (ordered.has(name)) return;
    for (const { refersTo } of wants.get(name) ?? []) if (refersTo !== null) visit(refersTo);
    ordered.add(name);
  };
  for (const name of wants.keys()) visit(name);
  return [...ordered];
}

async function* rowsOfSqlite(source: Tx, table: string): AsyncGenerator<Row[]> {
  let last = -1;
  for (;;) {
    const { rows } = await sql<Row & { '#': number }>`
      select rowid as "#", * from ${sql.table(table)} where rowid > ${last} order by rowid limit ${batch}`.execute(
      source,
    );
    if (!rows.length) return;
    last = rows.at(-1)!['#'];
    yield rows.map(row => Object.fromEntries(Object.entries(row).filter(([name]) => name !== '#')));
  }
}

async function* rowsOfPostgres(target: Tx, table: string): AsyncGenerator<Row[]> {
  await sql`declare "copied" no scroll cursor for select * from ${sql.table(table)}`.execute(target);
  for (;;) {
    const { rows } = await sql<Row>`fetch ${sql.lit(batch)} from "copied"`.execute(target);
    if (!rows.length) break;
    yield rows;
  }
  await sql`close "copied"`.execute(target);
}

async function insert(target: Tx, table: string, rows: Row[]): Promise<void> {
  const size = Math.max(1, Math.floor(parametersAtOnce / Object.keys(rows[0]!).length));
  for (let at = 0; at < rows.length; at += size)
    await target
      .withTables<Record<string, Row>>()
      .insertInto(table)
      .values(rows.slice(at, at + size))
      .execute();
}

/** Numbers that the database gives out go on after the highest. */
async function continueSerials(target: Tx, table: string): Promise<void> {
  const { rows } = await sql<{ name: string; sequence: string | null }>`
    select column_name as "name", pg_get_serial_sequence(quote_ident(table_name), column_name) as "sequence"
    from information_schema.columns where table_schema = current_schema() and table_name = ${table}`.execute(target);
  for (const { name, sequence } of rows)
    if (sequence !== null)
      await sql`
        select setval(${sequence}, coalesce(max(${sql.ref(name)}), 0) + 1, false) from ${sql.table(table)}`.execute(
        target,
      );
}

/** A number that depends on every row, and not on their order. */
async function digest(batches: AsyncGenerator<Row[]>): Promise<{ rows: number; hash: string }> {
  let rows = 0;
  const sum = new BigUint64Array(2);
  for await (const some of batches)
    for (const row of some) {
      rows++;
      const hash = createHash('sha256');
      for (const name of Object.keys(row).sort()) {
        const value = row[name];
        hash.update(JSON.stringify([name, value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value]));
      }
      const bytes = hash.digest();
      sum[0]! += bytes.readBigUInt64LE(0);
      sum[1]! += bytes.readBigUInt64LE(8);
    }
  return { rows, hash: [...sum].map(part => part.toString(16)).join('-') };
}
