import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { sleep } from '#/platform/clock/clock.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import { migrate } from '#/platform/database/migrations.ts';
import { createLogger } from '#/platform/log/log.ts';
import { createEngine, type Engine, type HostState } from '#/platform/operations/engine.ts';
import { operation, type OperationKind } from '#/platform/operations/operation.ts';
import {
  operationMigrations,
  operationsOf,
  start,
  supersede,
  table,
  wakeWaiting,
} from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';
import { fragileNode } from '../../../test/simulation/fragile-node.ts';
import { seededRandom } from '../../../test/seeded-random.ts';
import { settled, virtualClock } from '../../../test/virtual-clock.ts';

const t = texts('test', { no: { en: 'no', ko: '아니오' } });
const log = createLogger('test', 'silent');

async function bench(kinds: OperationKind[], hosts: Partial<HostState> = {}) {
  const clock = virtualClock();
  const random = seededRandom(1);
  const slots = new Map<symbol, unknown>();
  const db = openSqlite({ file: ':memory:', clock, random, slots });
  await migrate(db, operationMigrations);
  const bus = memoryBus({ clock, log });
  const state: HostState = {
    replan: async () => 1,
    wake() {},
    entry: async () => ({ state: 'pending' }),
    gone: async () => false,
    ...hosts,
  };
  const engineOf = (its: OperationKind[], more: { alone?: boolean } = {}): Engine =>
    createEngine({ ...more, db, slots, bus, clock, random, log, hosts: state, kinds: its });
  const make = (more: { alone?: boolean } = {}): Engine => engineOf(kinds, more);
  const engine = make();
  engine.start();
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 30; turn++) await settled();
  };
  return {
    clock,
    db,
    bus,
    engine,
    engineOf,
    make,
    settle,
    phase: () => db.read(async tx => (await operationsOf(tx, 'r'))[0]!.phase),
  };
}

test('steps run in order and share what they learn', async () => {
  const seen: string[] = [];
  const kind = operation<{ a: number }>('k')
    .write('one', { do: async (_tx, { a }) => (seen.push(`one ${a}`), { b: a + 1 }) })
    .call('two', { do: async (_outside, { b }) => (seen.push(`two ${b}`), { c: b + 1 }) })
    .write('three', { do: async (_tx, { c }) => void seen.push(`three ${c}`) });
  const { db, settle, phase } = await bench([kind]);
  await db.write(tx => start(tx, kind, { a: 1 }, { resourceId: 'r' }));
  await settle();
  deepEqual(seen, ['one 1', 'two 2', 'three 3']);
  equal(await phase(), 'done');
});

test('a refused step undoes those before it, backwards, then records the failure', async () => {
  const seen: string[] = [];
  const kind = operation<{ a: number }>('k')
    .write('one', { do: async () => ({ b: 1 }), undo: async () => void seen.push('undo one') })
    .call('two', { do: async () => {}, undo: async () => void seen.push('undo two') })
    .write('three', {
      do: async () => {
        throw new Problem('conflict', t.no);
      },
    })
    .failed(async (_tx, _state, problem) => void seen.push(`failed ${problem.say()}`));
  const { db, settle, phase } = await bench([kind]);
  await db.write(tx => start(tx, kind, { a: 1 }, { resourceId: 'r' }));
  await settle();
  deepEqual(seen, ['undo two', 'undo one', 'failed no']);
  equal(await phase(), 'failed');
});

test('what fails for no good reason is tried again, and deleting never gives up', async () => {
  let tries = 0;
  const kind = operation<object>('k', { onFailure: 'persist' }).call('one', {
    do: async () => {
      if (++tries < 8) throw new Problem('conflict', t.no);
    },
  });
  const { db, clock, settle, phase } = await bench([kind]);
  await db.write(tx => start(tx, kind, {}, { resourceId: 'r' }));
  for (let turn = 0; turn < 200 && tries < 8; turn++) {
    await settle();
    clock.next();
  }
  await settle();
  equal(tries, 8);
  equal(await phase(), 'done');
});

