import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Clock } from '#/platform/clock/clock.ts';
import { systemClock } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';
import type { Bus, Json } from './bus.ts';
import { BusRemoteError, BusTimeout } from './bus.ts';
import { memoryBus } from './memory-bus.ts';
import { socketBusClient, socketBusServer } from './socket-bus.ts';

const log = createLogger('test', 'silent');
const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1);
const said = texts('test', { gone: { en: 'Disk {id} is gone.', ko: '디스크 {id}이(가) 없습니다.' } });

/** A real clock whose timers keep the test alive. */
function livelyClock(): Clock {
  return {
    ...systemClock(),
    after(ms, call) {
      const timer = setTimeout(call, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

async function until(met: () => boolean): Promise<void> {
  for (let tries = 0; !met(); tries++) {
    if (tries > 400) throw new Error('it never came');
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** What every bus does. @param buses the same bus, seen from two ends. */
async function contract(one: Bus, other: Bus): Promise<void> {
  const seen: [string, Json][] = [];
  const end = other.subscribe('host.*', (message, subject) => seen.push([subject, message]));
  other.subscribe('host.a', () => {
    throw new Error('a bad subscriber');
  });
  other.subscribe('host.a', message => seen.push(['exact', message]));
  other.serve('echo', async message => ({ got: message }));
  other.serve('problem', async () => {
    throw new Problem('conflict', said.gone, { id: 'd1' });
  });
  other.serve('bug', async () => {
    throw new TypeError('oops');
  });
  other.serve('never', () => new Promise(() => {}));
  deepEqual(await one.request('echo', { n: [1, null] }), { got: { n: [1, null] } });

  const sent = { n: 1 };
  one.publish('host.a', sent);
  sent.n = 2;
  one.publish('host.a.b', 1);
  one.publish('host', 1);
  one.publish('host.b', 'x');
  await until(() => seen.length === 3);
  deepEqual(seen.toSorted(byText), [
    ['exact', { n: 1 }],
    ['host.a', { n: 1 }],
    ['host.b', 'x'],
  ]);
  end();
  one.publish('host.b', 'y');

  await rejects(one.request('problem', null), (thrown: unknown) => {
    ok(thrown instanceof Problem);
    equal(thrown.kind, 'conflict');
    equal(thrown.text.id, 'test.gone');
    equal(thrown.say('ko'), '디스크 d1이(가) 없습니다.');
    equal(thrown.say(), 'Disk d1 is gone.');
    deepEqual(thrown.facts, { id: 'd1' });
    return true;
  });
  await rejects(one.request('bug', null), BusRemoteError);
  await rejects(
    one.request('nobody', null),
    (t: unknown) => t instanceof BusTimeout && t.failure === 'noResponder' && t.kind === 'unavailable',
  );
  await rejects(
    one.request('never', null, { timeoutMs: 20 }),
    (t: unknown) => t instanceof BusTimeout && t.failure === 'timeout',
  );
  throws(() => one.publish('a..b', 1), Problem);
  throws(() => one.publish('a.*', 1), Problem);
  throws(
    () => one.publish('a', 'x'.repeat(17 << 20)),
    (t: unknown) => t instanceof Problem && t.kind === 'tooLarge',
  );
  await rejects(
    one.request('echo', 'x'.repeat(17 << 20)),
    (t: unknown) => t instanceof Problem && t.kind === 'tooLarge',
  );
  deepEqual(await one.request('echo', 'x'.repeat(1 << 20)), { got: 'x'.repeat(1 << 20) });
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => one.request('echo', n)));
  deepEqual(
    answers.map(a => (a as { got: number }).got),
    Array.from({ length: 200 }, (_, n) => n),
  );
  equal(seen.length, 3);
}

test('a bus in memory', async () => {
  const bus = memoryBus({ clock: livelyClock(), log });
  await contract(bus, bus);
  const open = rejects(bus.request('never', null), (t: unknown) => t instanceof BusTimeout && t.failure === 'closed');
  await bus.close();
  await open;
});

test('a bus in memory loses, repeats and delays what it is told to', async () => {
  const bus = memoryBus({
    clock: livelyClock(),
    copies: subject => (subject === 'lost' ? [] : subject === 'twice' ? [5, 0] : [0]),
  });
  const seen: string[] = [];
  for (const subject of ['lost', 'twice', 'plain']) bus.subscribe(subject, (_, s) => seen.push(s));
  for (const subject of ['lost', 'twice', 'plain']) bus.publish(subject, 1);
  await until(() => seen.length === 3);
  deepEqual(seen, ['twice', 'plain', 'twice']);
  bus.serve('lost', async m => m);
  bus.serve('twice', async m => m);
  equal(await bus.request('twice', 1), 1);
  await rejects(bus.request('lost', 1, { timeoutMs: 10 }), BusTimeout);
  await bus.close();
});

test('a bus on a socket', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'haneul-bus-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'bus.sock');
  await writeFile(path, 'left by a dead process');
  const clock = livelyClock();
  let server = await socketBusServer({ path, clock, log });
  equal((await stat(path)).mode & 0o777, 0o600);
  const a = socketBusClient({ path, clock, log });
  const b = socketBusClient({ path, clock, log });
  await until(() => server.clients() === 2);

  await t.test('from client to server', () => contract(a, server));
  await t.test('both ways, and between clients', async () => {
    a.serve('of-a', async m => ['a', m]);
    b.serve('of-b', async m => ['b', await b.request('of-a', m)]);
    deepEqual(await a.request('of-a', 1), ['a', 1]);
    deepEqual(await server.request('of-b', 1), ['b', ['a', 1]]);
    const seen: Json[] = [];
    b.subscribe('news.*', m => seen.push(m));
    await b.request('of-a', 0);
    a.publish('news.x', 'from a');
    server.publish('news.y', 'from the server');
    await until(() => seen.length === 2);
    deepEqual(seen.toSorted(byText), ['from a', 'from the server']);
  });
  await t.test('after the server was away, all is as before', async () => {
    a.serve('slow', () => new Promise(() => {}));
    await b.request('of-a', 0);
    const broken = rejects(
      b.request('slow', 1),
      (e: unknown) => e instanceof BusTimeout && e.failure === 'disconnected',
    );
    await new Promise(resolve => setTimeout(resolve, 10));
    await server.close();
    await broken;
    const waits = b.request('of-server', 1);
    server = await socketBusServer({ path, clock, log });
    server.serve('of-server', async () => 'again');
    equal(await waits, 'again');
    await until(() => server.clients() === 2);
    await new Promise(resolve => setTimeout(resolve, 20));
    deepEqual(await b.request('of-a', 2), ['a', 2]);
  });
  await t.test('nonsense costs only the one who sent it', async () => {
    const raw = connect(path);
    raw.write('{"t":"pub"}\n');
    await once(raw, 'close');
    deepEqual(await b.request('of-a', 3), ['a', 3]);
  });
  await t.test('an old server leaves the socket of its successor alone', async () => {
    const next = await socketBusServer({ path, clock, log });
    await server.close();
    await until(() => next.clients() === 2);
    deepEqual(await b.request('of-a', 4), ['a', 4]);
    await a.close();
    await b.close();
    await next.close();
    await rejects(stat(path));
  });
});
