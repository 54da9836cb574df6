// The main job's API part, on simulated hosts and without root.

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type TestClient, testCloud } from '../test-cloud.ts';

const newest = { 'openstack-api-version': 'compute 2.79' };

async function network(client: TestClient): Promise<{ network: string; subnet: string }> {
  const { network } = await client.post('/network/v2.0/networks', { network: { name: 'net' } });
  const { subnet } = await client.post('/network/v2.0/subnets', {
    subnet: { network_id: network.id, cidr: '10.0.0.0/24', ip_version: 4 },
  });
  return { network: network.id, subnet: subnet.id };
}

test('a server from its keypair to its end', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 11 });
  const member = cloud.as('member').with(newest);
  const images = await member.get('/image/v2/images');
  const image = images.images[0].id;
  const host = (name: string) => cloud.hosts.find(each => each.name === name)!;

  const { keypair } = await member.post('/compute/v2.1/os-keypairs', { keypair: { name: 'key', type: 'ssh' } });
  match(keypair.private_key, /PRIVATE KEY/);
  const net = await network(member);
  const { router } = await member.post('/network/v2.0/routers', { router: { name: 'gate' } });
  await member.put(`/network/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: net.subnet });
  const outside = (await member.get('/network/v2.0/networks?router:external=true')).networks[0];
  await member.put(`/network/v2.0/routers/${router.id}`, {
    router: { external_gateway_info: { network_id: outside.id } },
  });
  const { security_group: group } = await member.post('/network/v2.0/security-groups', {
    security_group: { name: 'web' },
  });
  await member.post('/network/v2.0/security-group-rules', {
    security_group_rule: {
      security_group_id: group.id,
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: 22,
      port_range_max: 22,
    },
  });

  const asked = {
    name: 'first',
    imageRef: image,
    flavorRef: '42',
    key_name: 'key',
    networks: [{ uuid: net.network }],
    security_groups: [{ name: 'web' }],
  };
  const { server } = await member.post('/compute/v2.1/servers', { server: asked }, 202);
  const at = `/compute/v2.1/servers/${server.id}`;
  await cloud.settle();
  const active = (await member.get(at)).server;
  equal(active.status, 'ACTIVE');
  const home = host((await cloud.as('admin').get(at)).server['OS-EXT-SRV-ATTR:host']);
  equal(home.machine.guests.get(`server/${server.id}`)?.power, 'running');

  const { ports } = await member.get(`/network/v2.0/ports?device_id=${server.id}`);
  equal(ports[0].status, 'ACTIVE');
  const { floatingip } = await member.post('/network/v2.0/floatingips', {
    floatingip: { floating_network_id: outside.id, port_id: ports[0].id },
  });
  await cloud.settle();
  const addresses = (await member.get(at)).server.addresses.net;
  deepEqual(addresses.map((address: { 'OS-EXT-IPS:type': string }) => address['OS-EXT-IPS:type']).sort(), [
    'fixed',
    'floating',
  ]);

  const { volume } = await member.post('/volume/v3/{project}/volumes', { volume: { size: 1 } }, 202);
  await cloud.settle();
  await member.post(`${at}/os-volume_attachments`, { volumeAttachment: { volumeId: volume.id } }, 200);
  await cloud.settle();
  equal((await member.get(`/volume/v3/{project}/volumes/${volume.id}`)).volume.status, 'in-use');
  equal(home.machine.guests.get(`server/${server.id}`)?.entry.disks.length, 1);
  await member.delete(`${at}/os-volume_attachments/${volume.id}`, 202);
  await cloud.settle();
  equal((await member.get(`/volume/v3/{project}/volumes/${volume.id}`)).volume.status, 'available');

  const stranger = cloud.as('other').with(newest);
  equal((await stranger.request('GET', at)).status, 404);
  const theirs = await network(stranger);
  notEqual(theirs.network, net.network);

  const status = async (): Promise<string> => (await member.get(at)).server.status;
  for (const [action, becomes] of [
    [{ 'os-stop': null }, 'SHUTOFF'],
    [{ 'os-start': null }, 'ACTIVE'],
    [{ reboot: { type: 'HARD' } }, 'ACTIVE'],
  ] as const) {
    await member.post(`${at}/action`, action, 202);
    await cloud.settle();
    equal(await status(), becomes);
  }
  const { output } = await member.post(`${at}/action`, { 'os-getConsoleOutput': {} }, 200);
  match(output, /first/);

  await member.delete(at);
  await cloud.settle();
  equal((await member.request('GET', at)).status, 404);
  await member.delete(`/network/v2.0/floatingips/${floatingip.id}`);
  await member.delete(`/volume/v3/{project}/volumes/${volume.id}`, 202);
  await member.put(`/network/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: net.subnet });
  await member.delete(`/network/v2.0/routers/${router.id}`);
  await member.delete(`/network/v2.0/networks/${net.network}`);
  await cloud.settle();
  for (const { machine } of cloud.hosts) {
    equal(machine.guests.size, 0);
    equal(machine.disks.size, 0);
    ok(![...machine.network.keys()].some(key => key.startsWith('port/')));
  }
});

test('a guest that dies by itself is shown so, with the reason, and can be started again', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 12 });
  const member = cloud.as('member').with(newest);
  const image = (await member.get('/image/v2/images')).images[0].id;
  const { server } = await member.post(
    '/compute/v2.1/servers',
    { server: { name: 'mortal', imageRef: image, flavorRef: '42', networks: 'none' } },
    202,
  );
  await cloud.settle();
  cloud.hosts[0]!.machine.exit(server.id, 'crash');
  await cloud.settle();
  const at = `/compute/v2.1/servers/${server.id}`;
  equal((await member.get(at)).server.status, 'SHUTOFF');
  const { instanceActions } = await member.get(`${at}/os-instance-actions`);
  ok(
    instanceActions.some((action: { message: string | null }) => action.message),
    'an action says why',
  );
  await member.post(`${at}/action`, { 'os-start': null }, 202);
  await cloud.settle();
  equal((await member.get(at)).server.status, 'ACTIVE');
});

test('the agent dies in the middle, or the whole host does: the server comes back', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 13 });
  const member = cloud.as('member').with(newest);
  const image = (await member.get('/image/v2/images')).images[0].id;
  const create = async (name: string): Promise<string> =>
    (
      await member.post(
        '/compute/v2.1/servers',
        { server: { name, imageRef: image, flavorRef: '42', networks: 'none' } },
        202,
      )
    ).server.id;
  const first = await create('first');
  await cloud.hosts[0]!.restartAgent();
  await cloud.settle();
  equal((await member.get(`/compute/v2.1/servers/${first}`)).server.status, 'ACTIVE');
  cloud.hosts[0]!.machine.reboot();
  await cloud.hosts[0]!.restartAgent();
  await cloud.settle();
  equal(cloud.hosts[0]!.machine.guests.get(`server/${first}`)?.power, 'running');
  equal((await member.get(`/compute/v2.1/servers/${first}`)).server.status, 'ACTIVE');
});
