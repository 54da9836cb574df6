// Hashes beside the process that asks: who makes them, at which priority, and what happens when that process dies.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { createPasswordsApart, priority } from './passwords-apart.ts';

/** Timers go off when the test says so. */
function heldClock(): Clock & { goOff(): void } {
  let due: (() => void) | null = null;
  return {
    ...systemClock(),
    after(_, call) {
      due = call;
      return { cancel: () => void (due = null) };
    },
    goOff: () => due?.(),
  };
}

/** Ids of the hash processes that this one started. */
function children(): number[] {
  return globSync('/proc/[0-9]*/task/*/children')
    .filter(file => file.startsWith(`/proc/${process.pid}/`))
    .flatMap(file => readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number))
    .filter(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('hash-process'));
}

async function until(wanted: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !wanted(); turn++) await pause(50);
  ok(wanted());
}

const random = systemRandom();
const log = createLogger('test', 'silent');

test('a lone login is hashed here; several by a process of lower priority, which ends when no more come', async () => {
  const clock = heldClock();
  const passwords = createPasswordsApart({ random, clock, log });
  const hash = await passwords.hash('one');
  deepEqual(await passwords.verify(hash, 'one'), { matches: true, stale: false });
  deepEqual(children(), []);

  const verdicts = Promise.all(['one', 'two', 'one', 'two'].map(word => passwords.verify(hash, word)));
  await until(() => children().length === 1 && getPriority(children()[0]) === priority);
  deepEqual(
    (await verdicts).map(({ matches }) => matches),
    [true, false, true, false],
  );
  const [created, unknown] = await Promise.all([passwords.hash('new'), passwords.verify(null, 'one')]);
  equal(unknown.matches, false);
  equal((await passwords.verify(created, 'new')).matches, true);
  equal(children().length, 1);

  clock.goOff();
  await until(() => children().length === 0);
  equal((await passwords.verify(hash, 'one')).matches, true);
});

test('logins outlive the process that hashes them', async () => {
  const passwords = createPasswordsApart({ random, clock: heldClock(), log });
  const hash = await passwords.hash('one');
  const verdicts = Promise.all(Array.from({ length: 6 }, () => passwords.verify(hash, 'one')));
  await until(() => children().length === 1);
  process.kill(children()[0]!, 'SIGKILL');
  ok((await verdicts).every(({ matches }) => matches));
});

test('what is written in JavaScript never holds up this process', async () => {
  const clock = heldClock();
  const passwords = createPasswordsApart({ random, clock, log });
  const bcrypt = '$2b$04$/f1Iv0HV7VoAQ1pZrrCzFevxgFArlbOIznvXbExLZXatS7EsE013i';
  const verdict = passwords.verify(bcrypt, 'password');
  await until(() => children().length === 1);
  deepEqual(await verdict, { matches: true, stale: true });
  clock.goOff();
  await until(() => children().length === 0);
});
