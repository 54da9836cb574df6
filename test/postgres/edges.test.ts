// Many who create at once, through two control planes over one PostgreSQL, at the edge of a quota, of an address pool,
// of what a host holds and of a name that is unique: exactly so many succeed as fit, round after round.
// HANEUL_TEST_ROUNDS: how many rounds; HANEUL_TEST_CREATORS: how many at once.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { type TestClient, testCloud } from '../test-cloud.ts';
import { testServer } from './test-database.ts';

const skip = testServer() ? false : 'it needs PostgreSQL: ./haneul test postgres';
const rounds = Number(process.env['HANEUL_TEST_ROUNDS'] ?? 1);
const creators = Number(process.env['HANEUL_TEST_CREATORS'] ?? 40);
const fits = 5;

type Count = Record<string, number>;

/** How many got which answer. Whoever was told that others are in the way comes again, as clients do. */
async function all(client: TestClient, path: string, body: (at: number) => unknown): Promise<Count> {
  const one = async (at: number): Promise<number> => {
    for (let tries = 0; ; tries++) {
      const { status } = await client.request('POST', path, { body: body(at) });
      if (status !== 503 || tries === 20) return status;
      busy++;
    }
  };
  const statuses = await Promise.all(Array.from({ length: creators }, (_, at) => one(at)));
  return Object.fromEntries(
    Object.entries(Object.groupBy(statuses, status => String(status))).map(([status, of]) => [status, of!.length]),
  );
}
let busy = 0;

test('at every edge exactly what fits', { skip, timeout: 24 * 3_600_000 }, async t => {
  await using cloud = await testCloud({ hosts: 1, nodes: 2, realClock: true });
  const admin = cloud.as('admin');
  const member = cloud.as('member');
  const { network } = await member.post('/network/v2.0/networks', { network: { name: 'small' } });
  const pool = { start: '10.80.0.10', end: `10.80.0.${9 + fits}` };
  const subnet = { network_id: network.id, ip_version: 4, cidr: '10.80.0.0/24', enable_dhcp: false };
  await member.post('/network/v2.0/subnets', { subnet: { ...subnet, allocation_pools: [pool] } });
  const list = async (): Promise<string[]> => {
    const { routers } = await member.get(`/network/v2.0/routers?project_id=${member.projectId}`);
    return routers.map(({ id }: { id: string }) => id);
  };
  const before = await list();
  await admin.put(`/network/v2.0/quotas/${member.projectId}`, { quota: { router: before.length + fits, port: -1 } });
  const { hypervisors } = await admin
    .with({ 'openstack-api-version': 'compute 2.53' })
    .get('/compute/v2.1/os-hypervisors/detail');
  const ram = Math.floor((hypervisors[0].free_ram_mb as number) / fits);
  const { flavor } = await admin.post(
    '/compute/v2.1/flavors',
    { flavor: { name: 'part', ram, vcpus: 1, disk: 1 } },
    200,
  );
  await admin.put(`/compute/v2.1/os-quota-sets/${admin.projectId}`, {
    quota_set: { instances: -1, cores: -1, ram: -1 },
  });
  const image = await admin.post('/image/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare' });
  const headers = { 'content-type': 'application/octet-stream' };
  await admin.request('PUT', `/image/v2/images/${image.id}/file`, { raw: Buffer.alloc(512, 1), headers });
  const modern = admin.with({ 'openstack-api-version': 'compute 2.37' });
  const began = performance.now();

  for (let round = 0; round < rounds; round++) {
    deepEqual(await all(member, '/network/v2.0/routers', at => ({ router: { name: `r${at}` } })), {
      201: fits,
      409: creators - fits,
    });
    const routers = (await list()).filter(id => !before.includes(id));
    equal(routers.length, fits);
    for (const id of routers) await member.delete(`/network/v2.0/routers/${id}`);

    deepEqual(await all(member, '/network/v2.0/ports', () => ({ port: { network_id: network.id } })), {
      201: fits,
      409: creators - fits,
    });
    const { ports } = await member.get(`/network/v2.0/ports?network_id=${network.id}`);
    equal(
      new Set(ports.map((port: { fixed_ips: { ip_address: string }[] }) => port.fixed_ips[0]!.ip_address)).size,
      fits,
    );
    for (const { id } of ports) await member.delete(`/network/v2.0/ports/${id}`);

    const name = `only-${round}`;
    deepEqual(await all(admin, '/identity/v3/projects', () => ({ project: { name, domain_id: 'default' } })), {
      201: 1,
      409: creators - 1,
    });

    const server = { imageRef: image.id, flavorRef: flavor.id, networks: 'none' };
    const accepted = await all(modern, '/compute/v2.1/servers', at => ({ server: { ...server, name: `s${at}` } }));
    ok(
      Object.keys(accepted).every(status => Number(status) < 500),
      JSON.stringify(accepted),
    );
    await cloud.settle(120_000);
    const { servers } = await admin.get('/compute/v2.1/servers/detail');
    const active = servers.filter(({ status }: { status: string }) => status === 'ACTIVE');
    equal(active.length, fits, 'what the host holds');
    for (const { id } of servers) await admin.delete(`/compute/v2.1/servers/${id}`);
    await cloud.settle(120_000);
    deepEqual((await admin.get('/compute/v2.1/servers')).servers, []);
  }
  deepEqual((await admin.get('/haneul/audit')).violations, []);
  const perRound = Math.round((performance.now() - began) / rounds);
  t.diagnostic(`${rounds} rounds of 4 × ${creators}, ${perRound} ms each; ${busy} were asked to come again`);
});