test('an applied step waits for the host, is woken by its report, and takes its facts', async () => {
  let applied = false;
  const kind = operation<object>('k')
    .applied('build', () => ({ host: 'h', key: 'volume/1' }), {
      take: ([facts]) => ({ path: (facts as { path: string }).path }),
    })
    .write('finish', { do: async (_tx, { path }) => equal(path, '/x') });
  const { db, settle, phase } = await bench([kind], {
    entry: async () => (applied ? { state: 'applied', facts: { path: '/x' } } : { state: 'pending' }),
  });
  await db.write(tx => start(tx, kind, {}, { resourceId: 'r' }));
  await settle();
  equal(await phase(), 'forward');
  applied = true;
  await db.write(tx => wakeWaiting(tx, 'h', keys => keys.includes('volume/1')));
  await settle();
  equal(await phase(), 'done');
});

test('a second engine takes over what the first left in the middle', async () => {
  let hang = true;
  let runs = 0;
  const kind = operation<object>('k').call('one', {
    do: () => {
      runs++;
      return hang ? new Promise<void>(() => {}) : Promise.resolve();
    },
  });
  const { db, clock, make, settle, phase } = await bench([kind]);
  await db.write(tx => start(tx, kind, {}, { resourceId: 'r' }));
  await settle();
  equal(runs, 1);
  hang = false;
  // The first engine is as dead as a killed process: its lease runs out.
  await db.write(tx =>
    table(tx).updateTable('operations').set({ leaseOwner: 'dead', leaseUntil: 0, wakeAt: 0 }).execute(),
  );
  make().start();
  for (let timers = 0; timers < 60; timers++) {
    equal(runs, 1, 'it may be alive');
    await settle();
    clock.next();
    await settle();
    if (runs > 1) break;
  }
  equal(runs, 2);
  equal(await phase(), 'done');
});

for (const acts of [true, false])
  test(`an engine that stood still for longer than its lease no longer ${acts ? 'acts' : 'commits'}`, async () => {
    const seen: string[] = [];
    const clock = virtualClock();
    const random = seededRandom(1);
    const db = openSqlite({ file: ':memory:', clock, random, slots: new Map() });
    await migrate(db, operationMigrations);
    const bus = memoryBus({ clock, log });
    bus.serve('host.a', async said => {
      seen.push(`host hears ${said as string}`);
      return null;
    });
    const engineOf = (name: string) => {
      const node = fragileNode({ clock, db, bus }, () => 0);
      let tries = 0;
      const kind = operation<object>('k', { onFailure: 'persist' })
        .call('one', {
          async do({ bus: its, clock: own }) {
            await its.request('host.a', name);
            await sleep(own, 1_000);
            // The one that takes over has the lease, and gives it back without having come further.
            if (name === 'second' && ++tries < 5) throw new Problem('unavailable', t.no);
            if (acts) await its.request('host.a', `${name} again`);
            return { by: name };
          },
        })
        .write('two', { do: async (_tx, { by }) => void seen.push(`two after ${by}`) });
      const engine = createEngine({ ...node, slots: new Map(), random, log, hosts: {} as HostState, kinds: [kind] });
      engine.start();
      return { node, kind };
    };
    const first = engineOf('first');
    await db.write(tx => start(tx, first.kind, {}, { resourceId: 'r' }));
    await clock.advance(500);
    deepEqual(seen, ['host hears first']);
    first.node.pause();
    engineOf('second');
    const rests = async (): Promise<boolean> =>
      db.read(async tx => {
        const [row] = await operationsOf(tx, 'r');
        return row!.leaseOwner === null && row!.attempts > 0;
      });
    for (let waited = 0; !(await rests()); waited += 100) {
      ok(waited < 10_000, 'it is taken over');
      await clock.advance(100);
    }
    first.node.goOn();
    await clock.advance(60_000);
    const after = seen.slice(1);
    ok(!after.includes('host hears first again') && !after.includes('two after first'), after.join());
    equal(after.at(-1), 'two after second');
    equal((await db.read(tx => operationsOf(tx, 'r')))[0]!.phase, 'done');
  });

