// The driver on a real host: needs root, iproute2, nftables, dnsmasq, conntrack, arping; clients: udhcpc, ping, ncat.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { spawn } from 'node:child_process';
import type { HostPort, HostRouter, NetworkDriver } from '../network-driver.ts';
import {
  anyOut,
  applied,
  dhcp,
  type Guest,
  guest,
  icmpIn,
  mac,
  machineState,
  must,
  network,
  openDriver,
  port,
  run,
  settled,
  talk,
  tcpIn,
  trialDirectory,
  uuid,
} from './host-trial.ts';

let directory: Awaited<ReturnType<typeof trialDirectory>>;
let driver: NetworkDriver;
let pristine: string;
const guests: Guest[] = [];

describe('networks of a real host', () => {
  before(async () => {
    pristine = await machineState();
    directory = await trialDirectory();
    driver = openDriver(directory.path);
    await driver.restore();
  });

  after(async () => {
    for (const each of guests) await each.remove();
    await driver.ensureFilters({ networks: [], ports: [], groups: [] });
    for (const key of await driver.list()) await driver.remove(key);
    deepEqual(await driver.list(), []);
    await driver.close();
    await directory.remove();
    equal(await machineState(), pristine);
  });

  async function plugged(name: string, wanted: HostPort, address?: string, gateway?: string): Promise<Guest> {
    const made = await guest(name, wanted, address, gateway);
    guests.push(made);
    return made;
  }

  const netA = network(0xa1);
  const netB = network(0xb1);
  const group = 'security-group/members' as const;
  const a1 = port(1, netA.networkId, ['10.50.0.11'], [...anyOut, icmpIn]);
  const a2 = port(2, netA.networkId, ['10.50.0.12'], [...anyOut, icmpIn, tcpIn(8_000), tcpIn(9_000, { group })]);
  const b1 = port(3, netB.networkId, ['10.50.0.11'], anyOut);
  const b2 = port(4, netB.networkId, ['10.50.0.12'], [...anyOut, icmpIn]);
  const networks = [netA, netB];
  let g1: Guest, g2: Guest, h1: Guest, h2: Guest;

  test('guests get their addresses by DHCP, with routes and MTU', async () => {
    const filters = { networks, ports: [a1, a2, b1, b2], groups: [{ key: group, addresses: [] }] };
    g1 = await plugged('a1', a1);
    g2 = await plugged('a2', a2, '10.50.0.12/24');
    h1 = await plugged('b1', b1, '10.50.0.11/24');
    h2 = await plugged('b2', b2, '10.50.0.12/24');
    await applied(driver, filters);
    await driver.ensure(dhcp(0x50, netA.networkId, '10.50.0.0/24', '10.50.0.2', [a1, a2]));
    const script = join(directory.path, 'udhcpc-env');
    await writeFile(script, '#!/bin/sh\nenv\n', { mode: 0o755 });
    const got = await g1.run(
      'busybox',
      'udhcpc',
      '-f',
      '-q',
      '-n',
      '-t',
      '5',
      '-T',
      '1',
      '-i',
      'eth0',
      '-O',
      '121',
      '-O',
      'mtu',
      '-s',
      script,
    );
    equal(got.status, 0, got.text);
    match(got.text, /ip=10\.50\.0\.11/);
    match(got.text, /router=10\.50\.0\.1/);
    match(got.text, /mtu=1450/);
    match(got.text, /dns=192\.0\.2\.53/);
    match(
      got.text,
      /staticroutes=169\.254\.169\.254\/32 10\.50\.0\.2 198\.51\.100\.0\/24 10\.50\.0\.9 0\.0\.0\.0\/0 10\.50\.0\.1/,
    );
    await must('ip', '-n', g1.namespace, 'addr', 'add', '10.50.0.11/24', 'dev', 'eth0');
  });

  test('what is allowed passes, all else does not', async () => {
    ok(await g1.ping('10.50.0.12'));
    ok(await g2.ping('10.50.0.11'));
    ok(await h1.ping('10.50.0.12'));
    equal(await h2.ping('10.50.0.11'), false);
  });

  test('a rule of a remote group follows the group, and a removed rule ends its flows', async () => {
    const filters = (members: string[], a2Rules = a2.rules) => ({
      networks,
      ports: [a1, { ...a2, rules: a2Rules }, b1, b2],
      groups: [{ key: group, addresses: members }],
    });
    g2.start('ncat', '-lk', '10.50.0.12', '8000', '--exec', '/bin/cat');
    g2.start('ncat', '-lk', '10.50.0.12', '9000', '--exec', '/bin/cat');
    await settled(async () => (await g2.run('ncat', '-z', '10.50.0.12', '9000')).status === 0);
    equal((await g1.run('ncat', '-z', '-w', '1', '10.50.0.12', '8000')).status, 0);
    equal((await g1.run('ncat', '-z', '-w', '1', '10.50.0.12', '8001')).status, 1);
    equal((await g1.run('ncat', '-z', '-w', '1', '10.50.0.12', '9000')).status, 1);
    await driver.ensureFilters(filters(['10.50.0.11']));
    equal((await g1.run('ncat', '-z', '-w', '1', '10.50.0.12', '9000')).status, 0);
    const byRule = talk(g1.start('ncat', '10.50.0.12', '8000'));
    const byGroup = talk(g1.start('ncat', '10.50.0.12', '9000'));
    ok(await byRule.echoes('one'));
    ok(await byGroup.echoes('one'));
    // Adding a rule ends nothing.
    await driver.ensureFilters(filters(['10.50.0.11'], [...a2.rules, tcpIn(7_000)]));
    ok(await byRule.echoes('two'));
    ok(await byGroup.echoes('two'));
    await driver.ensureFilters(filters(['10.50.0.99']));
    ok(await byRule.echoes('three'));
    equal(await byGroup.echoes('three'), false);
    await driver.ensureFilters(filters(['10.50.0.11'], [...anyOut, icmpIn]));
    equal(await byRule.echoes('four'), false);
    await driver.ensureFilters(filters(['10.50.0.11']));
  });

  test('a guest cannot speak as another', async () => {
    await must('ip', '-n', g1.namespace, 'addr', 'add', '10.50.0.77/24', 'dev', 'eth0');
    equal((await g1.run('ping', '-c', '1', '-W', '1', '-I', '10.50.0.77', '10.50.0.12')).status, 1);
    ok(await g1.ping('10.50.0.12'));
    equal((await g1.run('arping', '-c', '1', '-w', '1', '-s', '10.50.0.77', '-I', 'eth0', '10.50.0.12')).status, 1);
    equal((await g1.run('arping', '-c', '1', '-w', '1', '-I', 'eth0', '10.50.0.12')).status, 0);
    await must('ip', '-n', g1.namespace, 'addr', 'del', '10.50.0.77/24', 'dev', 'eth0');
    await must('ip', '-n', g1.namespace, 'link', 'set', 'eth0', 'address', mac(0x99));
    equal(await g1.ping('10.50.0.12'), false);
    await must('ip', '-n', g1.namespace, 'link', 'set', 'eth0', 'address', a1.mac);
    await settled(() => g1.ping('10.50.0.12'));
  });

  test('a tap that the filters do not know passes nothing', async () => {
    await driver.ensureFilters({ networks, ports: [a2, b1, b2], groups: [{ key: group, addresses: [] }] });
    equal(await g1.ping('10.50.0.12'), false);
    await driver.ensureFilters({ networks, ports: [a1, a2, b1, b2], groups: [{ key: group, addresses: [] }] });
    ok(await g1.ping('10.50.0.12'));
  });

  test('guests reach nothing of the host', async () => {
    const server = createServer().listen(0, '0.0.0.0');
    await once(server, 'listening');
    const { port: number } = server.address() as AddressInfo;
    // The host's own address, asked for by way of the bridge itself.
    await must('ip', 'addr', 'add', '10.50.0.200/32', 'dev', 'lo');
    const bridgeMac = JSON.parse(
      await must('ip', '-j', 'link', 'show', `hb${netA.networkId.replaceAll('-', '').slice(0, 12)}`),
    );
    await must(
      'ip',
      '-n',
      g1.namespace,
      'neigh',
      'replace',
      '10.50.0.200',
      'lladdr',
      bridgeMac[0].address,
      'dev',
      'eth0',
    );
    equal((await g1.run('ncat', '-z', '-w', '1', '10.50.0.200', String(number))).status, 1);
    await must('ip', '-n', g1.namespace, 'neigh', 'del', '10.50.0.200', 'dev', 'eth0');
    equal((await g1.run('arping', '-c', '1', '-w', '1', '-I', 'eth0', '10.50.0.200')).status, 1);
    await must('ip', 'addr', 'del', '10.50.0.200/32', 'dev', 'lo');
    server.close();
  });

  test('metadata requests say where they come from', async () => {
    driver.onMetadata((from, request, response) => response.end(`${from.via} ${from.address} ${request.url}`));
    await must('ip', '-n', g1.namespace, 'route', 'replace', '169.254.169.254', 'via', '10.50.0.2');
    const got = await g1.run('busybox', 'wget', '-q', '-O', '-', 'http://169.254.169.254/openstack');
    equal(got.text, `dhcp/${netA.networkId} 10.50.0.11 /openstack`);
  });

  const external = network(0xe1, { hostAddresses: ['172.24.99.1/24'], masquerade: true });
  const router: HostRouter = {
    key: `router/${uuid(0xc1)}`,
    routerId: uuid(0xc1),
    adminUp: true,
    interfaces: [
      { portId: uuid(0x21), networkId: netA.networkId, mac: mac(0x21), addresses: ['10.50.0.1/24'], mtu: 1450 },
    ],
    gateway: {
      portId: uuid(0x22),
      networkId: external.networkId,
      mac: mac(0x22),
      addresses: ['172.24.99.10/24'],
      mtu: 1450,
      nexthops: ['172.24.99.1'],
      snat: true,
    },
    floatingIps: [],
    portForwardings: [],
    routes: [{ destination: '198.51.100.0/24', nexthop: '10.50.0.12' }],
  };

  test('a router leads out, and floating IPs lead in, round and no longer when they are gone', async () => {
    networks.push(external);
    const filters = { networks, ports: [a1, a2, b1, b2], groups: [{ key: group, addresses: [] }] };
    await applied(driver, filters);
    await driver.ensure(router);
    await must('ip', '-n', g1.namespace, 'route', 'replace', 'default', 'via', '10.50.0.1');
    await must('ip', '-n', g2.namespace, 'route', 'replace', 'default', 'via', '10.50.0.1');
    ok(await g1.ping('172.24.99.1'));
    const via = await g1.run('busybox', 'wget', '-q', '-O', '-', '--header', 'Host: x', 'http://169.254.169.254/a');
    equal(via.text, `dhcp/${netA.networkId} 10.50.0.11 /a`);
    await must('ip', '-n', g2.namespace, 'route', 'del', '198.51.100.0/24').catch(() => '');
    const through = await g2.run('busybox', 'wget', '-q', '-O', '-', 'http://169.254.169.254/b');
    equal(through.text, `${router.key} 10.50.0.12 /b`);
    // Services of the host stay closed to what comes out of the cloud.
    const server = createServer().listen(0, '172.24.99.1');
    await once(server, 'listening');
    equal(
      (await g1.run('ncat', '-z', '-w', '1', '172.24.99.1', String((server.address() as AddressInfo).port))).status,
      1,
    );
    server.close();

    const withFloating = {
      ...router,
      floatingIps: [{ id: uuid(0xf1), floatingIp: '172.24.99.20', fixedIp: '10.50.0.12' }],
      portForwardings: [
        {
          id: uuid(0xf2),
          externalIp: '172.24.99.30',
          externalPort: 2_000,
          protocol: 'tcp',
          internalIp: '10.50.0.12',
          internalPort: 8_000,
        },
      ],
    };
    await driver.ensure(withFloating);
    equal((await run('ping', '-c', '1', '-W', '1', '172.24.99.20')).status, 0);
    ok(await g1.ping('172.24.99.20'));
    const hairpin = talk(g1.start('ncat', '172.24.99.20', '8000'));
    ok(await hairpin.echoes('round'));
    const forwarded = talk(spawn('ncat', ['172.24.99.30', '2000'], { stdio: 'pipe' }));
    ok(await forwarded.echoes('forward'));
    await driver.ensure(router);
    equal(await forwarded.echoes('gone'), false);
    equal((await run('ping', '-c', '1', '-W', '1', '172.24.99.20')).status, 1);
    forwarded.child.kill('SIGKILL');
  });

  test('a new agent takes up what it finds', async () => {
    const server = join(directory.path, 'dhcp', netA.networkId, 'pid');
    const pid = await readFile(server, 'utf8');
    const flow = talk(g1.start('ncat', '10.50.0.12', '8000'));
    ok(await flow.echoes('before'));
    await driver.close();
    driver = openDriver(directory.path);
    await driver.restore();
    const filters = { networks, ports: [a1, a2, b1, b2], groups: [{ key: group, addresses: [] }] };
    await applied(driver, filters);
    await driver.ensure(dhcp(0x50, netA.networkId, '10.50.0.0/24', '10.50.0.2', [a1, a2]));
    await driver.ensure(router);
    equal(await readFile(server, 'utf8'), pid);
    ok(await flow.echoes('after'));
    deepEqual(
      (await driver.list()).sort(),
      [...networks, a1, a2, b1, b2, { key: `dhcp/${netA.networkId}` }, router].map(({ key }) => key).sort(),
    );
    driver.onMetadata((from, _request, response) => response.end(from.address));
    equal((await g1.run('busybox', 'wget', '-q', '-O', '-', 'http://169.254.169.254/')).text, '10.50.0.11');
  });
});
