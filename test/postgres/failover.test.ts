// The primary dies, stands still or is cut off, and its synchronous standby takes its place: nothing that was committed is
// lost, nothing is done twice, and who is not at fault waits little. HANEUL_TEST_ROUNDS: how often each.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { createTable, migrate } from '#/platform/database/migrations.ts';
import { openPostgres } from '#/platform/database/postgres/postgres.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { hasPostgres, type PostgresServer, postgresServer } from './server.ts';

const skip = hasPostgres() ? false : 'PostgreSQL is not installed';
const rounds = Number(process.env['HANEUL_TEST_ROUNDS'] ?? 1);

const done = (tx: Tx) => tx.withTables<{ done: { id: string; times: number } }>();
const migration = {
  name: 'test/0001-done',
  up: (tx: Tx, engine: Database['engine']) =>
    createTable(tx, engine, 'done', { id: 'text primary key', times: 'integer not null' }),
};

/** A way to a server that can be cut: then nothing arrives, and nobody is told. */
async function wayTo(server: PostgresServer): Promise<{ at: string; cut(): void; close(): void }> {
  const there = join(decodeURIComponent(server.url().split('host=')[1]!), '.s.PGSQL.5432');
  const sockets = new Set<Socket>();
  let isCut = false;
  const listener: Server = createServer({ allowHalfOpen: true }, from => {
    sockets.add(from);
    from.on('error', () => {});
    if (isCut) return void from.pause();
    const to = connect(there);
    sockets.add(to);
    to.on('error', () => from.destroy());
    from.on('close', () => !isCut && to.destroy());
    to.on('close', () => !isCut && from.destroy());
    from.on('data', data => !isCut && to.write(data));
    to.on('data', data => !isCut && from.write(data));
  });
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve));
  return {
    at: `127.0.0.1:${(listener.address() as { port: number }).port}`,
    cut: () => void (isCut = true),
    close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}

for (const what of ['killed', 'paused', 'cut off'] as const)
  test(`a primary that is ${what}`, { skip, timeout: 600_000 }, async t => {
    const longest: number[] = [];
    let writes = 0;
    for (let round = 0; round < rounds; round++) {
      await using primary = await postgresServer();
      await using standby = await postgresServer({ standbyOf: primary });
      primary.waitForStandby();
      const ways = await Promise.all([wayTo(primary), wayTo(standby)]);
      const url = `postgres://haneul@${ways.map(way => way.at).join(',')}/postgres`;
      const open = () => openPostgres({ url, clock: systemClock(), random: systemRandom(), patienceMs: 30_000 });
      const nodes = await Promise.all([open(), open()]);
      await migrate(nodes[0], [migration]);
      let over = false;
      let promotedAt = Number.POSITIVE_INFINITY;
      const acknowledged: string[] = [];
      const unknown = new Set<string>();
      const waits: number[] = [];
      const writer = async (db: Database, name: string): Promise<void> => {
        for (let turn = 0; !over; turn++) {
          const id = `${name}-${turn}`;
          try {
            await db.write(async tx => {
              const before = await done(tx).selectFrom('done').selectAll().where('id', '=', id).executeTakeFirst();
              await done(tx)
                .insertInto('done')
                .values({ id, times: (before?.times ?? 0) + 1 })
                .onConflict(conflict => conflict.column('id').doUpdateSet({ times: (before?.times ?? 0) + 1 }))
                .execute();
            });
            acknowledged.push(id);
            if (performance.now() > promotedAt) waits.push(performance.now() - promotedAt);
          } catch (thrown) {
            if (!(thrown instanceof Problem)) throw thrown;
            unknown.add(id);
          }
          await pause(5);
        }
      };
      const reader = async (db: Database): Promise<void> => {
        while (!over) {
          await db.read(tx => done(tx).selectFrom('done').selectAll().limit(1).execute());
          await pause(20);
        }
      };
      const work = [
        ...nodes.flatMap((db, at) => [0, 1, 2, 3].map(n => writer(db, `w${at}${n}`))),
        ...nodes.map(reader),
      ];
      await until(() => acknowledged.length > 50);
      if (what === 'killed') await primary.kill();
      else if (what === 'paused') primary.signal('SIGSTOP');
      else ways[0].cut();
      await pause(1_000);
      const before = acknowledged.length;
      await standby.promote();
      promotedAt = performance.now();
      // Every writer got through.
      const through = (): boolean =>
        nodes.every((_, at) => [0, 1, 2, 3].every(n => recent(acknowledged, before, `w${at}${n}`)));
      await until(through);
      longest.push(performance.now() - promotedAt);
      if (what === 'paused') {
        primary.signal('SIGCONT');
        await pause(2_000);
      }
      const more = acknowledged.length;
      await until(() => acknowledged.length > more + 50);
      over = true;
      await Promise.all(work);
      const { rows } = await rowsOf(standby);
      const times = new Map(rows.map(row => [row.id, row.times]));
      deepEqual(
        acknowledged.filter(id => !times.has(id)),
        [],
        'what was committed is there',
      );
      deepEqual(
        rows.filter(row => row.times !== 1),
        [],
        'and was done once',
      );
      const known = new Set([...acknowledged, ...unknown]);
      deepEqual(
        rows.filter(row => !known.has(row.id)),
        [],
      );
      equal(unknown.size, 0, 'every outcome is known');
      writes += acknowledged.length;
      await Promise.all(nodes.map(db => db.close()));
      for (const way of ways) way.close();
    }
    const worst = Math.max(...longest);
    t.diagnostic(`${rounds} rounds, ${writes} writes; all went on within ${Math.round(worst)} ms of the promotion`);
    // On a quiet machine about two seconds: one look at the servers, and the connections anew.
    ok(worst < 15_000, `${worst} ms`);
  });

function recent(all: string[], from: number, writer: string): boolean {
  return all.slice(from).some(id => id.startsWith(`${writer}-`));
}

async function rowsOf(server: PostgresServer): Promise<{ rows: { id: string; times: number }[] }> {
  const db = await openPostgres({ url: server.url(), clock: systemClock(), random: systemRandom() });
  const rows = await db.read(tx => done(tx).selectFrom('done').selectAll().execute());
  await db.close();
  return { rows };
}

async function until(what: () => boolean): Promise<void> {
  for (const end = performance.now() + 60_000; !what(); ) {
    if (performance.now() > end) throw new Error('not within a minute');
    await pause(20);
  }
}
