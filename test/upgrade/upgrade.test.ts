// A version takes over from another while clients write, goes back, and comes for good.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { version } from '#/version.ts';
import { run } from '../scenarios/haneul.ts';
import { makeNextVersion, nextVersion } from './next-version.ts';
import { type Ask, askAs, writeLoad } from './write-load.ts';

const own = join(import.meta.dirname, '../../haneul');

test('an upgrade, the way back, and the end of it, under a write load', { timeout: 300_000 }, async t => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-upgrade-'));
  const data = join(directory, 'data');
  const next = makeNextVersion(join(directory, 'next'));
  const haneul = (program: string, ...args: string[]) =>
    run([program, ...args, '--data', data], { timeoutMs: 200_000, allow: true });
  t.after(async () => {
    await haneul(next, 'destroy', '--yes');
    rmSync(directory, { recursive: true, force: true });
  });
  equal((await haneul(own, 'up', '--simulate', '3', '--detach', '--listen', '127.0.0.1:0')).status, 0);
  const { url } = JSON.parse(readFileSync(join(data, 'run', 'ready.json'), 'utf8')) as { url: string };
  const ask = await askAs(data, url, false);
  const answering = async (): Promise<string> => (await ask('GET', '/haneul/health')).body.version;
  equal(await answering(), version);

  const load = await writeLoad(data, url);
  t.after(load.stop);
  const servers: string[] = [];
  const upgradeTo = async (program: string, wanted: string): Promise<void> => {
    await pause(1_000);
    servers.push(...(await createServers(ask)));
    const { status, stderr } = await haneul(program, 'upgrade');
    deepEqual([status, stderr.includes('haneul:')], [0, false], stderr);
    equal(await answering(), wanted);
  };
  await upgradeTo(next, nextVersion);
  await upgradeTo(own, version);
  await upgradeTo(next, nextVersion);
  deepEqual((await ask('GET', '/haneul/upgrade')).body.unfinished, ['nodes/9002-no-place']);
  match((await haneul(next, 'upgrade', '--finish')).stdout, /finished: nodes\/9002-no-place/);

  const back = await haneul(own, 'upgrade');
  equal(back.status, 1);
  match(back.stderr, /could not take over.*cannot use the database any more/s);
  equal(await answering(), nextVersion);
  await pause(1_000);

  const { kept, failures, longestMs, writes } = await load.stop();
  t.diagnostic(`${writes} writes, ${failures.length} failed, longest ${Math.round(longestMs)} ms`);
  deepEqual(failures, []);
  ok(kept.length > 20, `${kept.length} networks were kept`);
  const { networks } = (await ask('GET', '/network/v2.0/networks')).body as { networks: { id: string }[] };
  const there = new Set(networks.map(network => network.id));
  deepEqual(
    kept.filter(id => !there.has(id)),
    [],
    'what was acknowledged is there',
  );
  for (const id of servers) equal(await statusOf(ask, id), 'ACTIVE');
});

/** Begun by one version, finished by another. */
async function createServers(ask: Ask): Promise<string[]> {
  const { images } = (await ask('GET', '/image/v2/images')).body;
  const { flavors } = (await ask('GET', '/compute/v2.1/flavors')).body;
  const server = { name: 'on-the-way', imageRef: images[0].id, flavorRef: flavors[0].id, networks: 'none' };
  const made = await Promise.all(
    [1, 2].map(() => ask('POST', '/compute/v2.1/servers', { server }).then(({ body }) => body)),
  );
  return made.map(({ server: { id } }) => id);
}

async function statusOf(ask: Ask, id: string): Promise<string> {
  for (let tries = 0; tries < 200; tries++) {
    const { status, fault } = (await ask('GET', `/compute/v2.1/servers/${id}`)).body.server;
    if (status === 'ERROR') return `ERROR: ${fault.message}`;
    if (status !== 'BUILD') return status;
    await pause(100);
  }
  return 'BUILD';
}
