// A router whose host loses its power: it was on one machine, its way out on another, and it goes on there.

import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../scenarios/haneul.ts';
import { apiOf } from './api.ts';
import { testBed } from './testbed.ts';

test('a router goes on from another host', { timeout: 400_000 }, async t => {
  await using bed = await testBed('networking');
  const env = { HANEUL_EXTERNAL_NETWORK_CIDR: '172.24.207.0/24' };
  const [one, two] = [await bed.machine('one', env), await bed.machine('two', env)];
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  await two.haneul('join', (await one.haneul('invite')).stdout.trim(), '--detach');
  const admin = await apiOf(one);
  const { routers } = await admin.get('/network/v2.0/routers');
  const [router] = routers;
  const hostOf = async (): Promise<string> =>
    (await admin.get(`/network/v2.0/routers/${router.id}/l3-agents`)).agents[0]?.host;
  if ((await hostOf()) !== 'two') {
    const { agents } = await admin.get('/network/v2.0/agents?agent_type=L3%20agent');
    const agentOn = (host: string): string => agents.find((agent: any) => agent.host === host).id;
    await admin.delete(`/network/v2.0/agents/${agentOn('one')}/l3-routers/${router.id}`);
    await admin.post(`/network/v2.0/agents/${agentOn('two')}/l3-routers`, { router_id: router.id });
  }
  const address: string = router.external_gateway_info.external_fixed_ips[0].ip_address;
  const answers = async (): Promise<void> =>
    equal((await one.run(['ping', '-c', '1', '-W', '1', address], { allow: true })).status, 0);
  const there = async (): Promise<void> => {
    equal((await two.run(['ip', 'netns', 'list'])).stdout.includes('-r-'), true);
    equal((await one.run(['ip', 'netns', 'list'])).stdout.includes('-r-'), false);
  };
  await eventually(there, 60_000);
  await eventually(answers, 60_000);

  const started = performance.now();
  await two.powerOff();
  await eventually(async () => equal(await hostOf(), 'one'), 60_000, 100);
  await eventually(answers, 60_000, 100);
  t.diagnostic(`the router goes on after ${((performance.now() - started) / 1000).toFixed(1)} s`);
});
