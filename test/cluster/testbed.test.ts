// The test bed itself: machines see one another, links are cut and healed, a power cut leaves nothing.

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../scenarios/haneul.ts';
import { type Machine, testBed } from './testbed.ts';

const reaches = async (from: Machine, address: string): Promise<boolean> =>
  (await from.run(['ping', '-c', '1', '-W', '1', address], { allow: true })).status === 0;

test('machines on a bed: wired, cut, healed, off and on', { timeout: 60_000 }, async () => {
  let link: string;
  {
    await using bed = await testBed('bed');
    const [one, two] = [await bed.machine('one'), await bed.machine('two')];
    link = `bed${one.address.split('.')[2]}`;
    equal((await one.run(['hostname'])).stdout.trim(), 'one');
    ok(await reaches(one, two.address));
    ok(await reaches(two, one.dataAddress));
    equal((await run(['ping', '-c', '1', '-W', '1', two.address], { allow: true })).status, 0);
    await bed.cut(one, two);
    ok(!(await reaches(one, two.address)) && !(await reaches(two, one.dataAddress)));
    await bed.heal(one, two);
    ok(await reaches(one, two.address));
    await bed.isolate(two);
    ok(!(await reaches(one, two.address)));
    await bed.rejoin(two);
    ok(await reaches(one, two.address));
    // Names of namespaces do not meet.
    for (const machine of [one, two]) await machine.run(['ip', 'netns', 'add', 'same']);
    const booted = (await one.run(['cat', '/proc/sys/kernel/random/boot_id'])).stdout;
    await one.powerOff();
    ok(!(await reaches(two, one.address)));
    await one.powerOn();
    ok(await reaches(two, one.address));
    ok((await one.run(['cat', '/proc/sys/kernel/random/boot_id'])).stdout !== booted);
    equal((await one.run(['ip', 'netns', 'list'])).stdout, '');
  }
  ok((await run(['ip', 'link', 'show', link], { allow: true })).status !== 0);
});
