// Whoever does what only one may do at a time is killed, stands still or is cut off, over and over in virtual time:
// periodic work is done exactly once a period, no operation has two who work on it, and others soon go on.
// HANEUL_TEST_FAULTS: how many.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { sleep } from '#/platform/clock/clock.ts';
import { createTable, migrate } from '#/platform/database/migrations.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import { newId, nowMs, type Tx } from '#/platform/database/tx.ts';
import { createLogger } from '#/platform/log/log.ts';
import { type Chore, choreMigrations, startChores } from '#/platform/operations/chores.ts';
import { createEngine, type HostState } from '#/platform/operations/engine.ts';
import { operation } from '#/platform/operations/operation.ts';
import { operationMigrations, start } from '#/platform/operations/operation.store.ts';
import { createDice } from '#/simulation/dice.ts';
import { settled, virtualClock } from '../virtual-clock.ts';
import { type FragileNode, fragileNode } from './fragile-node.ts';

const faults = Number(process.env['HANEUL_TEST_FAULTS'] ?? 400);
const second = 1_000;
const log = createLogger('test', 'silent');
const periods = { often: 10 * second, 'now and then': 37 * second, seldom: 300 * second };
/** After this long without a fault a node has come to itself. */
const steadyMs = 15 * second;

type Done = {
  chores_done: { id: string; name: string; at: number };
  counted: { operation: string };
};
const done = (tx: Tx) => tx.withTables<Done>();

