// A router on two machines of which one works: the other takes over when it is gone. Needs root and keepalived.

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { HostNetwork, HostRouter } from '../network-driver.ts';
import { anyOut, icmpIn, mac, network, port, settled, uuid } from './host-trial.ts';
import { type Machine, openMachines } from './machines-trial.ts';

const icmp6In = { direction: 'ingress', family: 6, protocol: 'ipv6-icmp', min: null, max: null, remote: null } as const;

test('a highly available router goes on from another machine', async t => {
  await using trial = await openMachines(['198.51.100.1/24', '198.51.100.2/24', '198.51.100.3/24']);
  const [one, two, three] = trial.machines as [Machine, Machine, Machine];
  const [left, right, between] = [network(0xc1), network(0xc2), network(0xc3)];
  const open = [...anyOut, icmpIn, icmp6In];
  const p1 = port(0x51, left.networkId, ['10.71.0.11', '2001:db8:c1::11'], open);
  const p2 = port(0x52, right.networkId, ['10.72.0.11', '2001:db8:c2::11'], open);
  // The router's MAC addresses are on two machines, so nobody says where: frames to them are flooded.
  const known = new Map([
    [left.networkId, p1],
    [right.networkId, p2],
  ]);
  const at = (net: HostNetwork, machine: Machine, others: Machine[]): HostNetwork => ({
    ...net,
    peers: others
      .filter(other => other !== machine)
      .map(({ address }) => {
        const guests = address === three.address ? known.get(net.networkId) : undefined;
        return { address, ports: guests ? [{ mac: guests.mac, ips: guests.ips }] : [] };
      }),
  });
  const routerId = uuid(0x5f);
  const routerOn = (n: number): HostRouter => ({
    key: `router/${routerId}`,
    routerId,
    adminUp: true,
    ha: {
      virtualRouterId: 7,
      port: {
        portId: uuid(0x5a + n),
        networkId: between.networkId,
        mac: mac(0x5a + n),
        addresses: [`169.254.192.${n}/18`],
        mtu: 1450,
      },
    },
    interfaces: [
      {
        portId: uuid(0x58),
        networkId: left.networkId,
        mac: mac(0x58),
        addresses: ['10.71.0.1/24', '2001:db8:c1::1/64'],
        mtu: 1450,
      },
      {
        portId: uuid(0x59),
        networkId: right.networkId,
        mac: mac(0x59),
        addresses: ['10.72.0.1/24', '2001:db8:c2::1/64'],
        mtu: 1450,
      },
    ],
    gateway: null,
    floatingIps: [],
    portForwardings: [],
    routes: [],
  });
  const everywhere = [one, two, three];
  const g1 = await three.plug('vrrp-1', p1, '10.71.0.11/24', '10.71.0.1');
  const g2 = await three.plug('vrrp-2', p2, '10.72.0.11/24', '10.72.0.1');
  for (const [guest, address, gateway] of [
    [g1, '2001:db8:c1::11/64', '2001:db8:c1::1'],
    [g2, '2001:db8:c2::11/64', '2001:db8:c2::1'],
  ] as const) {
    await guest.run('ip', 'addr', 'add', address, 'dev', 'eth0', 'nodad');
    await guest.run('ip', '-6', 'route', 'add', 'default', 'via', gateway);
  }
  await three.apply([at(left, three, everywhere), at(right, three, everywhere), p1, p2]);
  for (const [n, machine] of [one, two].entries())
    await machine.apply([
      at(left, machine, everywhere),
      at(right, machine, everywhere),
      at(between, machine, [one, two]),
      routerOn(n + 1),
    ]);
  const working = (): Machine[] => [one, two].filter(machine => machine.states.get(routerId) === 'active');
  ok(await settled(async () => working().length === 1 && one.states.size + two.states.size === 2, 20_000));
  ok(await settled(() => g1.ping('10.72.0.11'), 10_000));
  ok(await settled(() => g1.ping('2001:db8:c2::11'), 10_000));

  await t.test('when its machine is cut off, within seconds', async () => {
    const [first] = working();
    const other = first === one ? two : one;
    const pings = g1.run('ping', '-i', '0.1', '-c', '100', '-W', '1', '10.72.0.11');
    await new Promise(resolve => setTimeout(resolve, 1_500));
    await first!.cut();
    const { text } = await pings;
    const received = Number(/(\d+) received/.exec(text)?.[1]);
    t.diagnostic(`gap: ${((100 - received) * 0.1).toFixed(1)} s`);
    ok(received > 40, text);
    ok(await settled(async () => other.states.get(routerId) === 'active', 10_000));
    ok(await settled(() => g1.ping('2001:db8:c2::11'), 10_000));
    await first!.heal();
    // Both have worked; one gives way.
    ok(await settled(async () => working().length === 1, 20_000));
    ok(await settled(() => g1.ping('10.72.0.11'), 10_000));
  });

  await t.test('and gives its addresses up in order when it is taken away', async () => {
    const [first] = working();
    const other = first === one ? two : one;
    const pings = g1.run('ping', '-i', '0.1', '-c', '50', '-W', '1', '10.72.0.11');
    await new Promise(resolve => setTimeout(resolve, 1_000));
    await first!.apply([at(left, first!, everywhere), at(right, first!, everywhere)]);
    const { text } = await pings;
    const received = Number(/(\d+) received/.exec(text)?.[1]);
    t.diagnostic(`gap: ${((50 - received) * 0.1).toFixed(1)} s`);
    ok(received > 20, text);
    equal(other.states.get(routerId), 'active');
  });
});
