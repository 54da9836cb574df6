// Forged frames on a real host. Needs root, and python3 for raw sockets.

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { HostPort } from '../network-driver.ts';
import { anyOut, applied, type Guest, guest, icmpIn, mac, network, openTrial, port, settled } from './host-trial.ts';

/** Sends each frame (hexadecimal) a few times; then the word that ends the listening. */
const sender = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
for frame in sys.argv[1:]:
    for _ in range(3): s.send(bytes.fromhex(frame))
`;

/** Says which numbered frames arrive: their payload ends with "forged-" and two digits. VLAN tags may have been taken off. */
const listener = `
import re, socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(('eth0', 3))
print('ready', flush=True)
while True:
    for found in re.findall(rb'forged-(\\d\\d)', s.recv(4096)): print(found.decode(), flush=True)
`;

const ether = (to: string, from: string, type: string): string => `${to}${from}${type}`.replaceAll(':', '');
const ip4 = (text: string): string =>
  text
    .split('.')
    .map(part => Number(part).toString(16).padStart(2, '0'))
    .join('');
const marker = (number: number): string => Buffer.from(`forged-${String(number).padStart(2, '0')}`).toString('hex');
const hex16 = (value: number): string => value.toString(16).padStart(4, '0');

function udp4(from: string, to: string, sport: number, dport: number, payload: string): string {
  const body = `${hex16(sport)}${hex16(dport)}${hex16(8 + payload.length / 2)}0000${payload}`;
  const header = `4500${hex16(20 + body.length / 2)}0000000040110000${ip4(from)}${ip4(to)}`;
  let sum = 0;
  for (const word of header.match(/.{4}/g)!) sum += Number.parseInt(word, 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return `${header.slice(0, 20)}${hex16(~sum & 0xffff)}${header.slice(24)}${body}`;
}

function arp(from: string, sender4: string, target4: string, payload: string): string {
  return `0001080006040002${from.replaceAll(':', '')}${ip4(sender4)}${'ff'.repeat(6)}${ip4(target4)}${payload}`;
}

function icmp6(source: string, target: string, type: number, payload: string): string {
  const body = `${type.toString(16).padStart(2, '0')}000000${'00'.repeat(12)}${payload}`;
  return `60000000${hex16(body.length / 2)}3aff${source}${target}${body}`;
}

test('forged frames reach nobody, honest ones only whom they are for', async () => {
  await using trial = await openTrial();
  const { driver } = trial;
  const net = network(0xa8);
  const rule = { ...icmpIn, protocol: null };
  const p1 = port(0x81, net.networkId, ['10.58.0.81'], anyOut);
  const p2 = port(0x82, net.networkId, ['10.58.0.82'], [...anyOut, rule, { ...rule, family: 6 }]);
  const p3 = port(0x83, net.networkId, ['10.58.0.83'], [...anyOut, rule]);
  const g1 = trial.plug(await guest('f1', p1, '10.58.0.81/24'));
  const g2 = trial.plug(await guest('f2', p2, '10.58.0.82/24'));
  const g3 = trial.plug(await guest('f3', p3, '10.58.0.83/24'));
  await applied(driver, { networks: [net], ports: [p1, p2, p3], groups: [] });
  await settled(() => g1.ping('10.58.0.82'));
  const own = mac(0x81);
  const other = mac(0x82);
  const all = 'ff:ff:ff:ff:ff:ff';
  const honest = udp4('10.58.0.81', '10.58.0.82', 4_000, 4_001, marker(1));
  const local6 = 'fe80000000000000f8163efffe7e5781';
  const many6 = 'ff020000000000000000000000000001';
  const frames: Record<number, string> = {
    1: ether(other, own, '0800') + honest,
    2: ether(other, mac(0x99), '0800') + udp4('10.58.0.81', '10.58.0.82', 4_000, 4_001, marker(2)),
    3: ether(other, own, '0800') + udp4('10.58.0.99', '10.58.0.82', 4_000, 4_001, marker(3)),
    4: `${ether(other, own, '8100')}00070800${udp4('10.58.0.81', '10.58.0.82', 4_000, 4_001, marker(4))}`,
    5: `${ether(other, own, '88a8')}00070800${udp4('10.58.0.81', '10.58.0.82', 4_000, 4_001, marker(5))}`,
    6: `${ether(other, own, '8100')}00000800${udp4('10.58.0.99', '10.58.0.82', 4_000, 4_001, marker(6))}`,
    7: ether(other, own, '8864') + marker(7),
    8: ether(all, own, '88b5') + marker(8),
    9: ether(all, own, '0806') + arp(own, '10.58.0.82', '10.58.0.83', marker(9)),
    10: ether(all, own, '0806') + arp(mac(0x99), '10.58.0.81', '10.58.0.83', marker(10)),
    11: ether(all, own, '0800') + udp4('10.58.0.81', '255.255.255.255', 67, 68, marker(11)),
    12: ether(other, own, '86dd') + icmp6(local6, many6, 134, marker(12)),
    13: ether(other, own, '86dd') + icmp6(local6, many6, 136, marker(13)),
    14: ether(other, own, '86dd') + icmp6('fe800000000000000000000000000001', many6, 128, marker(14)),
    15: ether(all, own, '0026') + marker(15),
    16: ether(mac(0x83), own, '0800') + udp4('10.58.0.81', '10.58.0.82', 4_000, 4_001, marker(16)),
    17: ether(mac(0x77), own, '0800') + udp4('10.58.0.81', '10.58.0.82', 4_000, 4_001, marker(17)),
    18: ether(all, own, '0806') + arp(own, '10.58.0.81', '10.58.0.83', marker(18)),
  };
  const heard = { second: await listen(g2), third: await listen(g3) };
  const send = async (port1: HostPort): Promise<string> => {
    await driver.ensureFilters({ networks: [net], ports: [port1, p2, p3], groups: [] });
    heard.second.clear();
    heard.third.clear();
    equal((await g1.run('python3', '-c', sender, ...Object.values(frames))).status, 0);
    await settled(async () => heard.second.has('18') && heard.third.has('18'));
    return `${[...heard.second].sort().join(' ')} | ${[...heard.third].sort().join(' ')}`;
  };
  equal(await send(p1), '01 18 | 16 18');
  // An allowed pair is exactly that pair.
  equal(await send({ ...p1, allowedAddressPairs: [{ mac: own, cidr: '10.58.0.96/28' }] }), '01 03 18 | 16 18');
  equal(await send({ ...p1, allowedAddressPairs: [{ mac: mac(0x99), cidr: '10.58.0.81' }] }), '01 02 18 | 16 18');
  // Without port security the sender may say anything; the others still hear only what can be judged and is theirs.
  const open = await send({ ...p1, portSecurity: false });
  for (const number of ['02', '03', '09', '10']) ok(open.split('|')[0]!.includes(number), open);
  for (const number of ['04', '05', '06', '07', '08', '15', '17']) ok(!open.includes(number), open);
});

async function listen(at: Guest): Promise<Set<string>> {
  const heard = new Set<string>();
  const child = at.start('python3', '-c', listener);
  child.stdout!.on('data', chunk => {
    for (const word of String(chunk).split('\n').filter(Boolean)) heard.add(word);
  });
  await settled(async () => heard.has('ready'));
  return heard;
}
