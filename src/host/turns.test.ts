import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '#/platform/clock/clock.ts';
import { createTurns } from './turns.ts';

test('a few at a time, in order; whoever waited too long is told to ask again', async () => {
  let at = 0;
  const inTurn = createTurns({ monotonic: () => at } as Clock, { atOnce: 2, patienceMs: 100 });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const ask = (number: number): Promise<number> =>
    inTurn(async () => {
      begun.push(number);
      await new Promise<void>(resolve => ends.push(resolve));
      return number;
    });
  const end = async (): Promise<void> => {
    ends.shift()!();
    await new Promise(resolve => setImmediate(resolve));
  };
  const first = [ask(1), ask(2), ask(3)];
  deepEqual(begun, [1, 2]);
  await end();
  deepEqual(begun, [1, 2, 3]);
  const late = ask(4);
  at = 90;
  const patient = ask(5);
  at = 150;
  const refused = rejects(late, /busy/);
  await end();
  await refused;
  deepEqual(begun, [1, 2, 3, 5]);
  await end();
  await end();
  deepEqual(await Promise.all([...first, patient]), [1, 2, 3, 5]);
  equal(await inTurn(async () => 6), 6);
});
