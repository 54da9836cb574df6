// A process that ends at any statement of any migration leaves a database that the next one can bring to its end: on SQLite
// with what is in its files at that moment, on PostgreSQL with a transaction that came no further. Default: every 40th
// statement; HANEUL_TEST_EVERY=1: all.

import { deepEqual, ok, rejects } from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KyselyPlugin } from 'kysely';
import { migrationsOf } from '#/cloud.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { finishMigrations, type Migration, migrate } from '#/platform/database/migrations.ts';
import { openPostgres } from '#/platform/database/postgres/postgres.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import { bindContext, contextOf } from '#/platform/database/tx.ts';
import { declaredServices } from '#/reference/declared-services.ts';
import { testPostgres, testServer } from './test-database.ts';

const every = Number(process.env['HANEUL_TEST_EVERY'] ?? 40);
const parts = { clock: systemClock(), random: systemRandom() };
const migrations = migrationsOf(await declaredServices());

/** The same, telling of each statement before it is made. */
function watched(at: () => void): Migration[] {
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => (at(), node),
    transformResult: async ({ result }) => result,
  };
  return migrations.map(migration => ({
    ...migration,
    up: (tx, engine) => migration.up(bindContext(tx.withPlugin(plugin), contextOf(tx)), engine),
  }));
}

async function tablesOf(db: Database): Promise<unknown> {
  return db.read(async tx =>
    (await tx.introspection.getTables())
      .map(({ name, columns }) => [name, columns.map(column => `${column.name} ${column.dataType}`)])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  );
}

async function finish(db: Database): Promise<unknown> {
  await migrate(db, migrations);
  await finishMigrations(db, migrations);
  const tables = await tablesOf(db);
  await db.close();
  return tables;
}

test('on SQLite', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-migrations-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const open = (name: string): Database => openSqlite({ file: join(directory, name), ...parts, slots: new Map() });
  let statements = 0;
  const copies: string[] = [];
  const whole = open('whole');
  await migrate(
    whole,
    watched(() => {
      if (statements++ % every) return;
      copies.push(`at-${statements}`);
      for (const ending of ['', '-wal'])
        if (existsSync(join(directory, `whole${ending}`)))
          cpSync(join(directory, `whole${ending}`), join(directory, `at-${statements}${ending}`));
    }),
  );
  const right = await finish(whole);
  for (const name of copies) deepEqual(await finish(open(name)), right, name);
  t.diagnostic(`${copies.length} of ${statements} statements`);
  ok(copies.length > 2);
});

test('on PostgreSQL', { skip: testServer() ? false : 'it needs PostgreSQL: ./haneul test postgres' }, async t => {
  const fresh = () => testPostgres(testServer()!, []);
  const open = (url: string): Promise<Database> => openPostgres({ url, connections: 2, ...parts });
  const one = await fresh();
  let statements = 0;
  const first = await open(one.url);
  await migrate(
    first,
    watched(() => void statements++),
  );
  const right = await finish(first);
  await one.drop();
  let ended = 0;
  for (let at = 1; at <= statements; at += every) {
    const { url, drop } = await fresh();
    const dying = await open(url);
    let count = 0;
    const stops = watched(() => {
      if (++count >= at) throw new Error('ends here');
    });
    await rejects(migrate(dying, stops), /ends here/);
    const next = await open(url);
    deepEqual(await finish(next), right, `statement ${at}`);
    await dying.close();
    await drop();
    ended++;
  }
  t.diagnostic(`${ended} of ${statements} statements`);
});
