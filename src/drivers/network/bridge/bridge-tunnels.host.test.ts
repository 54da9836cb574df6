// Networks across machines: guests reach one another through tunnels, and nobody else. Machines are namespaces. Needs root.

import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HostDhcp, HostNetwork, HostPort, HostRouter } from '../network-driver.ts';
import { anyOut, dhcp, icmpIn, mac, network, port, settled, uuid } from './host-trial.ts';
import { type Machine, openMachines } from './machines-trial.ts';

const icmp6In = { direction: 'ingress', family: 6, protocol: 'ipv6-icmp', min: null, max: null, remote: null } as const;
const local = '02:00:a9:fe:a9:fe';

/** A network as one of its machines must have it. */
function networkAt(n: number, at: Machine, others: [Machine, { mac: string; ips: string[] }[]][]): HostNetwork {
  const peers = others.filter(([other]) => other !== at).map(([other, ports]) => ({ address: other.address, ports }));
  return { ...network(n), metadataMac: local, peers };
}

/** Metadata alone. */
function metadataOf(served: HostDhcp): HostDhcp {
  return { ...served, portId: served.networkId, mac: local, local: true, addresses: [], leases: [] };
}

const tunnelled = (one: Machine, two: Machine): Promise<{ status: number; text: string }> =>
  one.run('ping', '-c', '1', '-W', '1', two.address);

