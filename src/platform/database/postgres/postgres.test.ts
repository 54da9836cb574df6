// PostgreSQL as the database: what it gives back, and what it does when others come between or it goes away.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { createIndex, createTable, migrate } from '#/platform/database/migrations.ts';
import { afterCommit, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { hasPostgres, postgresServer, type PostgresServer } from '../../../../test/postgres/server.ts';
import { serversOf } from './connections.ts';
import { openPostgres } from './postgres.ts';

const skip = hasPostgres() ? false : 'PostgreSQL is not installed';
let server: PostgresServer;
let count = 0;

before(async () => {
  if (!skip) server = await postgresServer();
});
after(async () => server?.[Symbol.asyncDispose]());

type Things = {
  things: { id: string; name: string | null; size: number; ratio: number | null; bytes: Uint8Array | null };
};
const things = (tx: Tx) => tx.withTables<Things>();

const migration = {
  name: 'test/0001-things',
  async up(tx: Tx, engine: Database['engine']) {
    await createTable(tx, engine, 'things', {
      id: 'text primary key',
      name: 'text unique',
      size: 'integer not null',
      ratio: 'real',
      bytes: 'blob',
    });
    await createIndex(tx, 'things', ['size']);
  },
};

async function open(options: { url?: string; patienceMs?: number } = {}): Promise<Database> {
  return openPostgres({ url: server.url(), clock: systemClock(), random: systemRandom(), ...options });
}

async function fresh(): Promise<{ db: Database; url: string }> {
  const admin = await open();
  const name = `t${++count}`;
  const { default: pg } = await import('pg');
  const client = new pg.Client(server.url());
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  await admin.close();
  const db = await open({ url: server.url(name) });
  await migrate(db, [migration]);
  return { db, url: server.url(name) };
}

const row = (id: string, more: object = {}) => ({ id, name: null, size: 1, ratio: null, bytes: null, ...more });

test('a URL may name several servers', () => {
  deepEqual(serversOf('postgres://u:p@a:1,b/cloud?sslmode=require'), [
    'postgres://u:p@a:1/cloud?sslmode=require',
    'postgres://u:p@b/cloud?sslmode=require',
  ]);
});

test('values come back as they went in', { skip }, async () => {
  const { db } = await fresh();
  const big = 2 ** 53 - 1;
  await db.write(tx =>
    things(tx)
      .insertInto('things')
      .values([
        row('b', { name: 'ß', size: big, ratio: 0.1, bytes: new Uint8Array([0, 255]) }),
        row('B', { name: 'Z', size: true as unknown as number }),
        row('a'),
      ])
      .execute(),
  );
  await db.read(async tx => {
    const all = await things(tx).selectFrom('things').selectAll().orderBy('id').execute();
    deepEqual(
      all.map(({ id, size }) => [id, size]),
      [
        ['B', 1],
        ['a', 1],
        ['b', big],
      ],
    );
    deepEqual(all[2], row('b', { name: 'ß', size: big, ratio: 0.1, bytes: new Uint8Array([0, 255]) }));
    const names = await things(tx).selectFrom('things').select('name').orderBy('name').execute();
    deepEqual(
      names.map(({ name }) => name),
      [null, 'Z', 'ß'],
    );
    const down = await things(tx).selectFrom('things').select('name').orderBy('name', 'desc').execute();
    equal(down.at(-1)?.name, null);
    deepEqual(await things(tx).selectFrom('things').select('id').where('id', 'in', []).execute(), []);
    equal((await things(tx).selectFrom('things').select('id').where('id', 'not in', []).execute()).length, 3);
    const sums = await things(tx)
      .selectFrom('things')
      .select(eb => [
        eb.fn.countAll<number>().as('rows'),
        eb.fn.sum<number>('ratio').as('ratio'),
        sql<number>`sum("size") filter (where "size" < 5)`.as('size'),
        sql<number>`exists (select 1)`.as('there'),
      ])
      .executeTakeFirstOrThrow();
    deepEqual(sums, { rows: 3, ratio: 0.1, size: 2, there: 1 });
  });
  const changed = await db.write(tx =>
    things(tx).updateTable('things').set({ size: 4 }).where('size', '=', 1).executeTakeFirst(),
  );
  equal(changed.numUpdatedRows, 2n);
  await rejects(
    db.write(tx =>
      things(tx)
        .updateTable('things')
        .set({ name: sql`${undefined}` })
        .execute(),
    ),
    TypeError,
  );
  await rejects(
    db.write(tx =>
      things(tx)
        .insertInto('things')
        .values(row('x', { name: new Date(0) }))
        .execute(),
    ),
    TypeError,
  );
  await rejects(
    db.read(tx => things(tx).selectFrom('things').selectAll().where('id', '=', 'a\0').execute()),
    (thrown: unknown) => thrown instanceof Problem && thrown.kind === 'invalid',
  );
  await rejects(
    db.read(tx => things(tx).deleteFrom('things').execute()),
    /read-only/,
  );
  await db.close();
});

test('a dry run, a throw and a swallowed error leave nothing', { skip }, async () => {
  const { db } = await fresh();
  let told = 0;
  const insert = async (tx: Tx): Promise<string> => {
    afterCommit(tx, () => told++);
    await things(tx).insertInto('things').values(row('a')).execute();
    return 'done';
  };
  equal(await db.write(insert, { dryRun: true }), 'done');
  await rejects(
    db.write(async tx => {
      await insert(tx);
      throw new Error('no');
    }),
    /no/,
  );
  await rejects(
    db.write(async tx => {
      await insert(tx);
      await sql`select 1/0`.execute(tx).catch(() => {});
    }),
    /division by zero/,
  );
  equal((await db.read(tx => things(tx).selectFrom('things').selectAll().execute())).length, 0);
  equal(told, 0);
  await db.write(insert);
  equal(told, 1);
  await db.close();
});

test('many at once, from two nodes, all count', { skip }, async () => {
  const { db, url } = await fresh();
  const other = await open({ url });
  await db.write(tx =>
    things(tx)
      .insertInto('things')
      .values(row('sum', { size: 0 }))
      .execute(),
  );
  const add = (to: Database, id: string): Promise<void> =>
    to.write(async tx => {
      const { size } = await things(tx)
        .selectFrom('things')
        .select('size')
        .where('id', '=', 'sum')
        .executeTakeFirstOrThrow();
      await things(tx).insertInto('things').values(row(id)).execute();
      await things(tx)
        .updateTable('things')
        .set({ size: size + 1 })
        .where('id', '=', 'sum')
        .execute();
    });
  await Promise.all(Array.from({ length: 60 }, (_, n) => add(n % 2 ? db : other, `n${n}`)));
  const sum = await db.read(tx => things(tx).selectFrom('things').select('size').where('id', '=', 'sum').execute());
  deepEqual(sum, [{ size: 60 }]);
  await Promise.all([db.close(), other.close()]);
});

test('of those who check and then insert one wins, and the others see it', { skip }, async () => {
  const { db, url } = await fresh();
  const other = await open({ url });
  const take = (from: Database, n: number): Promise<string> =>
    from.write(async tx => {
      if (await things(tx).selectFrom('things').select('id').where('name', '=', 'one').executeTakeFirst())
        return 'taken';
      await things(tx)
        .insertInto('things')
        .values(row(`n${n}`, { name: 'one' }))
        .execute();
      return 'mine';
    });
  const all = await Promise.all(Array.from({ length: 30 }, (_, n) => take(n % 2 ? db : other, n)));
  equal(all.filter(one => one === 'mine').length, 1);
  await Promise.all([db.close(), other.close()]);
});

test('nodes that start at once migrate once', { skip }, async () => {
  const { db, url } = await fresh();
  const nodes = await Promise.all(Array.from({ length: 4 }, () => open({ url })));
  let ups = 0;
  const more = {
    name: 'test/0002-more',
    async up(tx: Tx, engine: Database['engine']) {
      ups++;
      await createTable(tx, engine, 'more', { id: 'text primary key' });
    },
  };
  await Promise.all(nodes.map(node => migrate(node, [migration, more])));
  equal(ups, 1);
  await Promise.all([db, ...nodes].map(node => node.close()));
});

test('a database that restarts is waited for, and one that stays away is told of', { skip }, async () => {
  const { db, url } = await fresh();
  const hasty = await open({ url, patienceMs: 300 });
  let acknowledged = 0;
  const ending = new AbortController();
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let n = 0; !ending.signal.aborted; n++) {
      await db.write(tx =>
        things(tx)
          .insertInto('things')
          .values(row(`${writer}-${n}`))
          .execute(),
      );
      acknowledged++;
    }
  });
  for (const how of ['immediate', 'fast', 'immediate'] as const) {
    await new Promise(resolve => setTimeout(resolve, 300));
    await server.stop(how);
    await rejects(
      hasty.read(tx => things(tx).selectFrom('things').selectAll().execute()),
      (thrown: unknown) => thrown instanceof Problem && thrown.kind === 'unavailable',
    );
    await server.start();
  }
  await new Promise(resolve => setTimeout(resolve, 300));
  ending.abort();
  await Promise.all(writers);
  const rows = await hasty.read(tx => things(tx).selectFrom('things').select('id').execute());
  ok(acknowledged > 10, `${acknowledged}`);
  // Nothing is lost and, as every id is written once, nothing was written twice.
  equal(rows.length, acknowledged);
  await Promise.all([db.close(), hasty.close()]);
});
