// What every bus does, whatever carries it.

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import type { Clock } from '#/platform/clock/clock.ts';
import { systemClock } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';
import type { Bus, Json } from './bus.ts';
import { BusRemoteError, BusTimeout } from './bus.ts';

const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1);
const said = texts('test', { gone: { en: 'Disk {id} is gone.', ko: '디스크 {id}이(가) 없습니다.' } });

/** A real clock whose timers keep the test alive. */
export function livelyClock(): Clock {
  return {
    ...systemClock(),
    after(ms, call) {
      const timer = setTimeout(call, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

export async function until(met: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await met()); tries++) {
    if (tries > 400) throw new Error('it never came');
    await new Promise(resolve => setTimeout(resolve, 5));
  }
}

/** What every bus does. @param buses the same bus, seen from two ends. */
export async function contract(one: Bus, other: Bus): Promise<void> {
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
  other.serve('said.*', async (message, subject) => [subject, message]);
  // Between machines it takes a moment until what is served is known.
  await until(() =>
    one.request('echo', 0).then(
      () => true,
      () => false,
    ),
  );
  deepEqual(await one.request('echo', { n: [1, null] }), { got: { n: [1, null] } });
  deepEqual(await one.request('said.x', 1), ['said.x', 1]);

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
