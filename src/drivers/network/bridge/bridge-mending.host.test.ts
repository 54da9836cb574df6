// What goes missing or wrong on a real host is mended, and what is left half made is found. Needs root.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HostNetwork, HostRouter } from '../network-driver.ts';
import {
  anyOut,
  applied,
  cloud,
  dhcp,
  guest,
  icmpIn,
  mac,
  must,
  network,
  openDriver,
  openTrial,
  port,
  run,
  settled,
  talk,
  tcpIn,
  tools,
  uuid,
} from './host-trial.ts';
import { bridgeOf, dhcpLinkOf, dhcpPortOf, namespaceOf, routerLinkOf, routerPortOf, tunnelOf } from './names.ts';

const net = network(0xa7);
const bridge = bridgeOf(net.networkId);

test('an entry is mended whatever was done to it', async () => {
  await using trial = await openTrial();
  const { driver } = trial;
  const tap = port(0x71, net.networkId, ['10.57.0.71'], anyOut);
  const entry = dhcp(0x70, net.networkId, '10.57.0.0/24', '10.57.0.2', [tap]);
  const router: HostRouter = {
    key: `router/${uuid(0xc7)}`,
    routerId: uuid(0xc7),
    adminUp: true,
    interfaces: [
      { portId: uuid(0x27), networkId: net.networkId, mac: mac(0x27), addresses: ['10.57.0.1/24'], mtu: 1450 },
    ],
    gateway: null,
    floatingIps: [],
    portForwardings: [],
    routes: [{ destination: '198.51.100.0/24', nexthop: '10.57.0.9' }],
  };
  const filters = { networks: [net], ports: [tap], groups: [] };
  const dhcpSpace = namespaceOf(cloud, 'dhcp', net.networkId);
  const routerSpace = namespaceOf(cloud, 'router', router.routerId);
  const state = async (): Promise<string> =>
    [
      (await must('ip', '-o', 'link', 'show', 'master', bridge)).replaceAll(
        /^\d+: |@if\d+|link-netnsid \d+|state \w+|,?M-DOWN|,?NO-CARRIER|,?LOWER_UP| \w\w:\w\w:\w\w:\w\w:\w\w:\w\w brd/gm,
        '',
      ),
      (await must('ip', '-n', dhcpSpace, '-o', 'addr')).replaceAll(/^\d+: |@if\d+/gm, ''),
      (await must('ip', '-n', routerSpace, '-o', 'addr')).replaceAll(/^\d+: |@if\d+/gm, ''),
      await must('ip', '-n', routerSpace, 'route'),
      (await run('nsenter', `--net=/run/netns/${routerSpace}`, 'nft', 'list', 'tables')).text,
      (await run('nft', 'list', 'tables')).text
        .split('\n')
        .filter(line => line.includes(cloud))
        .join(),
    ]
      .flatMap(part => part.split('\n').sort())
      .join('\n');
  const make = async (): Promise<void> => {
    await applied(driver, filters);
    await driver.ensure(entry);
    await driver.ensure(router);
  };
  await make();
  await settled(async () => !(await state()).includes('tentative'));
  const right = await state();
  match(await must('ip', '-j', '-d', 'link', 'show', tap.tap), /"user":"?(nobody|65534)/);
  const harm: [string, ...string[]][] = [
    ['ip', 'link', 'del', bridge],
    ['ip', 'link', 'set', bridge, 'down'],
    ['ip', 'link', 'del', dhcpLinkOf(net.networkId)],
    ['ip', 'link', 'set', dhcpLinkOf(net.networkId), 'nomaster'],
    ['ip', 'link', 'del', routerLinkOf(uuid(0x27))],
    ['ip', 'link', 'set', routerLinkOf(uuid(0x27)), 'down'],
    ['ip', 'link', 'del', tap.tap],
    ['ip', 'link', 'set', tap.tap, 'mtu', '1300'],
    ['ip', '-n', dhcpSpace, '-4', 'addr', 'flush', 'dev', dhcpPortOf(entry.portId)],
    ['ip', '-n', routerSpace, 'addr', 'add', '10.57.0.200/24', 'dev', routerPortOf(uuid(0x27))],
    ['ip', '-n', routerSpace, 'route', 'del', '198.51.100.0/24'],
    ['ip', '-n', routerSpace, 'link', 'set', routerPortOf(uuid(0x27)), 'down'],
    ['nsenter', `--net=/run/netns/${routerSpace}`, 'nft', 'flush', 'ruleset'],
    ['nft', 'delete', 'table', 'bridge', `haneul-${cloud}-ports`],
    ['nft', 'delete', 'table', 'inet', `haneul-${cloud}-sg`],
    ['ip', 'netns', 'del', dhcpSpace],
    ['ip', 'netns', 'del', routerSpace],
  ];
  // Its watch would mend at the same time.
  await driver.close();
  for (const command of harm) {
    await must(...command);
    // What an agent does that knows nothing of what it did before.
    const again = openDriver(trial.directory);
    await again.restore();
    await again.ensureFilters(filters);
    for (const each of [net, tap, entry, router]) await again.ensure(each);
    await again.close();
    await settled(async () => (await state()) === right, 4_000).catch(async () =>
      equal(await state(), right, command.join(' ')),
    );
  }
});

test('a DHCP server that dies is started again, and is told of', async () => {
  await using trial = await openTrial();
  const { driver } = trial;
  await applied(driver, { networks: [net], ports: [], groups: [] });
  const entry = dhcp(0x70, net.networkId, '10.57.0.0/24', '10.57.0.2', []);
  await driver.ensure(entry);
  const told: string[] = [];
  driver.onFailure((key, reason) => told.push(`${key} ${reason}`));
  const file = join(trial.directory, 'dhcp', net.networkId, 'pid');
  const pid = Number(await readFile(file, 'utf8'));
  process.kill(pid, 'SIGKILL');
  await settled(async () => told.length > 0);
  match(told[0]!, /^dhcp\/.* stopped by itself/);
  const next = Number(await readFile(file, 'utf8'));
  ok(next !== pid);
  // New leases are read by the same process; lost ones need another.
  const lease = { portId: uuid(1), mac: mac(1), ips: ['10.57.0.31'], hostname: 'one', options: [] };
  await driver.ensure({ ...entry, leases: [lease] });
  equal(Number(await readFile(file, 'utf8')), next);
  await driver.ensure({ ...entry, leases: [{ ...lease, mac: mac(2) }] });
  ok(Number(await readFile(file, 'utf8')) !== next);
});

test('what is half made is found and removed', async () => {
  await using trial = await openTrial();
  const { driver } = trial;
  await must('ip', 'netns', 'add', namespaceOf(cloud, 'router', uuid(0xd1)));
  await mkdir(join(trial.directory, 'dhcp', uuid(0xd2)), { recursive: true });
  await must('ip', 'link', 'add', 'tapleft', 'type', 'bridge');
  await must('ip', 'link', 'set', 'tapleft', 'alias', `haneul:${cloud}:port/${uuid(0xd3)}`);
  // Another cloud's, and nobody's.
  await must('ip', 'netns', 'add', 'hn000000-r-000000d17e57');
  deepEqual(await driver.list(), [`dhcp/${uuid(0xd2)}`, `port/${uuid(0xd3)}`, 'router/000000d17e57']);
  for (const key of await driver.list()) await driver.remove(key);
  deepEqual(await driver.list(), []);
  // Removing what is gone succeeds.
  await driver.remove(`port/${uuid(0xd3)}`);
  await driver.remove(`network/${uuid(0xd4)}`);
  await must('ip', 'netns', 'del', 'hn000000-r-000000d17e57');
});

test('two clouds on one machine do not see each other', async () => {
  await using first = await openTrial();
  await using second = await openTrial('0c10d2');
  const other: HostNetwork = network(0xb7);
  await applied(first.driver, { networks: [net], ports: [], groups: [] });
  await applied(second.driver, { networks: [other], ports: [], groups: [] });
  deepEqual(await first.driver.list(), [net.key]);
  deepEqual(await second.driver.list(), [other.key]);
});

test('a port that is down, or that the filters lack, passes nothing; counters tell what its guest did', async () => {
  await using trial = await openTrial();
  const { driver } = trial;
  const p1 = port(0x73, net.networkId, ['10.57.0.73'], [...anyOut, icmpIn]);
  const p2 = port(0x74, net.networkId, ['10.57.0.74'], [...anyOut, icmpIn]);
  const g1 = trial.plug(await guest('m1', p1, '10.57.0.73/24'));
  trial.plug(await guest('m2', p2, '10.57.0.74/24'));
  await driver.ensureFilters({ networks: [net], ports: [p2], groups: [] });
  await driver.ensure(net);
  await driver.ensure(p2);
  let refused = '';
  await driver.ensure(p1).catch(cause => (refused = (cause as Error).message));
  equal(refused, 'networkDriver.noFilter');
  equal(await g1.ping('10.57.0.74'), false);
  await applied(driver, { networks: [net], ports: [p1, p2], groups: [] });
  await settled(() => g1.ping('10.57.0.74'));
  ok((await driver.counters(p1.portId)).tx_packets! > 0);
  await driver.ensure({ ...p1, adminUp: false });
  equal(await g1.ping('10.57.0.74'), false);
});

test('peers are reached by VXLAN, exactly those that are wanted', async () => {
  await using trial = await openTrial();
  const { driver } = trial;
  const peers = [
    { address: '127.0.0.2', ports: [{ mac: mac(0x91), ips: ['10.57.0.91'] }] },
    { address: '127.0.0.3', ports: [] },
  ];
  const table = async (): Promise<string[]> =>
    (await must('bridge', 'fdb', 'show', 'dev', tunnelOf(net.networkId)))
      .split('\n')
      .filter(line => line.includes('dst'))
      .map(line => line.split(' ').slice(0, 3).join(' '))
      .sort();
  await applied(driver, { networks: [{ ...net, peers }], ports: [], groups: [] });
  const flood = '00:00:00:00:00:00 dst';
  deepEqual(await table(), [`${flood} 127.0.0.2`, `${flood} 127.0.0.3`, `${mac(0x91)} dst 127.0.0.2`]);
  await driver.ensure({ ...net, peers: [{ ...peers[1]!, ports: peers[0]!.ports }] });
  deepEqual(await table(), [`${flood} 127.0.0.3`, `${mac(0x91)} dst 127.0.0.3`]);
  await driver.ensure(net);
  equal((await tools.run(['ip', 'link', 'show', tunnelOf(net.networkId)], { allow: [1] })).status, 1);
});

test('a port on an external network is filtered from what the host sends and routes, too', async () => {
  await using trial = await openTrial();
  const { driver } = trial;
  const outer = network(0xe2, { hostAddresses: ['172.24.98.1/24'], masquerade: true });
  const p1 = port(0x75, outer.networkId, ['172.24.98.5'], [...anyOut, tcpIn(8_000)]);
  const g1 = trial.plug(await guest('x1', p1, '172.24.98.5/24', '172.24.98.1'));
  await applied(driver, { networks: [outer], ports: [p1], groups: [] });
  for (const number of ['8000', '8001']) g1.start('ncat', '-lk', '172.24.98.5', number, '--exec', '/bin/cat');
  await settled(() => g1.ping('172.24.98.1'));
  equal((await run('ncat', '-z', '-w', '1', '172.24.98.5', '8000')).status, 0);
  equal((await run('ncat', '-z', '-w', '1', '172.24.98.5', '8001')).status, 1);
  const flow = talk(spawn('ncat', ['172.24.98.5', '8000'], { stdio: 'pipe' }));
  ok(await flow.echoes('allowed'));
  await driver.ensureFilters({ networks: [outer], ports: [{ ...p1, rules: anyOut }], groups: [] });
  equal(await flow.echoes('no longer'), false);
  flow.child.kill('SIGKILL');
});
