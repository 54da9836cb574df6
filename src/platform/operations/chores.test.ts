// Chores and clocks that are wrong: what must be remembered is not forgotten by a process that lives in another year.

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { migrate } from '#/platform/database/migrations.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import { choreMigrations, runWhenDue } from '#/platform/operations/chores.ts';
import { seededRandom } from '../../../test/seeded-random.ts';

const minute = 60_000;
const years = 10 * 365 * 86_400_000;

test('nodes whose clocks are five minutes apart do it once a period, and the one behind when it is alone', async () => {
  let at = Date.UTC(2026, 0, 1);
  let skew = 0;
  let runs = 0;
  const clock: Clock = { now: () => at + skew, monotonic: () => at, after: () => ({ cancel() {} }) };
  const db = openSqlite({ file: ':memory:', clock, random: seededRandom(1), slots: new Map() });
  await migrate(db, choreMigrations);
  const chore = { name: 'one', everyMs: minute / 2, run: async () => void runs++ };
  const pass = async (minutes: number, skews: number[]): Promise<number> => {
    const before = runs;
    for (const end = at + minutes * minute; at < end; at += minute / 12)
      for (skew of skews) await runWhenDue(db, chore);
    return runs - before;
  };
  await pass(1, [0, 5 * minute]);
  equal(await pass(10, [0, 5 * minute]), 20);
  equal(await pass(10, [5 * minute, 0]), 20);
  await pass(6, [0]);
  equal(await pass(10, [0]), 20);
  await db.close();
});

test('a chore runs once a period, and not by a clock that nobody else goes by', async () => {
  let at = Date.UTC(2026, 0, 1);
  let runs = 0;
  const clock: Clock = { now: () => at, monotonic: () => at, after: () => ({ cancel() {} }) };
  const db = openSqlite({ file: ':memory:', clock, random: seededRandom(1), slots: new Map() });
  await migrate(db, choreMigrations);
  const chore = { name: 'one', everyMs: 10 * minute, run: async () => void runs++ };
  const look = (): Promise<boolean> => runWhenDue(db, chore);
  equal(await look(), false, 'what clock is this?');
  at += 10 * minute;
  equal(await look(), true);
  equal(await look(), false);
  at += 10 * minute;
  equal(await look(), true);
  for (const jump of [years, -years]) {
    at += 10 * minute;
    at += jump;
    equal(await look(), false, 'the first look of a wrong clock');
    at -= jump;
    equal(await look(), false, 'and the next of a right one');
  }
  equal(runs, 2);
  at += 10 * minute;
  equal(await look(), true);
  await db.close();
});
