// Tests only: a driver on this machine, and guests as namespaces whose veth ends take the places of taps.

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { sleep, systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';
import type { Tools } from '../../tools.ts';
import type { Filters, HostDhcp, HostNetwork, HostPort, NetworkDriver } from '../network-driver.ts';
import { bridgeNetwork } from './bridge-network.ts';

export const cloud = '7e57ca';

const log = createLogger('test', 'silent');
export const tools: Tools = { run: systemRun(log), clock: systemClock(), random: systemRandom(), log };

export function openDriver(directory: string, mark = cloud): NetworkDriver {
  return bridgeNetwork({
    directory,
    cloud: mark,
    guestUser: { uid: 65_534, gid: 65_534 },
    tunnelAddress: '127.0.0.1',
    tools,
  });
}

export async function trialDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'haneul-network-'));
  await chmod(path, 0o755);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Runs a tool. @returns its status and all that it said */
export function run(...command: string[]): Promise<{ status: number; text: string }> {
  return new Promise(resolve => {
    execFile(command[0]!, command.slice(1), { timeout: 15_000 }, (error, stdout, stderr) => {
      const status = error ? (typeof error.code === 'number' ? error.code : -1) : 0;
      resolve({ status, text: `${stdout}${stderr}` });
    });
  });
}

export async function must(...command: string[]): Promise<string> {
  const { status, text } = await run(...command);
  if (status !== 0) throw new Error(`${command.join(' ')}: ${status} ${text}`);
  return text;
}

export interface Guest {
  namespace: string;
  port: HostPort;
  run(...command: string[]): Promise<{ status: number; text: string }>;
  start(...command: string[]): ChildProcess;
  ping(address: string): Promise<boolean>;
  remove(): Promise<void>;
}

/**
 * Plugs in a guest. It has no address until it asks for one, or is given one.
 * @param machine the namespace of the host that it is on; the test's own by default
 */
