// The bus over a real nats-server, with TLS on both sides and a credential for each host.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { type Bus, BusTimeout, type Json } from '#/platform/bus/bus.ts';
import { contract, livelyClock, until } from '#/platform/bus/contract.ts';
import { natsBus } from '#/platform/bus/nats/nats-bus.ts';
import { systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { hasNats, natsServer, type NatsServer } from './server.ts';

const skip = hasNats() ? false : 'nats-server is not installed';
const log = createLogger('test', 'silent');

function join(server: NatsServer, name: string, tls = server.tls(name)): Bus {
  return natsBus({ servers: [server.url], name, tls, clock: livelyClock(), random: systemRandom(), log });
}

const soon = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
const hurry = { timeoutMs: 300 };
const answers = (bus: Bus, subject: string): Promise<boolean> =>
  bus.request(subject, null, hurry).then(
    () => true,
    () => false,
  );

test('over NATS: what every bus does', { skip }, async () => {
  await using server = await natsServer([]);
  const [one, other] = [join(server, 'control'), join(server, 'control')];
  await contract(one, other);
  await contract(other, one).catch((error: Error) => ok(/served already/.test(error.message), error.message));
  await Promise.all([one.close(), other.close()]);
});

test('over NATS: several control planes take turns, and all hear the news', { skip }, async () => {
  await using server = await natsServer(['h1']);
  const planes = [join(server, 'control'), join(server, 'control')];
  const host = join(server, 'h1');
  const served = [0, 0];
  const heard = [0, 0];
  for (const [at, plane] of planes.entries()) {
    plane.serve('control.plan.*', async (message, subject) => {
      served[at]!++;
      return { subject, message };
    });
    plane.subscribe('control.heartbeat.*', () => void heard[at]!++);
  }
  await until(() => answers(host, 'control.plan.h1'));
  for (let n = 0; n < 60; n++)
    deepEqual(await host.request('control.plan.h1', n), { subject: 'control.plan.h1', message: n });
  ok(served[0]! > 5 && served[1]! > 5, served.join());
  for (let n = 0; n < 5; n++) host.publish('control.heartbeat.h1', null);
  await until(() => heard[0] === 5 && heard[1] === 5);
  await Promise.all([...planes, host].map(bus => bus.close()));
});

test('a host’s credential reaches its own subjects only', { skip }, async () => {
  await using server = await natsServer(['h1', 'h2']);
  const [control, h1, h2] = [join(server, 'control'), join(server, 'h1'), join(server, 'h2')];
  control.serve('control.hello.*', async (_, subject) => subject);
  h2.serve('host.h2.reboot', async () => 'rebooted');
  h1.serve('host.h1.reboot', async () => 'rebooted');
  await until(() => answers(control, 'host.h2.reboot'));
  equal(await h1.request('control.hello.h1', null), 'control.hello.h1');

  // Commands another, says something in its name, hears what it is told, takes its work.
  await rejects(h1.request('host.h2.reboot', null, hurry), BusTimeout);
  await rejects(h1.request('control.hello.h2', null, hurry), BusTimeout);
  const overheard: Json[] = [];
  h1.subscribe('host.h2.plan-changed', message => overheard.push(message));
  h1.subscribe('host.h2.*', message => overheard.push(message));
  h1.subscribe('control.hello.*', message => overheard.push(message));
  h1.serve('host.h2.stolen', async () => 'mine');
  h1.serve('control.plan.*', async () => 'mine');
  await soon(200);
  control.publish('host.h2.plan-changed', 1);
  await h2.request('control.hello.h2', 'secret');
  await rejects(control.request('host.h2.stolen', null, hurry), BusTimeout);
  await rejects(h2.request('control.plan.h2', null, hurry), BusTimeout);
  deepEqual(overheard, []);
  // And is still of use for what is its own.
  equal(await control.request('host.h1.reboot', null), 'rebooted');

  const liar = join(server, 'h2', await server.forged('h2'));
  await rejects(liar.request('control.hello.h2', null, hurry), BusTimeout);
  server.setHosts(['h1']);
  await soon(300);
  await rejects(h2.request('control.hello.h2', null, hurry), BusTimeout);
  server.setHosts(['h1', 'h2']);
  await until(() => answers(h2, 'control.hello.h2'));
  await Promise.all([control, h1, h2, liar].map(bus => bus.close()));
});

test('NATS away for a while: requests wait, and everything is as before', { skip }, async () => {
  await using server = await natsServer(['h1']);
  const [control, host] = [join(server, 'control'), join(server, 'h1')];
  const ended: string[] = [];
  control.serve('control.hello.*', async () => 'hello');
  control.serve('control.slow.*', () => new Promise(() => {}));
  const stop = control.serve('control.gone.*', async () => 'gone');
  await until(() => answers(host, 'control.hello.h1'));
  const open = host.request('control.slow.h1', null).catch((error: BusTimeout) => ended.push(error.failure));
  await soon(50);
  for (let round = 0; round < 3; round++) {
    await server.stop();
    await soon(200);
    stop();
    const waits = host.request('control.hello.h1', null);
    await soon(300);
    await server.start();
    // It waits for the server; who serves may be back a moment later than who asks.
    const answer = await waits.catch((error: BusTimeout) => error.failure);
    ok(answer === 'hello' || answer === 'noResponder', String(answer));
    await until(() => answers(host, 'control.hello.h1'));
  }
  await open;
  deepEqual(ended, ['disconnected']);
  await rejects(host.request('control.gone.h1', null, hurry), BusTimeout);
  await Promise.all([control.close(), host.close()]);
});
