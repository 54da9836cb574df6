// A guest leaves as it runs: its local disks are mirrored and its memory is sent, through sockets of the agent's that reach
// the other host's. The guest stands still from `ready` on, until it is handed over there or goes on here.
//
// QEMU: block mirrors to NBD, migration with pause-before-switchover.
// https://www.qemu.org/docs/master/interop/live-block-operations.html

import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { GuestMove, Sending } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { join as joinEnds } from '#/platform/channel/channel.ts';
import { type Clock, sleep } from '#/platform/clock/clock.ts';
import { Problem, sentenceOf } from '#/platform/problem/problem.ts';
import type { QemuHost } from './host.ts';
import { localNodes } from './layout.ts';
import type { GuestPaths } from './paths.ts';
import { type Qmp, QmpError } from './qmp.ts';

export type Leaving = GuestMove & { kind: 'leave' };

/** One guest's way out. */
export interface Departure {
  readonly id: string;
  /** How far it is. */
  look(): Sending;
  /** Waits at most so long for the next turn of events. */
  turn(ms: number): Promise<void>;
  hurry(): Promise<void>;
  handOver(): Promise<void>;
  /** Ends it; the guest's processor is left as it is. */
  stop(): Promise<void>;
}

interface MigrationInfo {
  status?: string;
  'error-desc'?: string;
  ram?: { total: number; transferred: number; remaining: number };
}

const none = { total: 0, processed: 0, remaining: 0 };
const pollMs = 25;
const mirrorPollMs = 200;
const stopTimeoutMs = 20_000;
const bytesPerSecond = 10 * 2 ** 30;
const longestPauseMs = 200;
const mirrorOf = (node: string): string => `send-${node}`;
const targetOf = (node: string): string => `to-${node}`;

