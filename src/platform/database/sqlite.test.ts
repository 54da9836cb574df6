// Writes that share a sync to the disk: each is kept or undone by itself, and none is told before it is there.

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createTable } from '#/platform/database/migrations.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import { afterCommit, type Tx } from '#/platform/database/tx.ts';

const notes = (tx: Tx) => tx.withTables<{ notes: { id: number } }>();
const add = (tx: Tx, id: number) => notes(tx).insertInto('notes').values({ id }).execute();

async function open(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-sqlite-'));
  const file = join(directory, 'test.db');
  const db = openSqlite({ file, clock: systemClock(), random: systemRandom() });
  t.after(async () => {
    await db.close();
    rmSync(directory, { recursive: true });
  });
  await db.write(tx => createTable(tx, 'sqlite', 'notes', { id: 'integer primary key' }));
  const ids = () =>
    db.read(async tx => (await notes(tx).selectFrom('notes').select('id').execute()).map(row => row.id));
  return { db, file, ids };
}

test('writes at the same time: each is kept or undone by itself', async t => {
  const { db, ids } = await open(t);
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_, id) =>
      db.write(async tx => {
        await add(tx, id);
        if (id % 3 === 0) throw new Error(`not ${id}`);
        return id;
      }),
    ),
  );
  const wanted = Array.from({ length: 100 }, (_, id) => id).filter(id => id % 3 !== 0);
  deepEqual(
    results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : [])),
    wanted,
  );
  deepEqual(await ids(), wanted);
});

test('what the engine refuses undoes only its own transaction', async t => {
  const { db, ids } = await open(t);
  const first = db.write(tx => add(tx, 1));
  const twice = db.write(async tx => {
    await add(tx, 2);
    await add(tx, 1);
  });
  const last = db.write(tx => add(tx, 3));
  await first;
  await rejects(twice, /UNIQUE/);
  await last;
  deepEqual(await ids(), [1, 3]);
});

test('a dry run among others writes nothing and runs no hook', async t => {
  const { db, ids } = await open(t);
  const hooks: number[] = [];
  const job = (id: number) => async (tx: Tx) => {
    await add(tx, id);
    afterCommit(tx, () => hooks.push(id));
    return id;
  };
  const [, dry] = await Promise.all([db.write(job(1)), db.write(job(2), { dryRun: true }), db.write(job(3))]);
  equal(dry, 2);
  deepEqual(await ids(), [1, 3]);
  deepEqual(hooks, [1, 3]);
});

test('another connection sees a write by the time it is told, and by its hooks', async t => {
  const { db, file } = await open(t);
  const other = new DatabaseSync(file, { readOnly: true });
  const count = (): number => Number(other.prepare('select count(*) as n from notes').get()!['n']);
  const seen: number[] = [];
  await Promise.all(
    [1, 2, 3].map(id =>
      db.write(async tx => {
        await add(tx, id);
        afterCommit(tx, () => seen.push(count()));
      }),
    ),
  );
  deepEqual(seen, [3, 3, 3]);
  equal(count(), 3);
  other.close();
});

test('a write that follows from a write has its turn', async t => {
  const { db, ids } = await open(t);
  await db.write(tx => add(tx, 1)).then(() => db.write(tx => add(tx, 2)));
  await db.write(tx => add(tx, 3));
  deepEqual(await ids(), [1, 2, 3]);
});
