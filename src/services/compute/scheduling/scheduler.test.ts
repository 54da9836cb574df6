// The choice in a large cloud: a part of the hosts is looked at, all of them only when none of the part will do.

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { table } from '#/host/hosts.store.ts';
import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { addAggregateHost, insertAggregate, listAggregates } from '#/services/compute/hosts/aggregate.store.ts';
import type { PlacementAsk } from '#/services/compute/scheduling/filters.ts';
import { beginScheduling, place, type Scheduling } from '#/services/compute/scheduling/scheduler.ts';
import { setHostInventory } from '#/services/placement/contract.ts';
import { testCloud } from '../../../../test/test-cloud.ts';

const small: PlacementAsk = {
  resources: { VCPU: 1, MEMORY_MB: 512, DISK_GB: 1 },
  zone: null,
  host: null,
  architecture: null,
  extraSpecs: {},
  imageProperties: {},
  group: null,
  differentHost: [],
  sameHost: [],
};

async function insertHost(tx: Tx, name: string, memoryMib: number): Promise<void> {
  const providerId = newId(tx);
  const row = {
    name,
    providerId,
    roles: '["compute"]',
    address: null,
    up: 1,
    enabled: 1,
    disabledReason: null,
    forcedDown: 0,
    capabilities: null,
    volumeCapacity: null,
    networkCapabilities: null,
    wantedRevision: 1,
    reportedRevision: 1,
    reportedSequence: 0,
    session: null,
    lastSeenAt: now(tx),
    startedAt: now(tx),
    createdAt: now(tx),
  };
  await table(tx).insertInto('hosts').values(row).execute();
  const inventory = { VCPU: { total: 64 }, MEMORY_MB: { total: memoryMib }, DISK_GB: { total: 100 } };
  await setHostInventory(tx, { name, providerId, inventory });
}

async function cloudOf(count: number, memoryMib: (at: number) => number) {
  const cloud = await testCloud({ hosts: 0 });
  await cloud.db.write(async tx => {
    for (let at = 0; at < count; at++) await insertHost(tx, `host-${at}`, memoryMib(at));
  });
  const choose = (change: Partial<PlacementAsk> = {}, among?: Scheduling) =>
    cloud.db.write(async tx => {
      const scheduling = among ?? beginScheduling(tx, { groupId: null });
      const owner = { id: newId(tx), projectId: 'p', userId: 'u' };
      const placed = await place(tx, scheduling, { ...small, ...change }, owner);
      return { ...placed, looked: scheduling.known.size };
    });
  return { cloud, choose, [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose]() };
}

test('in a small cloud the emptiest of all hosts is taken, every time', async () => {
  await using at = await cloudOf(40, host => 4_000 + 10 * host);
  for (let turn = 0; turn < 5; turn++) {
    const placed = await at.choose({ resources: { MEMORY_MB: 1 } });
    ok('host' in placed && placed.host.name === 'host-39');
    equal(placed.looked, 40);
  }
});

test('in a large cloud a part is looked at, and over time every host is used', async () => {
  await using at = await cloudOf(300, () => 4_096);
  const used = new Set<string>();
  for (let turn = 0; turn < 60; turn++) {
    const placed = await at.choose();
    equal(placed.looked, 50);
    ok('host' in placed);
    used.add(placed.host.name);
  }
  ok(used.size > 50, String(used.size));
});

test('the only host that will do is found, and that there is none is said of all', async () => {
  await using at = await cloudOf(300, host => (host === 123 ? 4_096 : 256));
  const placed = await at.choose();
  ok('host' in placed && placed.host.name === 'host-123');
  const refused = await at.choose({ resources: { MEMORY_MB: 5_000 } });
  ok('problem' in refused);
  equal(refused.looked, 300);
  const said = refused.problem.text.say('en', refused.problem.facts);
  ok(said.includes('Resources refused 300 of 300 hosts. Nearest is host-123'), said);
});

test('what is named is looked at alone', async () => {
  await using at = await cloudOf(200, () => 4_096);
  await at.cloud.db.write(async tx => {
    await insertAggregate(tx, { name: 'east', metadata: { availability_zone: 'east' } });
    const { id } = (await listAggregates(tx))[0]!;
    for (const name of ['host-7', 'host-8']) await addAggregateHost(tx, id, name);
  });
  const named = await at.choose({ host: 'host-99' });
  ok('host' in named && named.host.name === 'host-99');
  equal(named.looked, 1);
  const beside = await at.choose({ sameHost: [{ id: 's', host: 'host-5' }] });
  ok('host' in beside && beside.host.name === 'host-5');
  const inZone = await at.choose({ zone: 'east' });
  ok('host' in inZone && ['host-7', 'host-8'].includes(inZone.host.name));
  equal(inZone.looked, 2);
});

test('many servers of one request are spread over as many hosts', async () => {
  await using at = await cloudOf(200, () => 4_096);
  const hosts = await at.cloud.db.write(async tx => {
    const among = beginScheduling(tx, { groupId: null, count: 120 });
    const names = new Set<string>();
    for (let turn = 0; turn < 120; turn++) {
      const placed = await place(tx, among, small, { id: newId(tx), projectId: 'p', userId: 'u' });
      if ('host' in placed) names.add(placed.host.name);
    }
    return names;
  });
  equal(hosts.size, 120);
});