test(`${faults} times the leader is killed, stands still or is cut off`, async t => {
  const dice = createDice('leaders');
  const clock = virtualClock();
  const slots = new Map<symbol, unknown>();
  const db = openSqlite({ file: ':memory:', clock, random: dice.fork('database'), slots });
  await migrate(db, [
    ...operationMigrations,
    ...choreMigrations,
    {
      name: 'test/0001-done',
      async up(tx, engine) {
        await createTable(tx, engine, 'chores_done', { id: 'text primary key', name: 'text not null', at: 'integer' });
        await createTable(tx, engine, 'counted', { operation: 'text primary key' });
      },
    },
  ]);
  const bus = memoryBus({ clock, log });
  /** The tries of each operation's outside step in the order in which they began, by what reached the host. */
  const reached = new Map<string, number[]>();
  bus.serve('host.a.act', async message => {
    const { operation: id, run } = message as { operation: string; run: number };
    reached.set(id, [...(reached.get(id) ?? []), run]);
    return null;
  });
  const hosts: HostState = {
    replan: async () => 1,
    wake() {},
    entry: async () => ({ state: 'pending' }),
    gone: async () => true,
  };
  let runs = 0;
  /** Who began which operation last, and when. */
  const working = new Map<string, { node: Node; since: number }>();
  const leadsChores: Record<string, Node> = {};

  interface Node extends FragileNode {
    /** Since when nothing befell it. */
    steadyFrom: number;
  }

  function boot(): Node {
    const node: Node = Object.assign(
      fragileNode({ clock, db, bus }, () => dice.next()),
      { steadyFrom: clock.monotonic() },
    );
    const kind = kindOf(node);
    const parts = { db: node.db, clock: node.clock, log };
    createEngine({ ...parts, slots: new Map(), bus: node.bus, random: dice, hosts, kinds: [kind] }).start();
    startChores(parts, choresOf(node)).start();
    return node;
  }

  const choresOf = (node: Node): Chore[] =>
    Object.entries(periods).map(([name, everyMs]) => ({
      name,
      everyMs,
      async run(tx) {
        leadsChores[name] = node;
        await done(tx)
          .insertInto('chores_done')
          .values({ id: newId(tx), name, at: nowMs(tx) })
          .execute();
      },
    }));

  const kindOf = (node: Node | null) =>
    operation<{ id: string }>('test.lead', { onFailure: 'persist' })
      .call('act', {
        async do(outside, { id }) {
          const run = ++runs;
          const before = working.get(id);
          working.set(id, { node: node!, since: clock.monotonic() });
          if (before && before.node !== node) takenOver(before.node);
          for (let part = 0; part < 4; part++) {
            await outside.bus.request('host.a.act', { operation: id, run });
            await sleep(outside.clock, 3 * second);
          }
        },
      })
      .write('count', {
        async do(tx, { id }) {
          working.delete(id);
          await done(tx).insertInto('counted').values({ operation: id }).execute();
        },
      });

  /** When each node's last fault began. */
  const faultAt = new Map<Node, number>();
  const takeOverMs: number[] = [];
  function takenOver(from: Node): void {
    const since = faultAt.get(from);
    if (since !== undefined && !from.sound()) takeOverMs.push(clock.monotonic() - since);
  }

  const nodes = [boot(), boot(), boot()];
  const steady = (node: Node): boolean => node.sound() && clock.monotonic() - node.steadyFrom >= steadyMs;
  const kind = kindOf(null);
  const begun: string[] = [];
  await clock.advance(steadyMs);
  const counts = { kill: 0, pause: 0, cut: 0 };
  while (counts.kill + counts.pause + counts.cut < faults) {
    if (working.size < 2) {
      const id = `o${begun.length}`;
      begun.push(id);
      await db.write(tx => start(tx, kind, { id }, { resourceId: id }));
    }
    await clock.advance(dice.between(1, 8 * second));
    // One of those that lead, while another can take its place.
    const leaders = [...[...working.values()].map(({ node }) => node), ...Object.values(leadsChores)];
    const victims = leaders.filter(leader => leader.sound() && nodes.some(other => other !== leader && steady(other)));
    if (!victims.length) continue;
    const victim = dice.pick(victims);
    faultAt.set(victim, clock.monotonic());
    victim.steadyFrom = Number.POSITIVE_INFINITY;
    const what = dice.pick(['kill', 'pause', 'cut'] as const);
    counts[what]++;
    victim[what]();
    const back = (): void => {
      if (what === 'kill') nodes.splice(nodes.indexOf(victim), 1, boot());
      else victim[what === 'pause' ? 'goOn' : 'heal']();
      victim.steadyFrom = clock.monotonic();
    };
    clock.after(dice.between(second, 40 * second), back);
  }
  await clock.advance(120 * second);
  for (let turn = 0; turn < 10; turn++) await settled();

  const counted = await db.read(tx => done(tx).selectFrom('counted').selectAll().execute());
  deepEqual(counted.map(row => row.operation).sort(), begun.sort(), 'each operation is done, and once');
  for (const [id, order] of reached)
    deepEqual(
      order,
      order.toSorted((a, b) => a - b),
      `${id}: who was replaced acts no more`,
    );
  const rows = await db.read(tx => done(tx).selectFrom('chores_done').selectAll().orderBy('at').execute());
  let late = 0;
  for (const [name, everyMs] of Object.entries(periods)) {
    const times = rows.filter(row => row.name === name).map(row => row.at);
    const gaps = times.slice(1).map((at, before) => at - times[before]!);
    ok(Math.min(...gaps) >= 0.95 * everyMs, `${name}: twice within ${Math.min(...gaps)} ms`);
    late = Math.max(late, Math.max(...gaps) - everyMs);
    equal(Math.max(...gaps) <= everyMs + 5 * second, true, `${name}: not for ${Math.max(...gaps)} ms`);
  }
  const longest = Math.max(...takeOverMs);
  t.diagnostic(
    `${JSON.stringify(counts)}; ${begun.length} operations, ${takeOverMs.length} taken over within ${longest} ms; ` +
      `${rows.length} periods, at most ${late} ms late; ${Math.round(clock.monotonic() / second)} s of virtual time`,
  );
  // As long as a lease, a renewal, and a look before and after.
  ok(longest < 8.5 * second, `taken over after ${longest} ms`);
  await db.close();
});
