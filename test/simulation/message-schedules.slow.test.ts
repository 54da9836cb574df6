// Every single message of every kind of operation, and many pairs of them: lost, twice, late. The operation comes to its
// end all the same, and nothing is left or missing. HANEUL_SCHEDULE_PAIRS says how many pairs, HANEUL_SCHEDULE_SEED which;
// HANEUL_SCHEDULE_SAMPLE takes so many of each kind of operation instead of all.

import { deepEqual } from 'node:assert/strict';
import { after, test } from 'node:test';
import { createDice } from '#/simulation/dice.ts';
import { during, removeAll } from '#/simulation/simulate.ts';
import { removeTemplate } from '#/simulation/template.ts';
import { type MatrixCloud, openMatrix, sentences } from './matrix-cloud.ts';
import { everyMishap, goBy, type Schedule, tellSchedule } from './message-schedules.ts';
import { scenarios } from './operation-scenarios.ts';

after(removeTemplate);

const pairs = Number(process.env['HANEUL_SCHEDULE_PAIRS'] ?? 5_000);
const seed = process.env['HANEUL_SCHEDULE_SEED'] ?? '1';
const sample = Number(process.env['HANEUL_SCHEDULE_SAMPLE'] ?? 0);

/** Longer than an operation takes when a message of it is lost. */
const limitMs = 10 * 60_000;

const opened = await openMatrix('kinds');
await opened.cloud.close();
const kinds = opened.kinds.map(({ kind }) => kind).filter(kind => scenarios[kind]);

/** @returns how many messages were sent until the operation had come to its end */
async function runWith(opened: MatrixCloud, kind: string, schedule: Schedule): Promise<number> {
  const { cloud, scene } = opened;
  const begin = await scenarios[kind]!(scene);
  const counted = goBy(cloud, schedule);
  await begin();
  const sent = await untilEnded(opened, counted.sent);
  counted.stop();
  deepEqual(sentences(await cloud.rest({ briefly: true })), [], tellSchedule(schedule));
  return sent;
}

async function untilEnded({ cloud }: MatrixCloud, sent: () => number): Promise<number> {
  const end = cloud.time.monotonic() + limitMs;
  while (cloud.time.monotonic() < end) {
    await cloud.run(() => false, 500);
    if (await during(cloud, cloud.quiet())) return sent();
  }
  return sent();
}

let singles = 0;
let doubles = 0;
for (const kind of kinds)
  test(`${kind} ends whatever becomes of its messages`, async context => {
    const matrix = await openMatrix(`messages ${kind}`);
    const dice = createDice(`${seed} ${kind}`);
    let runs = 0;
    const run = async (schedule: Schedule): Promise<number> => {
      const sent = await runWith(matrix, kind, schedule);
      if (++runs % 8 === 0) deepEqual(sentences(await removeAll(matrix.cloud, matrix.model)), []);
      return sent;
    };
    // What touches no host sends none of its own.
    const messages = await run(new Map());
    const all = Array.from({ length: messages }, (_, message) =>
      everyMishap.map((mishap): Schedule => new Map([[message, mishap]])),
    ).flat();
    const chosen = sample && messages ? Array.from({ length: sample }, () => dice.pick(all)) : all;
    for (const schedule of chosen) await run(schedule);
    const own =
      messages < 2
        ? 0
        : sample
          ? sample
          : Math.min(Math.ceil(pairs / kinds.length), (messages * (messages - 1) * 9) / 2);
    for (let pair = 0; pair < own; pair++) {
      const first = dice.between(0, messages - 2);
      const second = dice.between(first + 1, messages - 1);
      await run(new Map([first, second].map(message => [message, dice.pick(everyMishap)])));
    }
    deepEqual(sentences(await removeAll(matrix.cloud, matrix.model)), [], 'all deleted');
    singles += chosen.length;
    doubles += own;
    context.diagnostic(`${messages} messages, ${chosen.length} singles, ${own} pairs`);
    await matrix.cloud.close();
  });

test('how many schedules there were', context =>
  context.diagnostic(`${singles} singles, ${doubles} pairs, seed ${seed}`));
