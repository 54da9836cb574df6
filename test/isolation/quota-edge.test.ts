// Many creates at once at the edge of a quota, of an address pool, of one fixed address: exactly so many succeed as fit, none
// fails by itself, and everything deleted fits again.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type TestClient, type TestCloud, testCloud } from '../test-cloud.ts';

const asked = 30;
const limit = 7;

interface Edge {
  path: string;
  body(at: number): unknown;
  status: number;
  refused: number;
  /** The ids of what is there. */
  list(member: TestClient): Promise<string[]>;
  delete(member: TestClient, id: string): Promise<unknown>;
}

const networkEdge = (
  name: string,
  plural: string,
  key: string,
  quota: string,
  body: (ids: Record<string, string>, at: number) => object,
) => ({ name, plural, key, quota, body });

const networkEdges = [
  networkEdge('networks', 'networks', 'network', 'network', (_, at) => ({ name: `n${at}` })),
  networkEdge('ports', 'ports', 'port', 'port', ({ network }) => ({ network_id: network })),
  networkEdge('subnets', 'subnets', 'subnet', 'subnet', ({ network }, at) => ({
    network_id: network,
    ip_version: 4,
    cidr: `10.90.${at}.0/24`,
    enable_dhcp: false,
  })),
  networkEdge('routers', 'routers', 'router', 'router', (_, at) => ({ name: `r${at}` })),
  networkEdge('security groups', 'security-groups', 'security_group', 'security_group', (_, at) => ({
    name: `g${at}`,
  })),
];

for (const { name, plural, key, quota, body } of networkEdges)
  test(`${name}: exactly the quota`, async () => {
    await using cloud = await testCloud({ hosts: 0, seed: 21 });
    const member = cloud.as('member');
    const { network } = await member.post('/network/v2.0/networks', { network: { name: 'base' } });
    await member.post('/network/v2.0/subnets', {
      subnet: { network_id: network.id, ip_version: 4, cidr: '10.80.0.0/24', enable_dhcp: false },
    });
    const word = plural.replace('-', '_');
    const list = async (): Promise<string[]> =>
      (await member.get(`/network/v2.0/${plural}?project_id=${member.projectId}`))[word].map(
        ({ id }: { id: string }) => id,
      );
    const before = await list();
    await cloud.as('admin').put(`/network/v2.0/quotas/${member.projectId}`, {
      quota: { [quota]: before.length + limit },
    });
    await edge(cloud, {
      path: `/network/v2.0/${plural}`,
      body: at => ({ [key]: body({ network: network.id }, at) }),
      status: 201,
      refused: 409,
      list: async () => (await list()).filter(id => !before.includes(id)),
      delete: (client, id) => client.delete(`/network/v2.0/${plural}/${id}`, 204),
    });
  });

test('servers: exactly the quota', async () => {
  await using cloud = await testCloud({ hosts: 2, seed: 22 });
  const member = cloud.as('member');
  const image = await member.post('/image/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare' });
  const headers = { 'content-type': 'application/octet-stream' };
  await member.request('PUT', `/image/v2/images/${image.id}/file`, { raw: Buffer.alloc(512, 1), headers });
  const { flavor } = await cloud
    .as('admin')
    .post('/compute/v2.1/flavors', { flavor: { name: 'nano', ram: 64, vcpus: 1, disk: 1 } }, 200);
  await cloud.as('admin').put(`/compute/v2.1/os-quota-sets/${member.projectId}`, {
    quota_set: { instances: limit, cores: 100 },
  });
  await edge(
    cloud,
    {
      path: '/compute/v2.1/servers',
      body: at => ({ server: { name: `s${at}`, imageRef: image.id, flavorRef: flavor.id, networks: 'none' } }),
      status: 202,
      refused: 403,
      list: async () => (await member.get('/compute/v2.1/servers')).servers.map(({ id }: { id: string }) => id),
      delete: (client, id) => client.delete(`/compute/v2.1/servers/${id}`, 204),
    },
    { 'openstack-api-version': 'compute 2.37' },
  );
});

test('volumes: exactly the quota', async () => {
  await using cloud = await testCloud({ hosts: 1, seed: 23 });
  const member = cloud.as('member');
  const admin = cloud.as('admin');
  await admin.put(`/volume/v3/${admin.projectId}/os-quota-sets/${member.projectId}`, { quota_set: { volumes: limit } });
  await edge(cloud, {
    path: '/volume/v3/{project}/volumes',
    body: () => ({ volume: { size: 1 } }),
    status: 202,
    refused: 413,
    list: async () => (await member.get('/volume/v3/{project}/volumes')).volumes.map(({ id }: { id: string }) => id),
    delete: (client, id) => client.delete(`/volume/v3/{project}/volumes/${id}`, 202),
  });
});

test('an address pool gives exactly its addresses, and one fixed address goes to one port', async () => {
  await using cloud = await testCloud({ hosts: 0, seed: 24 });
  const member = cloud.as('member');
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'small' } });
  const { subnet } = await member.post('/network/v2.0/subnets', {
    subnet: {
      network_id: network.id,
      ip_version: 4,
      cidr: '10.80.0.0/24',
      enable_dhcp: false,
      allocation_pools: [{ start: '10.80.0.10', end: `10.80.0.${9 + limit}` }],
    },
  });
  const make = (fixed: object): Promise<number[]> =>
    all(member, '/network/v2.0/ports', () => ({ port: { network_id: network.id, ...fixed } }));
  const statuses = await make({});
  equal(statuses.filter(status => status === 201).length, limit, statuses.join());
  ok(
    statuses.every(status => status === 201 || status === 409),
    statuses.join(),
  );
  const { ports } = await member.get(`/network/v2.0/ports?network_id=${network.id}`);
  const addresses = ports.map(({ fixed_ips: [first] }: { fixed_ips: { ip_address: string }[] }) => first!.ip_address);
  equal(new Set(addresses).size, limit);
  const fixed = await make({ fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.80.0.200' }] });
  equal(fixed.filter(status => status === 201).length, 1, fixed.join());
  ok(
    fixed.every(status => status === 201 || status === 409),
    fixed.join(),
  );
});

/** All requests at once. */
function all(
  member: TestClient,
  path: string,
  body: (at: number) => unknown,
  headers: Record<string, string> = {},
): Promise<number[]> {
  return Promise.all(
    Array.from(
      { length: asked },
      async (_, at) => (await member.request('POST', path, { body: body(at), headers })).status,
    ),
  );
}

async function edge(
  cloud: TestCloud,
  { path, body, status, refused, list, delete: remove }: Edge,
  headers: Record<string, string> = {},
): Promise<void> {
  const member = cloud.as('member');
  for (let round = 0; round < 2; round++) {
    const statuses = await all(member, path, body, headers);
    const counted = Object.entries(Object.groupBy(statuses, one => String(one))).map(([one, of]) => [one, of!.length]);
    deepEqual(Object.fromEntries(counted), { [status]: limit, [refused]: asked - limit });
    await cloud.settle();
    const made = await list(member);
    equal(made.length, limit);
    for (const id of made) await remove(member, id);
    await cloud.settle();
    deepEqual(await list(member), []);
  }
}
