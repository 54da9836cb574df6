// An upgrade's three steps, and the way back.

import { deepEqual, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sql } from 'kysely';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createTable, finishMigrations, migrate, type Migration, unfinished } from '#/platform/database/migrations.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Problem } from '#/platform/problem/problem.ts';

const first: Migration = {
  name: 'test/0001-things',
  up: (tx, engine) => createTable(tx, engine, 'things', { id: 'text primary key', colour: 'text' }),
};
/** What the next version brings, and takes away. */
const expand: Migration = {
  name: 'test/0002-shade',
  up: async tx => await tx.schema.alterTable('things').addColumn('shade', 'text').execute(),
};
const contract: Migration = {
  name: 'test/0003-no-colour',
  contract: true,
  up: async tx => await tx.schema.alterTable('things').dropColumn('colour').execute(),
};
const older = [first];
const newer = [first, expand, contract];

function open(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-migrations-'));
  const db = openSqlite({ file: join(directory, 'test.db'), clock: systemClock(), random: systemRandom() });
  t.after(async () => {
    await db.close();
    rmSync(directory, { recursive: true });
  });
  return db;
}

async function columns(tx: Tx): Promise<string[]> {
  return (await tx.introspection.getTables()).find(({ name }) => name === 'things')!.columns.map(({ name }) => name);
}

test('a new version adds, and its predecessor can come back until the upgrade is finished', async t => {
  const db = open(t);
  await migrate(db, older);
  await migrate(db, newer);
  deepEqual(await db.read(columns), ['id', 'colour', 'shade']);
  deepEqual(await db.read(tx => unfinished(tx, newer)), [contract.name]);
  await migrate(db, older);
  await migrate(db, newer);
  deepEqual(await finishMigrations(db, newer), [contract.name]);
  deepEqual(await finishMigrations(db, newer), []);
  deepEqual(await db.read(columns), ['id', 'shade']);
  await rejects(migrate(db, older), (thrown: Problem) => /any more.*0003-no-colour/.test(thrown.say('en')));
  await migrate(db, newer);
});

test('a new database has the newest tables at once', async t => {
  const db = open(t);
  await migrate(db, newer);
  deepEqual(await db.read(columns), ['id', 'shade']);
  deepEqual(await db.read(tx => unfinished(tx, newer)), []);
});

test('a record of migrations that knows no steps yet is taken over', async t => {
  const db = open(t);
  await db.write(async tx => {
    await sql`create table "schemaMigrations" ("name" text primary key, "appliedAt" text not null)`.execute(tx);
    await sql`insert into "schemaMigrations" values (${first.name}, '2026-01-01')`.execute(tx);
    await first.up(tx, 'sqlite');
  });
  await migrate(db, newer);
  deepEqual(await db.read(columns), ['id', 'colour', 'shade']);
});
