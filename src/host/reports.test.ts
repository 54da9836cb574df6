// A host greets a control plane of its own version and of the one before.

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { fromHost, helloSubject } from '#/host/commands.ts';
import { createReports } from '#/host/reports.ts';
import { createTimers } from '#/host/timers.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { any, object, parse, string } from '#/platform/http/schema.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';

const log = createLogger('test', 'silent');
const clock = systemClock();

function reportsOver(bus: ReturnType<typeof memoryBus>) {
  return createReports({
    host: 'a',
    version: '1.2.3',
    bus,
    clock,
    random: systemRandom(),
    log,
    timers: createTimers(clock),
    news: { changed: new Map(), gone: new Set() },
    standing: {
      plan: () => ({ revision: 0, entries: [] }),
      wanted: () => new Map(),
      pending: () => [],
      removing: () => [],
    },
    look: () => {},
  });
}

test('a host says its version, and leaves it out where the control plane does not know that word', async () => {
  const bus = memoryBus({ clock, log });
  const heard: unknown[] = [];
  const before = object({ host: string(), session: string(), roles: any() });
  let known = true;
  const end = bus.serve(fromHost(helloSubject, 'a'), async message => {
    if (!known) parse(before, message, platformTexts.invalidBody);
    heard.push((message as { version?: string }).version);
    return {};
  });
  equal(await reportsOver(bus).greet(async () => ({ roles: [] })), true);
  known = false;
  const reports = reportsOver(bus);
  equal(await reports.greet(async () => ({ roles: [] })), true);
  equal(await reports.greet(async () => ({ roles: [] })), false);
  deepEqual(heard, ['1.2.3', undefined]);
  end();
  bus.serve(fromHost(helloSubject, 'a'), async () => {
    throw new Problem('forbidden', platformTexts.invalidBody, { where: '', detail: '' });
  });
  await rejects(
    reportsOver(bus).greet(async () => ({ roles: [] })),
    (thrown: Problem) => thrown.kind === 'forbidden',
  );
  await bus.close();
});