for (const at of [0, 1, 2, 3])
  test(`what another version began and left at its step ${at + 1} is finished in that version's steps`, async () => {
    const seen: string[] = [];
    let held = true;
    /** One step that both versions have; the older one cannot get past the one at `at`. */
    const step = (name: string, order: number) => async (): Promise<void> => {
      if (held && order === at) throw new Problem('unavailable', t.no);
      seen.push(name);
    };
    const older = operation<object>('k', { onFailure: 'persist' });
    for (const [order, name] of ['one', 'two', 'three', 'four'].entries()) older.call(name, { do: step(name, order) });
    const newer = operation<object>('k', { onFailure: 'persist' });
    for (const name of ['zero', 'two', 'one', 'between', 'three', 'four', 'last'])
      newer.call(name, { do: step(name, -1) });
    const { db, engine, settle, phase, clock, bus, engineOf } = await bench([older]);
    await db.write(tx => start(tx, older, {}, { resourceId: 'r' }));
    await settle();
    await engine.stop();
    held = false;
    const next = engineOf([newer]);
    next.start();
    await clock.advance(60_000);
    deepEqual(seen, ['one', 'two', 'three', 'four']);
    equal(await phase(), 'done');

    // What the newer one begins the older leaves to it.
    await next.stop();
    await db.write(tx => start(tx, newer, {}, { resourceId: 'r' }));
    const old = engineOf([older]);
    old.start();
    await clock.advance(60_000);
    equal(seen.length, 4);
    await old.stop();
    engineOf([newer]).start();
    await clock.advance(60_000);
    deepEqual(seen.slice(4), ['zero', 'two', 'one', 'between', 'three', 'four', 'last']);
    await bus.close();
  });

test('an engine that is alone takes over at once what a dead one had leased', async () => {
  let hang = true;
  const kind = operation<object>('k').call('one', {
    do: () => (hang ? new Promise<void>(() => {}) : Promise.resolve()),
  });
  const { db, make, settle, phase } = await bench([kind]);
  await db.write(tx => start(tx, kind, {}, { resourceId: 'r' }));
  await settle();
  hang = false;
  make({ alone: true }).start();
  await settle();
  equal(await phase(), 'done');
});

test('what supersedes an operation ends it', async () => {
  const kind = operation<object>('k').applied('build', () => ({ host: 'h', key: 'volume/1' }));
  const { db, settle, phase } = await bench([kind]);
  await db.write(tx => start(tx, kind, {}, { resourceId: 'r' }));
  await settle();
  await db.write(tx => supersede(tx, 'r'));
  await settle();
  equal(await phase(), 'superseded');
});

test('a host that is silent for too long unwinds the operation', async () => {
  const kind = operation<object>('k').applied('build', () => ({ host: 'h', key: 'volume/1' }), { timeoutMs: 60_000 });
  const { db, clock, settle, phase } = await bench([kind]);
  await db.write(tx => start(tx, kind, {}, { resourceId: 'r' }));
  for (let second = 0; second < 90; second++) {
    await clock.advance(1_000);
    await settle();
  }
  equal(await phase(), 'failed');
});

test('a call that never answers is tried again when its time is over', async () => {
  let tries = 0;
  const kind = operation<object>('k').call('one', {
    do: () => (++tries === 1 ? new Promise<void>(() => {}) : Promise.resolve()),
    timeoutMs: 60_000,
  });
  const { db, clock, settle, phase } = await bench([kind]);
  await db.write(tx => start(tx, kind, {}, { resourceId: 'r' }));
  await settle();
  equal(tries, 1);
  for (let second = 0; second < 70; second++) {
    await clock.advance(1_000);
    await settle();
  }
  equal(tries, 2);
  equal(await phase(), 'done');
});