export async function guest(
  name: string,
  port: HostPort,
  address?: string,
  gateway?: string,
  machine?: string,
): Promise<Guest> {
  const namespace = `t7-${name}`;
  await must('ip', 'netns', 'add', namespace);
  await must(
    'ip',
    ...(machine === undefined ? [] : ['-n', machine]),
    'link',
    'add',
    port.tap,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'address',
    port.mac,
    'netns',
    namespace,
  );
  await must('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
  await must('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
  if (address) await must('ip', '-n', namespace, 'addr', 'add', address, 'dev', 'eth0');
  if (gateway) await must('ip', '-n', namespace, 'route', 'add', 'default', 'via', gateway);
  const inside = (command: string[]): string[] => ['nsenter', `--net=/run/netns/${namespace}`, ...command];
  const children: ChildProcess[] = [];
  return {
    namespace,
    port,
    run: (...command) => run(...inside(command)),
    start(...command) {
      const [tool, ...args] = inside(command);
      const child = spawn(tool!, args, { stdio: ['pipe', 'pipe', 'pipe'] });
      children.push(child);
      return child;
    },
    async ping(to) {
      return (await run(...inside(['ping', '-c', '1', '-W', '1', to]))).status === 0;
    },
    async remove() {
      for (const pid of (await must('ip', 'netns', 'pids', namespace)).split('\n').filter(Boolean))
        process.kill(Number(pid), 'SIGKILL');
      for (const child of children) for (const stream of child.stdio) stream?.destroy();
      await must('ip', 'netns', 'delete', namespace);
    },
  };
}

export const uuid = (n: number): string => `${n.toString(16).padStart(8, '0')}-7e57-4000-8000-${'0'.repeat(12)}`;
export const mac = (n: number): string => `fa:16:3e:7e:57:${n.toString(16).padStart(2, '0')}`;

export function network(n: number, external: HostNetwork['external'] = null): HostNetwork {
  return {
    key: `network/${uuid(n)}`,
    networkId: uuid(n),
    segmentationId: n,
    mtu: 1450,
    external,
    metadataMac: null,
    peers: [],
  };
}

export function port(n: number, networkId: string, ips: string[], rules: HostPort['rules'] = []): HostPort {
  return {
    key: `port/${uuid(n)}`,
    portId: uuid(n),
    networkId,
    tap: `tap${uuid(n).slice(0, 11)}`,
    mac: mac(n),
    ips,
    allowedAddressPairs: [],
    portSecurity: true,
    adminUp: true,
    rules,
    serverId: null,
  };
}

export function dhcp(n: number, networkId: string, cidr: string, address: string, ports: HostPort[]): HostDhcp {
  return {
    key: `dhcp/${networkId}`,
    networkId,
    portId: uuid(n),
    mac: mac(n),
    local: false,
    addresses: [`${address}/${cidr.split('/')[1]}`],
    mtu: 1450,
    domain: 'cloud.example',
    subnets: [
      {
        subnetId: uuid(n + 100),
        cidr,
        gateway: `${cidr.split('.').slice(0, 3).join('.')}.1`,
        dnsServers: ['192.0.2.53'],
        hostRoutes: [{ destination: '198.51.100.0/24', nexthop: `${cidr.split('.').slice(0, 3).join('.')}.9` }],
        dhcp: true,
        ipv6: null,
      },
    ],
    leases: ports.map(({ portId, mac: leaseMac, ips }) => ({
      portId,
      mac: leaseMac,
      ips,
      hostname: `host-${portId.slice(0, 8)}`,
      options: [],
    })),
  };
}

const rule = (
  direction: 'ingress' | 'egress',
  more: Partial<HostPort['rules'][number]> = {},
): HostPort['rules'][number] => ({
  direction,
  family: 4,
  protocol: null,
  min: null,
  max: null,
  remote: null,
  ...more,
});
export const anyOut = [rule('egress'), rule('egress', { family: 6 })];
export const icmpIn = rule('ingress', { protocol: 'icmp' });
export const tcpIn = (number: number, remote: HostPort['rules'][number]['remote'] = null): HostPort['rules'][number] =>
  rule('ingress', { protocol: 'tcp', min: number, max: number, remote });

export async function applied(driver: NetworkDriver, filters: Filters): Promise<void> {
  await driver.ensureFilters(filters);
  for (const entry of [...filters.networks, ...filters.ports]) await driver.ensure(entry);
}

/** What the machine holds of the trials' networking: nothing, before and after. Others may work on it at the same time. */
export async function machineState(needle = '7e57'): Promise<string> {
  const parts = [
    await must('ip', '-o', 'link'),
    await must('ip', 'netns'),
    await must('nft', 'list', 'tables'),
    (await run('pgrep', '-a', 'dnsmasq')).text,
  ];
  const ours = parts.flatMap(part =>
    part.split('\n').filter(line => line.includes(needle) && !line.includes('defunct')),
  );
  return ours.join('\n');
}

/** A conversation with an echo at the other end. */
export function talk(child: ChildProcess): { child: ChildProcess; echoes(word: string): Promise<boolean> } {
  let heard = '';
  child.stdout!.on('data', chunk => (heard += chunk));
  child.stdin!.on('error', () => {});
  return {
    child,
    async echoes(word) {
      child.stdin!.write(`${word}\n`);
      return settled(async () => heard.includes(`${word}\n`), 2_000).catch(() => false);
    },
  };
}

/** Waits until it is so. */
export async function settled(isSo: () => Promise<boolean>, withinMs = 5_000): Promise<boolean> {
  for (const end = performance.now() + withinMs; performance.now() < end; await sleep(tools.clock, 50))
    if (await isSo()) return true;
  throw new Error('it did not become so');
}

export interface Trial extends AsyncDisposable {
  driver: NetworkDriver;
  directory: string;
  plug(guest: Guest): Guest;
}

/** A driver of its own, behind which the machine is found as it was before. */
export async function openTrial(mark = cloud): Promise<Trial> {
  const needle = mark === cloud ? '7e57' : mark;
  const pristine = await machineState(needle);
  const directory = await trialDirectory();
  const driver = openDriver(directory.path, mark);
  const guests: Guest[] = [];
  await driver.restore();
  return {
    driver,
    directory: directory.path,
    plug(each) {
      guests.push(each);
      return each;
    },
    async [Symbol.asyncDispose]() {
      for (const each of guests) await each.remove();
      await driver.ensureFilters({ networks: [], ports: [], groups: [] });
      for (const key of await driver.list()) await driver.remove(key);
      const left = await driver.list();
      await driver.close();
      await directory.remove();
      const now = (await machineState(needle)).split('\n').filter(line => !pristine.includes(line));
      if (left.length > 0 || now.length > 0) throw new Error(`left behind: ${[...left, ...now].join('\n')}`);
    },
  };
}
