// Against a real QEMU without a machine; skipped where there is none.

import { equal, ok, rejects } from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sleep, systemClock } from '#/platform/clock/clock.ts';
import { connectQmp, type Qmp } from './qmp.ts';
import { qemuBinary } from './process.ts';

const clock = systemClock();
const skip = spawnSync(qemuBinary, ['--version']).status === 0 ? false : `no ${qemuBinary}`;

async function inPlace(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'qmp-'));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function connectSoon(path: string): Promise<Qmp> {
  for (let tries = 0; ; tries++) {
    try {
      return await connectQmp(path, clock, 5_000);
    } catch (error) {
      if (tries > 100) throw error;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }
}

test('commands, refusals, events and the end', { skip, timeout: 30_000 }, () =>
  inPlace(async directory => {
    const path = join(directory, 'sock');
    const args = [
      '-machine',
      'none',
      '-nodefaults',
      '-display',
      'none',
      '-S',
      '-qmp',
      `unix:${path},server=on,wait=off`,
    ];
    const child = spawn(qemuBinary, args, { stdio: 'ignore' });
    try {
      const first = await connectSoon(path);
      equal((await first.execute<{ status: string }>('query-status')).status, 'prelaunch');
      await rejects(first.execute('device_del', { id: 'none' }), { kind: 'refused', class: 'DeviceNotFound' });
      // Only one client at a time is greeted.
      await rejects(connectQmp(path, clock, 300), { kind: 'timeout' });
      first.close();
      await first.closed;
      await rejects(first.execute('query-status'), { kind: 'gone' });

      const second = await connectSoon(path);
      const events: string[] = [];
      second.onEvent(({ event }) => events.push(event));
      await second.execute('cont');
      await second.execute('stop');
      ok(events.includes('RESUME') && events.includes('STOP'));
      const pending = second.execute('query-status');
      child.kill('SIGKILL');
      await second.closed;
      await pending.catch(() => {});
      ok(second.isClosed);
    } finally {
      child.kill('SIGKILL');
    }
  }),
);

test('a socket that nobody serves, and one that talks nonsense', { timeout: 10_000 }, () =>
  inPlace(async directory => {
    await rejects(connectQmp(join(directory, 'none'), clock), { kind: 'gone' });
    await writeFile(join(directory, 'file'), '');
    await rejects(connectQmp(join(directory, 'file'), clock), { kind: 'gone' });
    const server = createServer(socket => void socket.on('error', () => {}).end('{"QMP": {}}\n]]]\n'));
    await new Promise<void>(resolve => server.listen(join(directory, 'sock'), resolve));
    await rejects(connectQmp(join(directory, 'sock'), clock), { kind: 'gone' });
    server.close();
    await sleep(clock, 0);
  }),
);
