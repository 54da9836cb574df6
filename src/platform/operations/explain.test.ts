import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { explainOperation, type HostFacts, planKeysOf, stepsOf } from '#/platform/operations/explain.ts';
import { operation, type OperationKind } from '#/platform/operations/operation.ts';
import type { OperationRow } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { storeProblem } from '#/platform/problem/stored-problem.ts';
import { texts } from '#/platform/text/text.ts';

const { full } = texts('test', { full: { en: 'The disk is full.', ko: '디스크가 가득 찼습니다.' } });
const make = operation<{ host: string }>('thing.create')
  .write('place', { do: async () => {} })
  .applied('build', ({ host }) => ({ host, key: 'server/1' }), { timeoutMs: 100_000 })
  .write('finish', { do: async () => {} });
const remove = operation<{ host: string }>('thing.delete', { onFailure: 'persist' }).removed('gone', ({ host }) => ({
  host,
  key: 'server/1',
}));
const kindsOf = (...kinds: OperationKind[]) => new Map(kinds.map(kind => [kind.kind, kind]));
const nowMs = 1_000_000;
const up: HostFacts = { name: 'vm', up: true, lastSeenAt: '2026-01-31T12:00:00.000000' };
const down = { ...up, up: false };

function row(change: Partial<OperationRow>): OperationRow {
  return {
    id: 'o',
    kind: 'thing.create',
    resourceId: 'r',
    projectId: null,
    requestId: 'req-1',
    state: '{"host":"vm"}',
    step: 0,
    phase: 'forward',
    attempts: 0,
    wakeAt: nowMs,
    stepStartedAt: nowMs,
    stepNames: null,
    leaseOwner: null,
    leaseUntil: 0,
    epoch: 0,
    waitHost: null,
    waitKeys: null,
    waitRevisions: null,
    problem: null,
    createdAt: '',
    updatedAt: '',
    ...change,
  };
}

const problem = storeProblem(new Problem('unavailable', full));
const waiting = { step: 1, waitHost: 'vm', waitKeys: 'server/1\nport/2', wakeAt: nowMs + 14_200 };
const table: [what: string, change: Partial<OperationRow>, host: HostFacts, said: string][] = [
  ['next', {}, up, 'Step place (1 of 3) is next.'],
  ['delayed', { wakeAt: nowMs + 9_500 }, up, 'Begins in 10 s.'],
  [
    'waiting',
    waiting,
    up,
    'Step build (2 of 3) waits for host vm to report server/1, port/2; it goes on when the host reports, and looks by itself in 15 s; without an answer it is taken back in 100 s.',
  ],
  [
    'waiting for a host that is down',
    { ...waiting, kind: 'thing.delete', step: 0, attempts: 3, problem, wakeAt: nowMs + 20_000 },
    down,
    'Step gone (1 of 1) waits for host vm to let go of server/1, port/2; the last problem: The disk is full; tried 3 times; the host is down since 2026-01-31T12:00:00Z; next try in 20 s.',
  ],
  ['leased', { leaseOwner: 'a', leaseUntil: nowMs + 1 }, up, 'Step place (1 of 3) is being done.'],
  [
    'failing',
    { attempts: 1, problem, wakeAt: nowMs + 500 },
    up,
    'Step place (1 of 3) failed; the last problem: The disk is full; tried once; next try in 1 s.',
  ],
  [
    'undoing',
    { phase: 'undo', step: 0, problem },
    up,
    'It is being taken back, now step place; the reason: The disk is full.',
  ],
  ['recording', { phase: 'undo', step: -1 }, up, 'All is taken back and the failure is being recorded.'],
  [
    'undo fails',
    { phase: 'undo', step: 0, attempts: 2, wakeAt: nowMs + 1_000 },
    up,
    'Taking back step place failed; tried 2 times; next try in 1 s.',
  ],
  ['done', { phase: 'done', step: 3 }, up, 'Done.'],
  ['failed', { phase: 'failed', problem }, up, 'Failed and was taken back; the reason: The disk is full.'],
  ['superseded', { phase: 'superseded' }, up, 'Ended, because a later request for the same resource took its place.'],
  [
    'of a kind that nobody knows',
    { kind: 'other' },
    up,
    'This program knows no operation of this kind; a newer or older one started it.',
  ],
];

for (const [what, change, host, said] of table)
  test(`an operation explains itself: ${what}`, () => {
    equal(explainOperation(row(change), { kinds: kindsOf(make, remove), hosts: [host], nowMs }), said);
  });

test('in Korean as well', () => {
  equal(
    explainOperation(row({ attempts: 2, problem, wakeAt: nowMs + 1_000 }), {
      kinds: kindsOf(make),
      hosts: [],
      nowMs,
      language: 'ko',
    }),
    'place 단계(1/3)가 실패했습니다; 마지막 문제: 디스크가 가득 찼습니다; 2번 시도했습니다; 1초 뒤에 다시 시도합니다.',
  );
});

test('a host that is no more is named as such', () => {
  const said = explainOperation(row(waiting), { kinds: kindsOf(make), hosts: [], nowMs });
  equal(said.includes('the cloud knows no such host any more'), true, said);
});

test('steps and plan keys are read off the kind', () => {
  deepEqual(
    stepsOf(row({ step: 1, waitHost: 'vm' }), make).map(({ state }) => state),
    ['done', 'waiting', 'ahead'],
  );
  deepEqual(
    stepsOf(row({ step: 0, phase: 'undo' }), make).map(({ state }) => state),
    ['current', 'undone', 'undone'],
  );
  deepEqual(planKeysOf(row({}), make), [{ host: 'vm', key: 'server/1' }]);
});