test('guests of one network on two machines', async t => {
  await using trial = await openMachines(['198.51.100.1/24', '198.51.100.2/24', '198.51.100.3/24', '198.51.100.4/24']);
  const [one, two, three, stranger] = trial.machines as [Machine, Machine, Machine, Machine];
  const open = [...anyOut, icmpIn, icmp6In];
  const net = network(0xb1);
  const p1 = port(0x11, net.networkId, ['10.60.0.11', '2001:db8:b1::11'], open);
  const p2 = port(0x12, net.networkId, ['10.60.0.12', '2001:db8:b1::12'], open);
  const closed = port(0x13, net.networkId, ['10.60.0.13'], [...anyOut]);
  // Another network, on the first machine too, with the same addresses.
  const otherNet = network(0xb2);
  const q1 = port(0x21, otherNet.networkId, ['10.60.0.12'], open);
  const q3 = port(0x22, otherNet.networkId, ['10.60.0.11'], open);
  const served = dhcp(0x30, net.networkId, '10.60.0.0/24', '10.60.0.2', [p1, p2, closed]);
  const where: [Machine, HostPort[]][] = [
    [one, [p1]],
    [two, [p2, closed, { ...p2, mac: served.mac, ips: ['10.60.0.2'] }]],
  ];
  const elsewhere: [Machine, HostPort[]][] = [
    [one, [q1]],
    [three, [q3]],
  ];
  equal((await tunnelled(one, two)).status, 0);
  const g1 = await one.plug('tun-1', p1);
  const g2 = await two.plug('tun-2', p2, '10.60.0.12/24');
  const g3 = await two.plug('tun-3', closed, '10.60.0.13/24');
  const h1 = await one.plug('tun-4', q1, '10.60.0.12/24');
  const h3 = await three.plug('tun-5', q3, '10.60.0.11/24');
  await one.apply([
    networkAt(0xb1, one, where),
    networkAt(0xb2, one, elsewhere),
    p1,
    q1,
    metadataOf(served),
    metadataOf(dhcp(0x31, otherNet.networkId, '10.60.0.0/24', '10.60.0.3', [])),
  ]);
  await two.apply([{ ...networkAt(0xb1, two, where), metadataMac: served.mac }, p2, closed, served]);
  await three.apply([networkAt(0xb2, three, elsewhere), q3]);
  for (const [each, end] of [
    [g1, '2001:db8:b1::11/64'],
    [g2, '2001:db8:b1::12/64'],
  ] as const)
    await each.run('ip', 'addr', 'add', end, 'dev', 'eth0', 'nodad');
  for (const each of [g1, g2, g3, h1, h3]) await each.run('ip', 'link', 'set', 'eth0', 'mtu', '1450');

  await t.test('an address by DHCP from the other machine', async () => {
    const script = join(one.directory, '..', 'udhcpc-set');
    await writeFile(script, '#!/bin/sh\n[ "$1" = bound ] && ip addr add $ip/$mask dev $interface; env\n', {
      mode: 0o755,
    });
    const got = await g1.run('busybox', 'udhcpc', '-f', '-q', '-n', '-t', '5', '-T', '1', '-i', 'eth0', '-s', script);
    equal(got.status, 0, got.text);
    match(got.text, /^ip=10\.60\.0\.11$/m);
    match(got.text, /^serverid=10\.60\.0\.2$/m);
  });

  await t.test('they reach one another over IPv4 and IPv6, with the whole MTU and not more', async () => {
    ok(await settled(() => g1.ping('10.60.0.12')));
    ok(await g2.ping('10.60.0.11'));
    ok(await settled(() => g1.ping('2001:db8:b1::12')));
    const sized = (size: number, ...more: string[]) =>
      g1.run('ping', '-c', '1', '-W', '1', '-s', String(size), ...more, '10.60.0.12');
    // 28 bytes are headers.
    equal((await sized(1_422, '-M', 'do')).status, 0);
    notEqual((await sized(1_423, '-M', 'do')).status, 0);
    equal((await sized(4_000, '-M', 'dont')).status, 0);
    equal((await g1.run('ping', '-c', '1', '-W', '1', '-s', '1402', '-M', 'do', '2001:db8:b1::12')).status, 0);
    notEqual((await g1.run('ping', '-c', '1', '-W', '1', '-s', '1403', '-M', 'do', '2001:db8:b1::12')).status, 0);
  });

  await t.test('security groups hold across the tunnel', async () => {
    ok(await g3.ping('10.60.0.11'));
    equal(await g1.ping('10.60.0.13'), false);
  });

  await t.test('a network with the same addresses is another world', async () => {
    ok(await settled(() => h1.ping('10.60.0.11')));
    const { text } = await h1.run('ip', 'neigh', 'show', '10.60.0.11');
    match(text, new RegExp(q3.mac));
  });

  await t.test('metadata is answered by the guest’s own machine', async () => {
    const ask = async (from: typeof g1): Promise<string> => {
      await from.run('ip', 'route', 'replace', '169.254.169.254', 'via', '10.60.0.2');
      return (await from.run('busybox', 'wget', '-q', '-O', '-', 'http://169.254.169.254/')).text;
    };
    deepEqual(
      [await ask(g1), await ask(g2)],
      [`m1 dhcp/${net.networkId} 10.60.0.11`, `m2 dhcp/${net.networkId} 10.60.0.12`],
    );
    ok(await g1.ping('10.60.0.12'));
  });

  await t.test('what comes from no peer of the network is dropped', async () => {
    const heard = await listen(g1.run);
    // Peers of the other network, and strangers, are not peers of this one.
    for (const [from, segment] of [
      [three, 0xb1],
      [stranger, 0xb1],
      [stranger, 0xb2],
    ] as const)
      await inject(from, one, segment);
    equal(await heard(), 0);
    const fromPeer = await listen(g1.run);
    await inject(two, one, 0xb1);
    equal(await fromPeer(), 1);
  });

  await t.test('a port that is on two machines at once is found on either', async () => {
    const moving = where.map(([machine, ports]): [Machine, HostPort[]] => [machine, ports.filter(each => each !== p2)]);
    const all: [Machine, HostPort[]][] = [...moving, [three, []]];
    await one.apply([networkAt(0xb1, one, all), p1, metadataOf(served)]);
    await two.apply([networkAt(0xb1, two, all), closed, served]);
    await g2.run('ip', 'link', 'set', 'eth0', 'down');
    const moved = await three.plug('tun-6', p2, '10.60.0.12/24');
    await three.apply([networkAt(0xb1, three, all), p2]);
    ok(await settled(() => g1.ping('10.60.0.12')));
    ok(await moved.ping('10.60.0.11'));
  });
});

test('over an IPv6 underlay', async () => {
  await using trial = await openMachines(['fd00:7e57::1/64', 'fd00:7e57::2/64']);
  const [one, two] = trial.machines as [Machine, Machine];
  const net = { ...network(0xb3), mtu: 1430 };
  const p1 = port(0x41, net.networkId, ['10.61.0.11'], [...anyOut, icmpIn]);
  const p2 = port(0x42, net.networkId, ['10.61.0.12'], [...anyOut, icmpIn]);
  const at = (machine: Machine): HostNetwork => ({
    ...networkAt(0xb3, machine, [
      [one, [p1]],
      [two, [p2]],
    ]),
    mtu: 1430,
    metadataMac: null,
  });
  const g1 = await one.plug('tun-7', p1, '10.61.0.11/24');
  const g2 = await two.plug('tun-8', p2, '10.61.0.12/24');
  await one.apply([at(one), p1]);
  await two.apply([at(two), p2]);
  for (const each of [g1, g2]) await each.run('ip', 'link', 'set', 'eth0', 'mtu', '1430');
  ok(await settled(() => g1.ping('10.61.0.12')));
  equal((await g1.run('ping', '-c', '1', '-W', '1', '-s', '1402', '-M', 'do', '10.61.0.12')).status, 0);
});

