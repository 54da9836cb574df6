// kill -9 of the control plane, and of the agent, at many moments of create and delete, on this machine with real guests.
// Every server ends ACTIVE, ERROR with a reason, or gone, in bounded time; nothing is left on the host; usage is exact.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import {
  calmHostState,
  eventually,
  hostState,
  killRole,
  noCloud,
  realCloud,
  type RealCloud,
} from '../scenarios/haneul.ts';
import { type Api, apiOf } from '../scenarios/api.ts';

/** Moments after the request, in milliseconds, spread over what a create or a delete takes. */
const moments = [0, 30, 80, 150, 250, 400, 600, 900, 1_300, 1_900];
const boundMs = 90_000;

for (const role of ['control', 'agent'])
  test(`the ${role} is killed during create and delete`, { timeout: 1_200_000 }, async t => {
    const before = await hostState(noCloud);
    let marks = noCloud;
    {
      await using cloud = await realCloud(
        `kill-${role}-in-a-directory-with-a-long-name`,
        role === 'control' ? '172.31.78.0/24' : '172.31.79.0/24',
      );
      marks = cloud;
      const api = await apiOf(cloud);
      const ids = {
        image: await api.imageId('haneul-tiny'),
        flavor: await api.flavorId('tiny'),
        network: await network(api),
      };
      const idle = await calmHostState(cloud);
      let points = 0;
      for (const moment of moments) {
        await t.test(`create, killed after ${moment} ms`, async () => {
          const created = api
            .post('/compute/v2.1/servers', {
              server: {
                name: `at-${moment}`,
                imageRef: ids.image,
                flavorRef: ids.flavor,
                networks: [{ uuid: ids.network }],
              },
            })
            .catch(() => undefined);
          await pause(moment);
          await killRole(cloud.data, role);
          points++;
          await created;
          await eventually(async () => {
            for (const server of await servers(api)) {
              ok(['ACTIVE', 'ERROR'].includes(server.status), `${server.id} is ${server.status}`);
              if (server.status === 'ERROR') ok(server.fault?.message, 'an error has a reason');
            }
          }, boundMs);
        });
        await t.test(`delete, killed after ${moment} ms`, async () => {
          const ends = (await servers(api)).map(server =>
            api.delete(`/compute/v2.1/servers/${server.id}`).catch(() => undefined),
          );
          await pause(moment);
          await killRole(cloud.data, role);
          points++;
          await Promise.all(ends);
          await eventually(async () => {
            for (const server of await servers(api)) {
              // A delete that got no answer may not have happened: it is asked for again.
              if (server.status !== 'DELETED' && server['OS-EXT-STS:task_state'] !== 'deleting')
                await api.delete(`/compute/v2.1/servers/${server.id}`);
            }
            deepEqual(await servers(api), []);
          }, boundMs);
        });
      }
      await t.test('nothing is left, and every count is exact', async () => {
        await eventually(async () => deepEqual(await hostState(cloud), idle), 60_000);
        const { limits } = await api.get('/compute/v2.1/limits');
        equal(limits.absolute.totalInstancesUsed, 0);
        equal(limits.absolute.totalCoresUsed, 0);
        equal(limits.absolute.totalRAMUsed, 0);
        const { ports } = await api.get('/network/v2.0/ports');
        deepEqual(
          ports.filter((port: { device_owner: string }) => port.device_owner.startsWith('compute:')),
          [],
        );
        const { resource_providers: providers } = await api.get('/placement/resource_providers');
        for (const { uuid } of providers) {
          const { usages } = await api.get(`/placement/resource_providers/${uuid}/usages`);
          for (const [resourceClass, used] of Object.entries(usages)) equal(used, 0, resourceClass);
        }
        process.stdout.write(`${points} kills of the ${role}\n`);
      });
      await checkLogs(cloud);
    }
    deepEqual(await hostState(marks), before, 'the machine is as it was');
  });

async function network(api: Api): Promise<string> {
  const made = await api.post('/network/v2.0/networks', { network: { name: 'crash' } });
  await api.post('/network/v2.0/subnets', {
    subnet: { network_id: made.network.id, cidr: '10.44.0.0/24', ip_version: 4 },
  });
  return made.network.id;
}

async function servers(
  api: Api,
): Promise<{ id: string; status: string; fault?: { message: string }; 'OS-EXT-STS:task_state': string | null }[]> {
  return (await api.get('/compute/v2.1/servers/detail')).servers;
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/** A kill is no reason for a bug. */
async function checkLogs(cloud: RealCloud): Promise<void> {
  const { stdout } = await cloud.haneul('logs');
  const bugs = stdout.split('\n').filter(line => line.includes('"msg":"bug"'));
  deepEqual(bugs, []);
}
