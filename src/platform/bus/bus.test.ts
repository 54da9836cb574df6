import { deepEqual, equal, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger } from '#/platform/log/log.ts';
import type { Json } from './bus.ts';
import { BusTimeout } from './bus.ts';
import { contract, livelyClock, until } from './contract.ts';
import { memoryBus } from './memory-bus.ts';
import { socketBusClient, socketBusServer } from './socket-bus.ts';

const log = createLogger('test', 'silent');
const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1);

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
