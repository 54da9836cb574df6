// Machines join a cloud, are seen by its APIs, go and come back, and leave for good.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../scenarios/haneul.ts';
import { type Api, apiOf, boot } from './api.ts';
import { type Machine, testBed } from './testbed.ts';

interface Host {
  name: string;
  up: boolean | null;
  address: string | null;
  tunnel_address: string | null;
  servers: number;
  enabled: boolean;
  disabled_reason: string | null;
}

const hostsOf = async (machine: Machine): Promise<Map<string, Host>> => {
  const list = JSON.parse((await machine.haneul('hosts', '--json')).stdout) as Host[];
  return new Map(list.map(host => [host.name, host]));
};

/** Until the cloud sees a host so. @returns after how many seconds */
async function until(api: Api, host: string, up: boolean, timeoutMs = 40_000): Promise<number> {
  const started = performance.now();
  await eventually(
    async () => {
      const { hosts } = await api.get('/haneul/hosts');
      equal(hosts.find(({ name }: Host) => name === host).up, up);
    },
    timeoutMs,
    100,
  );
  return Math.round((performance.now() - started) / 100) / 10;
}

/** What lists the host as working. */
async function seen(api: Api, host: string): Promise<{ hypervisor: boolean; compute: boolean; agents: number }> {
  const { hypervisors } = await api.get('/compute/v2.1/os-hypervisors');
  const { services } = await api.get('/compute/v2.1/os-services');
  const { agents } = await api.get('/network/v2.0/agents');
  return {
    hypervisor: hypervisors.some((one: any) => one.hypervisor_hostname === host && one.state === 'up'),
    compute: services.some((one: any) => one.host === host && one.state === 'up'),
    agents: agents.filter((one: any) => one.host === host && one.alive).length,
  };
}

test('a machine joins, is seen, runs a guest, goes and comes back, and leaves', { timeout: 400_000 }, async () => {
  await using bed = await testBed('join');
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const [one, two] = [await bed.machine('one'), await bed.machine('two')];
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  const started = performance.now();
  const token = (await one.haneul('invite')).stdout.trim();
  const said = await two.haneul('join', token, '--detach');
  match(said.stdout, /host two of the cloud/);
  say(`joined after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  match((await one.haneul('hosts')).stdout, /^one .* api,worker,host /m);
  const api = await apiOf(one);
  const host = (await hostsOf(one)).get('two')!;
  deepEqual([host.up, host.address, host.tunnel_address], [true, two.address, two.dataAddress]);
  const { agents, ...listed } = await seen(api, 'two');
  deepEqual(listed, { hypervisor: true, compute: true });
  ok(agents >= 3);
  const pss = await two.run(['grep', '^Pss:', `/proc/${await pidOf(two, 'agent')}/smaps_rollup`]);
  say(`its agent: ${Math.round(Number(/\d+/.exec(pss.stdout)?.[0]) / 1024)} MiB`);

  // Again changes nothing.
  match((await two.haneul('up', '--detach')).stdout, /host two of the cloud/);

  const looked = await two.tryHaneul('doctor');
  match(looked.stdout, /cluster +https:.* in reach, clocks agree/);
  match(looked.stdout, /the host two runs here/);
  match((await two.haneul('status')).stdout, /agent +runs/);

  const server = await boot(one, 'two', 'guest').catch(async error => {
    say((await one.haneul('operations')).stdout);
    throw error;
  });
  const images = join(two.data, 'host', 'compute', 'images');
  const image = readdirSync(images).find(name => /^[0-9a-f-]{36}$/.test(name))!;
  // Its own bytes, and not a link to the other machine's.
  equal(statSync(join(images, image)).nlink, 1);
  match((await one.tryHaneul('hosts', 'remove', 'two')).stderr, /still holds 1 servers/);

  await two.kill('agent');
  await until(api, 'two', true);
  await one.kill('bus');
  await one.haneul('hosts', 'disable', 'two', '--reason', 'maintenance');
  equal((await hostsOf(one)).get('two')!.disabled_reason, 'maintenance');
  await one.haneul('hosts', 'enable', 'two');
  await bed.cut(one, two);
  say(`cut off: down after ${await until(api, 'two', false)} s`);
  await bed.heal(one, two);
  say(`healed: up after ${await until(api, 'two', true)} s`);
  await two.powerOff();
  say(`power off: down after ${await until(api, 'two', false)} s`);
  await two.powerOn();
  await two.haneul('up', '--detach');
  await until(api, 'two', true);

  await (await apiOf(one, 'demo')).delete(`/compute/v2.1/servers/${server.id}`);
  await eventually(async () => void (await one.haneul('hosts', 'remove', 'two')), 60_000);
  equal((await hostsOf(one)).has('two'), false);
  await new Promise(resolve => setTimeout(resolve, 4_000));
  // It still runs, and nobody listens.
  equal((await hostsOf(one)).has('two'), false);
});

async function pidOf(machine: Machine, role: string): Promise<number> {
  return JSON.parse(readFileSync(join(machine.data, 'supervisor', `${role}.pid`), 'utf8')).pid;
}
