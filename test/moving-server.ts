// A cloud of two hosts with one server, for stories of servers that move.

import { deepEqual } from 'node:assert/strict';
import { auditCloud } from '#/audit/invariants.ts';
import { someImage, someNetwork } from './image-and-network.ts';
import { testCloud, type TestCloudOptions } from './test-cloud.ts';

export const path = '/compute/v2.1/servers';

export async function ready(options: TestCloudOptions = {}) {
  const cloud = await testCloud({ seed: 7, hosts: 2, ...options });
  const admin = cloud.as('admin').with({ 'openstack-api-version': 'compute 2.96' });
  const member = cloud.as('member').with({ 'openstack-api-version': 'compute 2.96' });
  for (const [id, ram, vcpus, disk] of [
    ['small', 256, 1, 1],
    ['large', 512, 2, 2],
  ] as const)
    await admin.post('/compute/v2.1/flavors', { flavor: { id, name: id, ram, vcpus, disk } }, 200);
  const imageRef = await someImage(admin);
  const network = await someNetwork(member);
  const { server } = await member.post(
    path,
    { server: { name: 'one', imageRef, flavorRef: 'small', networks: [{ uuid: network }] } },
    202,
  );
  await cloud.settle();
  const id = server.id as string;
  const show = async () => (await admin.get(`${path}/${id}`)).server;
  const act = async (
    action: Record<string, unknown>,
    status = 202,
    by = member,
  ): Promise<{ conflictingRequest?: { message: string }; badRequest?: { message: string } }> => {
    const answer = await by.post(`${path}/${id}/action`, action, status);
    await cloud.settle();
    return answer;
  };
  const machineOf = (name: string) => cloud.hosts.find(host => host.name === name)!.machine;
  const guestOn = (name: string) => machineOf(name).guests.get(`server/${id}`);
  const running = () => cloud.hosts.filter(host => guestOn(host.name)?.power === 'running').map(host => host.name);
  return {
    cloud,
    admin,
    member,
    id,
    show,
    act,
    guestOn,
    running,
    async sound() {
      const inventories = new Map(
        cloud.hosts.map(({ name, machine }) => [
          name,
          [
            ...machine.guests.keys(),
            ...machine.images.keys(),
            ...machine.network.keys(),
            ...machine.disks.keys(),
          ] as string[],
        ]),
      );
      const found = await cloud.db.read(tx => auditCloud(tx, inventories, { atRest: true }));
      deepEqual(
        found.map(violation => violation.sentence.en),
        [],
      );
    },
    [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose](),
  };
}
