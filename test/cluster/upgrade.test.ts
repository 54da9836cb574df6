// A machine that is only a host gets the next version and goes back, while its guest runs on.

import { equal, match } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { version } from '#/version.ts';
import { eventually } from '../scenarios/haneul.ts';
import { makeNextVersion, nextVersion } from '../upgrade/next-version.ts';
import { boot } from './api.ts';
import { type Machine, testBed } from './testbed.ts';

test('a host is upgraded and goes back, and its guest notices nothing', { timeout: 600_000 }, async t => {
  const directory = mkdtempSync('/var/tmp/haneul-next-');
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const next = makeNextVersion(join(directory, 'next'));
  await using bed = await testBed('upgrade');
  const [one, two] = [await bed.machine('one'), await bed.machine('two')];
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  await two.haneul('join', (await one.haneul('invite')).stdout.trim(), '--detach');
  const versions = async (): Promise<string> => {
    const hosts = JSON.parse((await one.haneul('hosts', '--json')).stdout) as Record<string, string>[];
    return hosts.map(host => `${host['name']} ${host['version']}`).join(', ');
  };
  equal(await versions(), `one ${version}, two ${version}`);
  await boot(one, 'two', 'guest');
  const [guest, agent] = [await guestsOf(two), await agentOf(two)];
  match(guest, /^\d+$/);

  match((await two.run([next, 'upgrade', '--data', two.data])).stdout, /two runs version 99\.0\.0\. Guests went on/);
  equal(await versions(), `one ${version}, two ${nextVersion}`);
  equal(await guestsOf(two), guest);
  equal((await agentOf(two)) === agent, false);

  await two.haneul('upgrade');
  equal(await versions(), `one ${version}, two ${version}`);
  equal(await guestsOf(two), guest);
  await eventually(async () => match((await two.haneul('status')).stdout, /agent +runs/));
});

/** The process ids of its guests. */
async function guestsOf(machine: Machine): Promise<string> {
  return (await machine.run(['pgrep', '-x', 'qemu-system-x86'], { allow: true })).stdout.trim();
}

async function agentOf(machine: Machine): Promise<string> {
  return (await machine.run(['cat', join(machine.data, 'supervisor', 'agent.pid')])).stdout;
}
