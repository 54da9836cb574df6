// Networks across hosts with real guests: two guests of one network on two hosts, and a router whose host loses its power.

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../scenarios/haneul.ts';
import { apiOf, boot } from './api.ts';
import { testBed } from './testbed.ts';

test('guests on two hosts, and a router that goes on from another', { timeout: 500_000 }, async t => {
  await using bed = await testBed('networking');
  const env = { HANEUL_EXTERNAL_NETWORK_CIDR: '172.24.207.0/24' };
  const [one, two] = [await bed.machine('one', env), await bed.machine('two', env)];
  await one.haneul('up', '--detach', '--listen', `${one.address}:8700`);
  await two.haneul('join', (await one.haneul('invite')).stdout.trim(), '--detach');
  const [admin, demo] = [await apiOf(one), await apiOf(one, 'demo')];
  const addressOf = (server: any): string => server.addresses.private[0].addr;
  const there = await boot(one, 'two', 'there');
  // 1,422 bytes and 28 of headers are the network's whole MTU.
  const script = `#!/bin/sh\nping -c 5 -s 1422 ${addressOf(there)} && echo "it is heard"\n`;
  const here = await boot(one, 'one', 'here', 'private', { user_data: Buffer.from(script).toString('base64') });
  const consoleOf = async (id: string): Promise<string> =>
    (await admin.post(`/compute/v2.1/servers/${id}/action`, { 'os-getConsoleOutput': {} })).output;
  await eventually(async () => ok((await consoleOf(here.id)).includes('it is heard')), 120_000);

  const { networks } = await demo.get('/network/v2.0/networks?name=private');
  const { agents: dhcp } = await admin.get(`/network/v2.0/networks/${networks[0].id}/dhcp-agents`);
  equal(new Set(dhcp.map((agent: any) => agent.host)).size, 2);

  // The router goes to the second host; its way out is the first.
  const { routers } = await demo.get('/network/v2.0/routers');
  const router = `/network/v2.0/routers/${routers[0].id}/l3-agents`;
  const { agents } = await admin.get('/network/v2.0/agents?agent_type=L3%20agent');
  const hostsOf = async (): Promise<string[]> =>
    (await admin.get(router)).agents.map((agent: any) => agent.host as string);
  const [before] = await hostsOf();
  if (before !== 'two') {
    const agentOn = (host: string): string => agents.find((agent: any) => agent.host === host).id;
    await admin.delete(`/network/v2.0/agents/${agentOn('one')}/l3-routers/${routers[0].id}`);
    await admin.post(`/network/v2.0/agents/${agentOn('two')}/l3-routers`, { router_id: routers[0].id });
  }
  const { networks: external } = await demo.get('/network/v2.0/networks?name=public');
  const { ports } = await demo.get(`/network/v2.0/ports?device_id=${here.id}`);
  const { floatingip } = await demo.post('/network/v2.0/floatingips', {
    floatingip: { floating_network_id: external[0].id, port_id: ports[0].id },
  });
  const answers = async (): Promise<void> => {
    const ping = ['ping', '-c', '1', '-W', '1', floatingip.floating_ip_address];
    equal((await one.run(ping, { allow: true })).status, 0);
  };
  await eventually(answers, 60_000);
  t.diagnostic(`the guest on one answers at ${floatingip.floating_ip_address} by way of ${(await hostsOf()).join()}`);

  const started = performance.now();
  await two.powerOff();
  await new Promise(resolve => setTimeout(resolve, 1_000));
  await eventually(answers, 60_000, 100);
  t.diagnostic(`the router goes on after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  equal((await hostsOf()).join(), 'one');
});
