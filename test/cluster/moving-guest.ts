// A guest on a bed of two machines, with an ssh session that is kept open while it moves: every tick that the guest says is
// counted with its time, so that a session that breaks, or stands still, shows.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../scenarios/haneul.ts';
import { type Api, apiOf, boot } from './api.ts';
import type { Machine } from './testbed.ts';

export interface MovingGuest extends AsyncDisposable {
  id: string;
  admin: Api;
  /** Runs a command in the guest, in a session of its own. */
  inGuest(command: string): Promise<string>;
  session: Session;
}

export interface Session {
  /** Whether it is the same session still. */
  alive(): boolean;
  ticks(): number;
  /** The longest that nothing came since this was asked last, in milliseconds. */
  longestSilence(): number;
  close(): void;
}

const everyMs = 50;

/** Boots a guest on the machine, reached by a floating IP from wherever its router is. */
export async function movingGuest(control: Machine, machines: Machine[], host: string): Promise<MovingGuest> {
  const [admin, api] = [await apiOf(control), await apiOf(control, 'demo')];
  const directory = mkdtempSync(join(tmpdir(), 'haneul-moving-'));
  const key = join(directory, 'key');
  await control.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const { stdout: publicKey } = await control.run(['cat', `${key}.pub`]);
  await api.post('/compute/v2.1/os-keypairs', {
    keypair: { name: 'moving', type: 'ssh', public_key: publicKey.trim() },
  });
  const { security_groups: groups } = await api.get('/network/v2.0/security-groups?name=default');
  for (const rule of [{ protocol: 'icmp' }, { protocol: 'tcp', port_range_min: 22, port_range_max: 22 }])
    await api
      .post('/network/v2.0/security-group-rules', {
        security_group_rule: { security_group_id: groups[0].id, direction: 'ingress', ...rule },
      })
      .catch(() => {});
  const server = await boot(control, host, 'moving', 'private', { key_name: 'moving' });
  const { ports } = await api.get(`/network/v2.0/ports?device_id=${server.id}`);
  const { networks } = await api.get('/network/v2.0/networks?router:external=true');
  const { floatingip } = await api.post('/network/v2.0/floatingips', {
    floatingip: { floating_network_id: networks[0].id, port_id: ports[0].id },
  });
  const address = floatingip.floating_ip_address as string;
  const flags = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'ConnectTimeout=5',
    'BatchMode=yes',
    'ServerAliveInterval=5',
    'ServerAliveCountMax=6',
  ].flatMap(flag => ['-o', flag]);
  const ssh = (...command: string[]): string[] => ['ssh', ...flags, '-i', key, `cirros@${address}`, ...command];
  // Only where its router is, the floating IP is in reach.
  const from = await eventually(
    () => Promise.any(machines.map(async machine => (await machine.run(ssh('true')), machine))),
    120_000,
  ).catch(async (error: unknown) => {
    const { output } = await api.post(`/compute/v2.1/servers/${server.id}/action`, {
      'os-getConsoleOutput': { length: 30 },
    });
    throw new Error(`the guest at ${address} is not in reach; its console: ${output}`, { cause: error });
  });
  const session = openSession([...from.enter(), ...ssh(`while :; do echo tick; usleep ${everyMs * 1000}; done`)]);
  return {
    id: server.id,
    admin,
    inGuest: async command => (await from.run(ssh(command))).stdout.trim(),
    session,
    async [Symbol.asyncDispose]() {
      session.close();
      await api.delete(`/compute/v2.1/servers/${server.id}`).catch(() => {});
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function openSession([program = '', ...args]: string[]): Session {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let over = false;
  let ticks = 0;
  let last = performance.now();
  let longest = 0;
  child.on('exit', () => (over = true));
  child.stdout.on('data', (chunk: Buffer) => {
    ticks += chunk.toString().split('\n').length - 1;
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  });
  return {
    alive: () => !over,
    ticks: () => ticks,
    longestSilence() {
      const found = Math.max(longest, performance.now() - last);
      longest = 0;
      return found;
    },
    close: () => void child.kill('SIGKILL'),
  };
}

/** Moves the guest as it runs. @returns the longest silence of its session meanwhile, in milliseconds */
export async function moveLive({ id, admin, session }: MovingGuest, to: string): Promise<number> {
  session.longestSilence();
  await admin.post(`/compute/v2.1/servers/${id}/action`, { 'os-migrateLive': { block_migration: 'auto', host: to } });
  await eventually(async () => {
    const { server } = await admin.get(`/compute/v2.1/servers/${id}`);
    if (server.status === 'ACTIVE' && server['OS-EXT-SRV-ATTR:host'] === to) return;
    if (server.status === 'ACTIVE') {
      const { migrations } = await admin.get(`/compute/v2.1/os-migrations?instance_uuid=${id}`);
      if (!['preparing', 'running', 'post-migrating'].includes(migrations[0].status))
        throw Object.assign(new Error(`the migration is ${migrations[0].status}`), { final: true });
    }
    throw new Error(`the guest is ${server.status} on ${server['OS-EXT-SRV-ATTR:host']}`);
  }, 120_000);
  const before = session.ticks();
  await eventually(async () => {
    if (!session.alive()) throw new Error('the session broke');
    if (session.ticks() < before + 5) throw new Error('the session stands still');
  }, 30_000);
  return session.longestSilence();
}

/** The guests of which a machine has files. */
export function guestsOn(machine: Machine): string[] {
  const guests = join(machine.data, 'host', 'compute', 'guests');
  return existsSync(guests) ? readdirSync(guests) : [];
}
