// The audit over a cloud in use: nothing is wrong there, and what is broken by hand is named.

import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { auditCloud, type Violation } from '#/audit/invariants.ts';
import { seedAudited } from '../../test/simulation/estate.ts';
import { testCloud, type TestCloud } from '../../test/test-cloud.ts';

async function audit(cloud: TestCloud): Promise<Violation[]> {
  const inventories = new Map(
    cloud.hosts.map(({ name, machine }) => [
      name,
      [...machine.guests.keys(), ...machine.images.keys(), ...machine.disks.keys(), ...machine.network.keys()],
    ]),
  );
  return cloud.db.read(tx => auditCloud(tx, inventories, { atRest: true }));
}

test('a cloud at rest has no violations, and leaves nothing behind', async () => {
  await using cloud = await testCloud({ hosts: 3, seed: 5 });
  const estate = await seedAudited(cloud);
  deepEqual(await audit(cloud), []);
  await estate.remove();
  deepEqual(await audit(cloud), []);
});

test('what is wrong is named', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 6 });
  const { server, volume } = await seedAudited(cloud);
  const host = cloud.hosts.find(({ machine }) => machine.guests.has(`server/${server}`))!;
  const guest = host.machine.guests.get(`server/${server}`)!;
  host.machine.guests.delete(`server/${server}`);
  host.machine.guests.set('server/stray', guest);
  await cloud.db.write(async tx => {
    const rows = tx.withTables<{
      volumes: { id: string; status: string };
      allocations: { consumerId: string; resourceClass: string };
      ports: { deviceId: string };
    }>();
    await rows.updateTable('volumes').set({ status: 'extending' }).where('id', '=', volume).execute();
    await rows.deleteFrom('allocations').where('consumerId', '=', server).where('resourceClass', '=', 'VCPU').execute();
    await rows.updateTable('ports').set({ deviceId: 'nobody' }).where('deviceId', '=', server).execute();
  });
  const found = await audit(cloud);
  const has = (invariant: string, part: string): boolean =>
    found.some(violation => violation.invariant === invariant && violation.resource.includes(part));
  ok(has('host objects', `server/${server}`));
  ok(has('host objects', 'server/stray'));
  ok(has('transitional status', volume));
  ok(has('allocation', server));
  ok(has('owner', 'port/'));
  for (const { sentence } of found) ok(sentence.en.length > 10 && /[가-힣]/.test(sentence.ko));
});
