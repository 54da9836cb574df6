// Machines join a cloud, are seen by its APIs, go and come back; and who must stay out does.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually, type Ran } from '../scenarios/haneul.ts';
import { type Machine, testBed } from './testbed.ts';

interface Host {
  name: string;
  up: boolean | null;
  address: string | null;
  offers: string[];
  enabled: boolean;
  disabled_reason: string | null;
}

const hostsOf = async (machine: Machine): Promise<Map<string, Host>> => {
  const list = JSON.parse((await machine.haneul('hosts', '--json')).stdout) as Host[];
  return new Map(list.map(host => [host.name, host]));
};
const tokenOf = async (machine: Machine, ...args: string[]): Promise<string> =>
  (await machine.haneul('invite', ...args)).stdout.trim();

/** As the real client's tables show it: what lists the host, and how. */
async function seen(
  machine: Machine,
  host: string,
): Promise<{ hypervisor: boolean; compute: boolean; agents: number }> {
  const { password } = JSON.parse(readFileSync(join(machine.data, 'run', 'credentials.json'), 'utf8'));
  const { url } = JSON.parse(readFileSync(join(machine.data, 'run', 'ready.json'), 'utf8'));
  const reply = await fetch(`${url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'admin', password, domain: { id: 'default' } } },
        },
        scope: { project: { name: 'admin', domain: { id: 'default' } } },
      },
    }),
  });
  const headers = { 'x-auth-token': reply.headers.get('x-subject-token')! };
  const get = async (path: string): Promise<any> => (await fetch(`${url}${path}`, { headers })).json();
  const { hypervisors } = await get('/compute/v2.1/os-hypervisors');
  const { services } = await get('/compute/v2.1/os-services');
  const { agents } = await get('/network/v2.0/agents');
  return {
    hypervisor: hypervisors.some((one: any) => one.hypervisor_hostname === host && one.state === 'up'),
    compute: services.some((one: any) => one.host === host && one.state === 'up'),
    agents: agents.filter((one: any) => one.host === host && one.alive).length,
  };
}

const refusal = ({ status, stderr }: Ran): string => {
  equal(status, 1, stderr);
  return stderr;
};

test('a second machine joins, is seen, goes and comes back', { timeout: 300_000 }, async () => {
  await using bed = await testBed('join');
  const one = await bed.machine('one');
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  const two = await bed.machine('two', {});
  const token = await tokenOf(one);
  const started = performance.now();
  const said = await two.haneul('join', token, '--detach');
  match(said.stdout, /host two of the cloud/);
  process.stdout.write(`joined after ${Math.round(performance.now() - started)} ms\n`);
  const hosts = await hostsOf(one);
  equal(hosts.get('two')!.up, true);
  equal(hosts.get('two')!.address, two.address);
  deepEqual(await seen(one, 'two'), { hypervisor: true, compute: true, agents: 4 });
});
