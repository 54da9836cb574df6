// A second machine runs api and worker too: over one database, with the same keys, and without the first one's processes.

import { equal, match, notEqual } from 'node:assert/strict';
import { chmodSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { postgresServer } from '../postgres/server.ts';
import { eventually } from '../scenarios/haneul.ts';
import { apiOf } from './api.ts';
import { type Machine, testBed } from './testbed.ts';

const keysOf = (machine: Machine): string =>
  globSync(join(machine.data, 'control', 'fernet-keys', '*'))
    .sort()
    .map(file => readFileSync(file, 'utf8'))
    .join();

test('two machines with api and worker', { timeout: 300_000 }, async () => {
  await using database = await postgresServer();
  // Each machine's control plane comes to it as its own user.
  chmodSync(decodeURIComponent(/host=(.*)$/.exec(database.url())![1]!), 0o755);
  await using bed = await testBed('control');
  const one = await bed.machine('one', { HANEUL_DATABASE_URL: database.url() });
  const two = await bed.machine('two');
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  const token = (await one.haneul('invite', '--roles', 'api,worker')).stdout.trim();
  match((await two.tryHaneul('join', token, '--detach', '--roles', 'host')).stderr, /is for api,worker/);
  await two.haneul('join', token, '--detach', '--roles', 'api,worker');
  equal(keysOf(two), keysOf(one));

  const [here, there] = [await apiOf(one), await apiOf(two)];
  // A token of one is good at the other.
  const { servers } = await there.get('/compute/v2.1/servers');
  equal(servers.length, 0);
  const make = async (name: string) =>
    (await there.post('/network/v2.0/networks', { network: { name } })).network.id as string;
  const network = await make('seen by both');
  equal((await here.get(`/network/v2.0/networks/${network}`)).network.name, 'seen by both');

  // New keys on the first are followed; the second makes none of its own.
  const before = keysOf(two);
  match((await two.tryHaneul('keys', 'rotate')).stderr, /first machine/);
  await one.haneul('keys', 'rotate');
  await eventually(async () => {
    equal(keysOf(two), keysOf(one));
    notEqual(keysOf(two), before);
  }, 20_000);

  // The first one's control plane dies again and again; the second answers and works on.
  const volumes = `/volume/v3/${there.projectId}/volumes`;
  await one.kill('control');
  const made = (await there.post(volumes, { volume: { size: 1 } })).volume.id as string;
  await eventually(async () => {
    equal((await there.get(`${volumes}/${made}`)).volume.status, 'available');
  }, 30_000);
  match((await two.haneul('hosts')).stdout, /two .*api,worker/);
});
