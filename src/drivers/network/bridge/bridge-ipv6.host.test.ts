// IPv6 on a real host: router advertisements, DHCPv6, neighbour discovery and forged ones. Needs root and dhclient.

import { equal, match, ok } from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DhcpSubnet, HostDhcp, HostRouter } from '../network-driver.ts';
import { anyOut, applied, guest, mac, must, network, openTrial, port, settled, uuid } from './host-trial.ts';

const icmp6In = { direction: 'ingress', family: 6, protocol: 'ipv6-icmp', min: null, max: null, remote: null } as const;

function subnet(n: number, cidr: string, gateway: string, mode: 'slaac' | 'dhcpv6-stateful'): DhcpSubnet {
  return {
    subnetId: uuid(n),
    cidr,
    gateway,
    dnsServers: ['2001:db8::53'],
    hostRoutes: [],
    dhcp: true,
    ipv6: { addressMode: mode, raMode: mode },
  };
}

test('guests find their IPv6 addresses and the way out', async () => {
  await using trial = await openTrial();
  const { driver } = trial;
  const net = network(0xa6);
  // What SLAAC makes of the MAC.
  const slaac = '2001:db8:a6:0:f816:3eff:fe7e:5761';
  const p1 = port(0x61, net.networkId, [slaac], [...anyOut, icmp6In]);
  const p2 = port(0x62, net.networkId, ['2001:db8:a7::62'], [...anyOut, icmp6In]);
  const g1 = trial.plug(await guest('s1', p1));
  const g2 = trial.plug(await guest('s2', p2));
  const entry: HostDhcp = {
    key: `dhcp/${net.networkId}`,
    networkId: net.networkId,
    portId: uuid(0x60),
    mac: mac(0x60),
    local: false,
    addresses: ['2001:db8:a6::2/64', '2001:db8:a7::2/64'],
    mtu: 1450,
    domain: 'cloud.example',
    subnets: [
      subnet(0x161, '2001:db8:a6::/64', '2001:db8:a6::1', 'slaac'),
      subnet(0x162, '2001:db8:a7::/64', '2001:db8:a7::1', 'dhcpv6-stateful'),
    ],
    leases: [{ portId: p2.portId, mac: p2.mac, ips: p2.ips, hostname: 'second', options: [] }],
  };
  const router: HostRouter = {
    key: `router/${uuid(0xc6)}`,
    routerId: uuid(0xc6),
    adminUp: true,
    interfaces: [
      {
        portId: uuid(0x26),
        networkId: net.networkId,
        mac: mac(0x26),
        addresses: ['2001:db8:a6::1/64', '2001:db8:a7::1/64'],
        mtu: 1450,
      },
    ],
    gateway: null,
    floatingIps: [],
    portForwardings: [],
    routes: [],
  };
  for (const each of [g1, g2]) await must('ip', '-n', each.namespace, 'link', 'set', 'eth0', 'down');
  await applied(driver, { networks: [net], ports: [p1, p2], groups: [] });
  await driver.ensure(entry);
  await driver.ensure(router);
  await g1.run('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra=1');
  for (const each of [g1, g2]) await must('ip', '-n', each.namespace, 'link', 'set', 'eth0', 'up');
  await settled(async () => (await g1.run('ip', '-6', 'addr', 'show', 'dev', 'eth0')).text.includes(slaac), 10_000);
  match((await g1.run('ip', '-6', 'route', 'show', 'default')).text, /default via fe80::/);
  const script = join(trial.directory, 'dhclient-env');
  await writeFile(script, '#!/bin/sh\nenv\n', { mode: 0o755 });
  const lease = join(trial.directory, 'lease6');
  await settled(async () => {
    const got = await g2.run(
      'timeout',
      '4',
      'dhclient',
      '-6',
      '-1',
      '-d',
      '-v',
      '-lf',
      lease,
      '-pf',
      `${lease}.pid`,
      '-sf',
      script,
      'eth0',
    );
    return got.text.includes('new_ip6_address=2001:db8:a7::62');
  }, 15_000);
  await must('ip', '-n', g2.namespace, 'addr', 'add', '2001:db8:a7::62/64', 'dev', 'eth0', 'nodad');
  // On one link, then through the router.
  await settled(() => g2.ping('2001:db8:a7::1'), 10_000);
  await must('ip', '-n', g2.namespace, 'route', 'replace', '2001:db8:a6::/64', 'via', '2001:db8:a7::1', 'metric', '1');
  await settled(() => g1.ping('2001:db8:a7::62'), 10_000);
  // Metadata over the link-local address.
  driver.onMetadata((from, _request, response) => response.end(`${from.via} ${from.address}`));
  const request = g1.start('ncat', '-6', 'fe80::a9fe:a9fe%eth0', '80');
  let answer = '';
  request.stdout!.on('data', chunk => (answer += chunk));
  request.stdin!.write('GET / HTTP/1.0\r\n\r\n');
  await settled(async () => answer.includes(`dhcp/${net.networkId} `));
  // Another's address: neither spoken from nor advertised.
  await must('ip', '-n', g1.namespace, 'addr', 'add', '2001:db8:a7::77/64', 'dev', 'eth0', 'nodad');
  equal((await g1.run('ping', '-c', '1', '-W', '1', '-I', '2001:db8:a7::77', '2001:db8:a7::62')).status, 1);
  equal(await g2.ping('2001:db8:a7::77'), false);
  ok(await g2.ping('2001:db8:a7::1'));
});
