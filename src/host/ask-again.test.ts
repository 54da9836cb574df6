// A control plane that dies with a question costs a host seconds, not the whole time that it would wait.

import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { BusTimeout } from '#/platform/bus/bus.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { settled, virtualClock } from '../../test/virtual-clock.ts';
import { askAgain } from './ask-again.ts';

test('what nobody answers is asked once more', async () => {
  const clock = virtualClock();
  const bus = memoryBus({ clock });
  const asked: number[] = [];
  let answering = false;
  bus.serve('control.plan.h', message => {
    asked.push(clock.monotonic());
    return answering ? Promise.resolve(message) : new Promise(() => {});
  });
  const answer = askAgain({ bus, clock }, 'control.plan.h', 'question', { timeoutMs: 10_000 });
  await clock.advance(2_900);
  deepEqual(asked, [0]);
  answering = true;
  await clock.advance(200);
  equal(await answer, 'question');
  deepEqual(asked, [0, 3_000]);

  answering = false;
  const never = rejects(askAgain({ bus, clock }, 'control.plan.h', null, { timeoutMs: 10_000 }), BusTimeout);
  for (let turn = 0; turn < 20; turn++) await clock.advance(1_000);
  await settled();
  await never;
  equal(asked.length, 4);
});