export function depart(host: QemuHost, qmp: Qmp, move: Leaving, paths: GuestPaths): Departure {
  const { clock, log } = host.tools;
  const servers: Server[] = [];
  let sending: Sending = { phase: 'sending', memory: none, disk: none };
  let wake = new AbortController();
  let stopping = false;

  function tell(change: Partial<Sending>): void {
    const moved = change.phase !== undefined && change.phase !== sending.phase;
    sending = { ...sending, ...change };
    if (!moved) return;
    wake.abort();
    wake = new AbortController();
  }

  const work = go().catch(async (thrown: unknown) => {
    const reason = thrown instanceof Problem ? thrown.say() : sentenceOf(thrown);
    if (!stopping) log.warn({ id: move.id, error: thrown }, 'a guest was not sent');
    await settle(qmp, clock).catch(() => {});
    tell({ phase: 'failed', reason });
  });

  async function go(): Promise<void> {
    const [memory, disks] = await Promise.all([offer('memory'), offer('disks')]);
    const nodes = await localNodes(qmp);
    for (const { name } of nodes) {
      const server = { type: 'unix', path: disks };
      await qmp.execute('blockdev-add', { driver: 'nbd', 'node-name': targetOf(name), server, export: name }, 30_000);
      await qmp.execute('blockdev-mirror', {
        'job-id': mirrorOf(name),
        device: name,
        target: targetOf(name),
        sync: 'top',
        'on-target-error': 'report',
      });
    }
    while (!(await mirrored(nodes.length))) await pause(mirrorPollMs);
    const on = (capability: string) => ({ capability, state: true });
    await qmp.execute('migrate-set-capabilities', {
      capabilities: [on('events'), on('pause-before-switchover'), on('auto-converge')],
    });
    await qmp.execute('migrate-set-parameters', { 'max-bandwidth': bytesPerSecond, 'downtime-limit': longestPauseMs });
    await qmp.execute('migrate', { uri: `unix:${memory}` });
    for (;;) {
      const info = await migration();
      if (info === 'pre-switchover') break;
      await mirrored(nodes.length);
      await pause(pollMs);
    }
    // The guest stands still: what the mirrors have is all there is.
    for (const { name } of nodes) await qmp.execute('block-job-cancel', { device: mirrorOf(name) });
    while ((await jobs()).length > 0) await pause(pollMs);
    for (const { name } of nodes) await qmp.execute('blockdev-del', { 'node-name': targetOf(name) });
    tell({ phase: 'ready' });
  }

  async function pause(ms: number): Promise<void> {
    if (stopping) throw new Problem('conflict', hypervisorTexts.stopped);
    await sleep(clock, ms);
  }

  /** @throws Problem conflict when it has failed */
  async function migration(): Promise<string> {
    const { status = '', ram, 'error-desc': reason = '-' } = await qmp.execute<MigrationInfo>('query-migrate');
    if (ram) tell({ memory: { total: ram.total, processed: ram.transferred, remaining: ram.remaining } });
    if (['failed', 'cancelled', 'cancelling'].includes(status))
      throw new Problem('conflict', hypervisorTexts.sendingFailed, { reason });
    return status;
  }

  async function jobs() {
    return qmp.execute<{ device: string; ready: boolean; offset: number; len: number; 'io-status': string }[]>(
      'query-block-jobs',
    );
  }

  /** Whether all mirrors follow. @throws Problem conflict when one is broken */
  async function mirrored(wanted: number): Promise<boolean> {
    const mirrors = await jobs();
    const sum = (key: 'offset' | 'len'): number => mirrors.reduce((total, job) => total + job[key], 0);
    tell({ disk: { total: sum('len'), processed: sum('offset'), remaining: sum('len') - sum('offset') } });
    if (mirrors.length < wanted)
      throw new Problem('conflict', hypervisorTexts.sendingFailed, { reason: 'the copy of a disk broke off' });
    return mirrors.every(job => job.ready);
  }

  /** A socket of the agent's that QEMU may open, and that ends on the other host. */
  async function offer(stream: 'memory' | 'disks'): Promise<string> {
    const path = join(dirname(paths.run), `to-${stream}.sock`);
    await rm(path, { force: true });
    const server = createServer({ allowHalfOpen: true }, socket => void carry(socket, stream));
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    await chown(path, host.user.uid, host.user.gid);
    await chmod(path, 0o600);
    return path;
  }

  async function carry(socket: Socket, stream: string): Promise<void> {
    socket.on('error', () => {});
    try {
      if (!host.channel || move.to.address === null)
        throw new Problem('unsupported', hypervisorTexts.noChannel, { server: idOfPaths(paths) });
      const greeting = { service: 'guest', id: idOfPaths(paths), ticket: move.ticket, stream };
      joinEnds(socket, await host.channel.dial(move.to.address, greeting));
    } catch (error) {
      log.warn({ id: move.id, stream, error }, 'the other host is not in reach');
      socket.destroy();
    }
  }

  return {
    id: move.id,
    look: () => sending,
    async turn(ms) {
      await sleep(clock, ms, wake.signal).catch(() => {});
    },
    async hurry() {
      // A guest that stands still changes no more memory.
      if (sending.phase === 'sending') await qmp.execute('stop');
    },
    async handOver() {
      if (sending.phase !== 'ready') return;
      await qmp.execute('migrate-continue', { state: 'pre-switchover' });
      try {
        while ((await migration()) !== 'completed') await sleep(clock, pollMs);
        tell({ phase: 'handed-over' });
      } catch (thrown) {
        tell({ phase: 'failed', reason: thrown instanceof Problem ? thrown.say() : sentenceOf(thrown) });
      }
    },
    async stop() {
      stopping = true;
      try {
        await qmp.execute('migrate_cancel').catch(() => {});
        await work;
        await settle(qmp, clock);
      } finally {
        // Also where QEMU is gone, and says no more.
        for (const server of servers) server.close();
        for (const stream of ['memory', 'disks'])
          await rm(join(dirname(paths.run), `to-${stream}.sock`), { force: true });
      }
    },
  };
}

/** Whatever an earlier agent began to send: over, and nothing of it left. @returns true when all was handed over */
export async function settle(qmp: Qmp, clock: Clock): Promise<boolean> {
  const until = clock.monotonic() + stopTimeoutMs;
  let status = '';
  while (clock.monotonic() < until) {
    status = (await qmp.execute<MigrationInfo>('query-migrate')).status ?? '';
    if (['', 'none', 'failed', 'cancelled', 'completed'].includes(status)) break;
    await qmp.execute('migrate_cancel');
    await sleep(clock, pollMs);
  }
  while (clock.monotonic() < until) {
    const left = (await qmp.execute<{ device: string }[]>('query-block-jobs')).filter(job =>
      job.device.startsWith(mirrorOf('')),
    );
    if (left.length === 0) break;
    for (const { device } of left) await qmp.execute('block-job-cancel', { device, force: true }).catch(() => {});
    await sleep(clock, pollMs);
  }
  const nodes = await qmp.execute<{ 'node-name'?: string }[]>('query-named-block-nodes', { flat: true });
  for (const { 'node-name': name = '' } of nodes)
    if (name.startsWith(targetOf(''))) await qmp.execute('blockdev-del', { 'node-name': name }, 30_000).catch(refused);
  return status === 'completed';
}

function refused(error: unknown): void {
  if (!(error instanceof QmpError) || error.kind !== 'refused') throw error;
}

function idOfPaths(paths: GuestPaths): string {
  return paths.directory.slice(paths.directory.lastIndexOf('/') + 1);
}
