import { deepEqual, equal } from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeWhole } from '#/platform/files/write-whole.ts';
import { decidePower, endedUnseen, factsOf, type GuestState, newState, readState } from './guest-state.ts';

const root = { image: null, sizeGib: 1 };
const was = (over: Partial<GuestState> = {}): GuestState => ({
  ...newState('tcg'),
  boot: 1,
  rootGeneration: 0,
  hostBootId: 'a',
  phase: 'running',
  ...over,
});

test('what becomes of the process', () => {
  const crash = { kind: 'crash', reason: 'r' } as const;
  const exited = was({ phase: 'exited', exit: crash });
  const cases: [string, Parameters<typeof decidePower>, string][] = [
    ['new', [on(1), newState('tcg'), now(false)], 'start'],
    ['as it is', [on(1), was(), now(true)], 'stay'],
    ['paused is alive', [{ ...on(1), power: 'paused' }, was(), now(true)], 'stay'],
    ['a new boot', [on(2), was(), now(true)], 'restart'],
    ['rebuilt', [{ ...on(1), rootGeneration: 1 }, was(), now(true)], 'restart'],
    ['rebuilt, no root of its own', [{ ...on(1), rootGeneration: 1, root: null }, was(), now(true)], 'stay'],
    ['stop', [off(1), was(), now(true)], 'stop'],
    ['stopped', [off(1), was({ phase: 'stopped' }), now(false)], 'stay'],
    ['started again', [on(2), was({ phase: 'stopped' }), now(false)], 'start'],
    ['stopped by us under this very boot', [on(1), was({ phase: 'stopped' }), now(false)], 'start'],
    ['exited by itself', [on(1), exited, now(false)], 'stay'],
    ['exited, then started', [on(2), exited, now(false)], 'start'],
    ['exited, then the host rebooted', [on(1), exited, now(false, 'b')], 'start'],
    ['the host rebooted', [on(1), was(), now(false, 'b')], 'start'],
    ['the agent died while starting', [on(1), was({ phase: 'starting' }), now(false)], 'start'],
  ];
  for (const [name, args, move] of cases) equal(decidePower(...args), move, name);

  function on(boot: number) {
    return { power: 'running' as const, boot, rootGeneration: 0, root };
  }
  function off(boot: number) {
    return { ...on(boot), power: 'stopped' as const };
  }
});

function now(alive: boolean, hostBootId = 'a') {
  return { alive, hostBootId };
}

test('ends that nobody saw', () => {
  equal(endedUnseen(was(), now(false)), true);
  equal(endedUnseen(was(), now(true)), false);
  equal(endedUnseen(was(), now(false, 'b')), false);
  equal(endedUnseen(was({ phase: 'starting' }), now(false)), false);
  equal(endedUnseen(was({ phase: 'stopped' }), now(false)), false);
});

test('facts', () => {
  const exit = (kind: 'crash' | 'shutdown') => was({ phase: 'exited', exit: { kind, reason: 'r' } });
  const rest = { accelerator: 'tcg', boot: 1 };
  deepEqual(factsOf(was(), 'running'), { power: 'running', ...rest });
  deepEqual(factsOf(was(), 'paused'), { power: 'paused', ...rest });
  deepEqual(factsOf(was(), 'io-error'), { power: 'running', ...rest });
  deepEqual(factsOf(was({ phase: 'stopped' }), null), { power: 'stopped', ...rest });
  deepEqual(factsOf(exit('crash'), null), { power: 'crashed', exitReason: 'r', ...rest });
  deepEqual(factsOf(exit('shutdown'), null), { power: 'stopped', exitReason: 'r', ...rest });
});

test('the record is replaced whole', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'guest-state-'));
  try {
    const path = join(directory, 'state.json');
    equal(await readState(path), null);
    await writeWhole(path, JSON.stringify(was()));
    await writeWhole(path, JSON.stringify(was({ boot: 2 })));
    deepEqual(await readState(path), was({ boot: 2 }));
    deepEqual(await readdir(directory), ['state.json']);
    await writeWhole(path, (await readFile(path, 'utf8')).slice(0, 20));
    equal(await readState(path), null);
  } finally {
    await rm(directory, { recursive: true });
  }
});
