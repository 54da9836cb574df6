// The users of a simulation do all that compute, block storage, images and networks offer: a call that is declared and that
// nobody makes is named here with its reason, or this fails.

import { deepEqual } from 'node:assert/strict';
import { after, test } from 'node:test';
import { declaredServices } from '#/reference/declared-services.ts';
import { writesOf } from '#/simulation/coverage.ts';
import { simulate } from '#/simulation/simulate.ts';
import { removeTemplate } from '#/simulation/template.ts';
import { actionsInTurn } from '#/simulation/workload.ts';

after(removeTemplate);

const services = ['compute', 'volume', 'image', 'network'];

/** What no user of a simulation does, and why. */
const left: [reason: string, calls: RegExp][] = [
  [
    'it refuses whatever it is asked',
    /^(PUT|DELETE) \/volume\/v3\/\{project_id\}\/volumes$|^DELETE \/image\/v2\/images$/,
  ],
  [
    'it makes a status say what is not so, as it is there to do',
    /\((os-resetState|os-reset_status|os-update_snapshot_status)\)$|\/os-services\/force-down /,
  ],
  [
    'half of what services do with a volume in several calls, which is as the caller leaves it',
    /\((os-reserve|os-unreserve|os-begin_detaching|os-roll_detaching)\)$/,
  ],
  ['compute asks it of networks while a server moves', /\/ports\/\{id\}\/bindings/],
];

test('users do all that there is to do', async () => {
  const declared = (await declaredServices()).filter(({ name }) => services.includes(name));
  const { calls, violations } = await simulate({
    seed: 1,
    actions: actionsInTurn(3),
    hosts: 3,
    faults: false,
    inTurn: true,
  });
  deepEqual(
    violations.map(({ sentence }) => sentence.en),
    [],
  );
  const writes = writesOf(declared);
  const isLeft = (name: string): boolean => left.some(([, pattern]) => pattern.test(name));
  deepEqual(
    writes.filter(name => !calls.has(name) && !isLeft(name)),
    [],
    'never called',
  );
  deepEqual(
    left
      .filter(([, pattern]) => !writes.some(name => pattern.test(name) && !calls.has(name)))
      .map(([reason]) => reason),
    [],
    'a reason without a call',
  );
});
