// Real guests do not notice that another version of the program takes over.

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { apiOf } from './api.ts';
import { eventually, realCloud } from './haneul.ts';

test('guests go on under an upgrade', { timeout: 300_000 }, async () => {
  await using cloud = await realCloud('upgrade', '172.31.81.0/24');
  const api = await apiOf(cloud);
  const ids = { imageRef: await api.imageId('haneul-tiny'), flavorRef: await api.flavorId('tiny') };
  const server = { name: 'steady', networks: 'none', ...ids };
  const { id } = (await api.post('/compute/v2.1/servers', { server })).server;
  const statusOf = async (): Promise<string> => (await api.get(`/compute/v2.1/servers/${id}`)).server.status;
  await eventually(async () => equal(await statusOf(), 'ACTIVE'), 60_000);
  const guests = guestsOf(id);
  equal(guests.length, 1);
  const agent = pidOf(cloud.data, 'agent');
  for (let round = 0; round < 2; round++) {
    ok((await cloud.haneul('upgrade')).stdout.includes('answers'));
    equal(await statusOf(), 'ACTIVE');
    deepEqual(guestsOf(id), guests);
  }
  notEqual(pidOf(cloud.data, 'agent'), agent);
  await api.delete(`/compute/v2.1/servers/${id}`);
  await eventually(async () => deepEqual((await api.get('/compute/v2.1/servers')).servers, []), 60_000);
  deepEqual(guestsOf(id), []);
});

/** Processes of QEMU that run the server. */
function guestsOf(serverId: string): string[] {
  return readdirSync('/proc').filter(pid => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      return words.startsWith('qemu-system') && words.includes(serverId);
    } catch {
      return false;
    }
  });
}

function pidOf(data: string, role: string): number {
  return (JSON.parse(readFileSync(join(data, 'supervisor', `${role}.pid`), 'utf8')) as { pid: number }).pid;
}