test('the way out of all is one machine', async () => {
  await using trial = await openMachines(['198.51.100.1/24', '198.51.100.2/24']);
  const [carrier, other] = trial.machines as [Machine, Machine];
  const [outer, inner] = [{ ...network(0xd1), mtu: 1500 }, network(0xd2)];
  const guestPort = port(0x61, inner.networkId, ['10.62.0.11'], [...anyOut, icmpIn]);
  const router: HostRouter = {
    key: `router/${uuid(0x62)}`,
    routerId: uuid(0x62),
    adminUp: true,
    interfaces: [
      { portId: uuid(0x63), networkId: inner.networkId, mac: mac(0x63), addresses: ['10.62.0.1/24'], mtu: 1450 },
    ],
    gateway: {
      portId: uuid(0x64),
      networkId: outer.networkId,
      mac: mac(0x64),
      addresses: ['172.24.207.10/24'],
      mtu: 1500,
      nexthops: ['172.24.207.1'],
      snat: true,
    },
    floatingIps: [{ id: 'f', floatingIp: '172.24.207.20', fixedIp: '10.62.0.11' }],
    portForwardings: [],
    routes: [],
  };
  const external = { hostAddresses: ['172.24.207.1/24'], masquerade: true };
  await carrier.apply([
    { ...outer, external, peers: [{ address: other.address, ports: [{ mac: mac(0x64), ips: ['172.24.207.10'] }] }] },
  ]);
  const one = await other.plug('tun-9', guestPort, '10.62.0.11/24', '10.62.0.1');
  await other.apply([{ ...outer, peers: [{ address: carrier.address, ports: [] }] }, inner, guestPort, router]);
  ok(await settled(() => one.ping('172.24.207.1'), 10_000));
  // Longer than what fits between the machines with a tunnel's headers: divided where that is allowed.
  const inward = await carrier.run('ping', '-c', '1', '-W', '2', '-s', '1472', '-M', 'dont', '172.24.207.10');
  equal(inward.status, 0, inward.text);
  equal((await carrier.run('ping', '-c', '1', '-W', '2', '172.24.207.20')).status, 0);
  // What a guest sends to the tunnel of another machine would seem to be the carrier's own.
  const before = await carrier.run('nft', 'list', 'table', 'inet', 'haneul-7e57c1-sg');
  match(before.text, /chain to-peers/);
});

/** How many echo requests a guest gets from here on. */
async function listen(
  run: (...command: string[]) => Promise<{ status: number; text: string }>,
): Promise<() => Promise<number>> {
  const before = await count(run);
  return async () => {
    await new Promise(resolve => setTimeout(resolve, 300));
    return (await count(run)) - before;
  };
}

/** The ICMP messages that a guest has taken in. */
async function count(run: (...command: string[]) => Promise<{ status: number; text: string }>): Promise<number> {
  const { text } = await run('cat', '/proc/net/snmp');
  const [names, values] = text.split('\n').filter(line => line.startsWith('Icmp: '));
  return Number(values!.split(' ')[names!.split(' ').indexOf('InEchos')]);
}

/** Sends an echo request from 10.60.0.12 to 10.60.0.11 in a forged packet of a tunnel. */
async function inject(from: Machine, to: Machine, segment: number): Promise<void> {
  const target = port(0x11, '', []).mac;
  const source = port(0x12, '', []).mac;
  const inner = [
    ...[target, source].flatMap(mac => mac.split(':').map(part => Number.parseInt(part, 16))),
    ...[0x08, 0x00],
    ...ipv4([10, 60, 0, 12], [10, 60, 0, 11], [8, 0, 0xf7, 0xfd, 0, 1, 0, 1]),
  ];
  const bytes = Buffer.from([8, 0, 0, 0, segment >> 16, (segment >> 8) & 255, segment & 255, 0, ...inner]);
  const send = `require('node:dgram').createSocket('udp4').send(Buffer.from('${bytes.toString('hex')}', 'hex'), 4789, '${to.address}', () => process.exit())`;
  const { status, text } = await from.run(process.execPath, '-e', send);
  equal(status, 0, text);
}

function ipv4(source: number[], target: number[], payload: number[]): number[] {
  const header = [0x45, 0, 0, 20 + payload.length, 0, 1, 0, 0, 64, 1, 0, 0, ...source, ...target];
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += (header[at]! << 8) | header[at + 1]!;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
  header[10] = sum >> 8;
  header[11] = sum & 255;
  return [...header, ...payload];
}
