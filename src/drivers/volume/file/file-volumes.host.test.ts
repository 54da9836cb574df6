// Needs root, qemu-utils and util-linux: real files, real daemons, bytes read and written over NBD.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Tools } from '#/drivers/tools.ts';
import { volumeContract } from '#/drivers/volume/contract.ts';
import { fileVolumes } from '#/drivers/volume/file/file-volumes.ts';
import type { Connection, Disk } from '#/drivers/volume/volume-driver.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';

const log = createLogger('test', 'silent');
const run = systemRun(log);
const tools: Tools = { run, log, clock: systemClock(), random: systemRandom() };
/** Nobody's account: files and daemons must work with nothing but numbers. */
const user = { uid: 64_123, gid: 64_123 };

async function open() {
  const root = await mkdtemp(join(tmpdir(), 'haneul-volumes-'));
  await chmod(root, 0o711);
  const directory = join(root, 'volumes');
  const path = join(root, 'image.qcow2');
  await mkdir(directory);
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', path, '64M']);
  await run(['qemu-io', '-f', 'qcow2', '-c', 'write -q -P 0x42 0 1M', path]);
  await chmod(path, 0o444);
  // The clock's timers do not keep a process alive; the tests' waits must.
  const alive = setInterval(() => {}, 1000);
  const watching: { close?(): Promise<void> }[] = [];
  /** A new agent: the one before looks after nothing any more. */
  const start = () => {
    for (const before of watching.splice(0)) void before.close?.();
    const driver = fileVolumes({ directory, user, tools });
    watching.push(driver);
    return driver;
  };
  return {
    directory,
    start,
    image: 'image/i' as const,
    images: () => ({ path, format: 'qcow2' as const }),
    async [Symbol.asyncDispose]() {
      try {
        const driver = start();
        for (const key of await driver.list()) await driver.remove(key);
      } finally {
        await rm(root, { recursive: true });
        clearInterval(alive);
      }
    },
  };
}

const disk = (id: string, more: Partial<Disk> = {}): Disk => ({
  key: `volume/${id}`,
  sizeGib: 1,
  exported: false,
  epoch: 0,
  tickets: [],
  snapshots: [],
  ...more,
});

function uri(connection: Connection | undefined): string {
  ok(connection?.kind === 'nbd-unix');
  return `nbd+unix:///${connection.export}?socket=${connection.path}`;
}

/** Runs qemu-io's commands on a disk as the guests' user, as a guest's QEMU would. */
async function io(connection: Connection | undefined, ...commands: string[]): Promise<string> {
  const words = commands.flatMap(command => ['-c', command]);
  const { stdout } = await run(['qemu-io', '-f', 'raw', ...words, uri(connection)], { ...user, allow: [1] });
  return stdout;
}

async function pidOf(directory: string, id: string): Promise<number> {
  return Number(await readFile(join(directory, id, 'daemon.pid'), 'utf8'));
}

volumeContract('file volumes', open);

test('a guest writes and reads over NBD; a new disk reads zero; nothing of it belongs to root', async () => {
  await using host = await open();
  const driver = host.start();
  const { connection } = await driver.ensure(disk('a', { exported: true }), host.images);
  match(await io(connection, 'read -P 0 0 64M', 'length'), /read 67108864\/67108864[^]*\n1 GiB/);
  await io(connection, 'write -q -P 0x17 5M 1M', 'flush');
  const { usedBytes } = await driver.ensure(disk('a', { exported: true }), host.images);
  ok(usedBytes > 1 << 20 && usedBytes < 4 << 20, `${usedBytes} bytes used`);
  const status = await readFile(`/proc/${await pidOf(host.directory, 'a')}/status`, 'utf8');
  match(status, /^Uid:\s+64123\s+64123\s+64123\s+64123$/m);
  match(status, /^CapBnd:\s+0{16}$/m);
  match(status, /^NoNewPrivs:\s+1$/m);
  const file = await stat(join(host.directory, 'a', 'disk.qcow2'));
  deepEqual([file.uid, file.mode & 0o777], [user.uid, 0o600]);
});

test('the bytes of images, disks and snapshots arrive, also from a disk that a guest writes to', async () => {
  await using host = await open();
  const driver = host.start();
  const a = disk('a', { source: { image: host.image }, exported: true });
  const { connection } = await driver.ensure(a, host.images);
  match(await io(connection, 'read -P 0x42 0 1M', 'read -P 0 1M 1M'), /(read 1048576\/1048576[^]*){2}/);
  await driver.ensure({ ...a, snapshots: ['s1'] }, host.images);
  await io(connection, 'write -q -P 0x43 0 1M');
  const now = await driver.ensure(disk('now', { source: { disk: 'volume/a' }, exported: true }), host.images);
  const then = await driver.ensure(
    disk('then', { sizeGib: 2, source: { disk: 'volume/a', snapshot: 's1' }, exported: true }),
    host.images,
  );
  await io(connection, 'write -q -P 0x44 0 1M');
  for (const [read, pattern] of [
    [now, '0x43'],
    [then, '0x42'],
  ] as const)
    equal(/failed/.test(await io(read.connection, `read -P ${pattern} 0 1M`)), false, pattern);
  match(await io(then.connection, 'length'), /2 GiB/);
  match((await run(['qemu-img', 'snapshot', '-U', '-l', join(host.directory, 'a', 'disk.qcow2')])).stdout, /s1/);
  await driver.ensure(a, host.images);
  const { stdout } = await run(['qemu-img', 'snapshot', '-U', '-l', join(host.directory, 'a', 'disk.qcow2')]);
  equal(stdout.trim(), '', 'no snapshot is left, ours neither');
});

test('a grown disk shows its new size and keeps its bytes', async () => {
  await using host = await open();
  const driver = host.start();
  const a = disk('a', { exported: true });
  const { connection } = await driver.ensure(a, host.images);
  await io(connection, 'write -q -P 0x17 0 1M');
  const pid = await pidOf(host.directory, 'a');
  const grown = await driver.ensure({ ...a, sizeGib: 3 }, host.images);
  match(
    await io(grown.connection, 'length', 'read -P 0x17 0 1M', 'read -P 0 2G 1M'),
    /3 GiB[^]*(read 1048576\/1048576[^]*){2}/,
  );
  equal(await pidOf(host.directory, 'a'), pid, 'the same daemon');
});

test('a killed daemon is started again, by the next ensure and by a new agent', async () => {
  await using host = await open();
  const driver = host.start();
  const a = disk('a', { exported: true });
  const { connection } = await driver.ensure(a, host.images);
  await io(connection, 'write -q -P 0x17 0 1M', 'flush');
  process.kill(await pidOf(host.directory, 'a'), 'SIGKILL');
  await driver.ensure(a, host.images);
  match(await io(connection, 'read -P 0x17 0 1M'), /read 1048576\/1048576/);
  const pid = await pidOf(host.directory, 'a');
  process.kill(pid, 'SIGKILL');
  await host.start().restore();
  const started = await pidOf(host.directory, 'a');
  ok(started !== pid);
  match(await io(connection, 'read -P 0x17 0 1M'), /read 1048576\/1048576/);
  await host.start().restore();
  equal(await pidOf(host.directory, 'a'), started, 'a living daemon is taken up, not started again');
});

test('a killed daemon is started again while nobody asks, before guests give up on their disks', async () => {
  await using host = await open();
  const { connection } = await host.start().ensure(disk('a', { exported: true }), host.images);
  const pid = await pidOf(host.directory, 'a');
  const killed = performance.now();
  process.kill(pid, 'SIGKILL');
  for (let now = pid; now === pid; now = await pidOf(host.directory, 'a').catch(() => pid)) {
    ok(performance.now() - killed < 10_000, 'it is back in time');
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  match(await io(connection, 'read 0 1M'), /read 1048576\/1048576/);
});

test('what an agent left half built is cleared, and a stale pid file harms nobody', async () => {
  await using host = await open();
  await mkdir(join(host.directory, '.new-x'));
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', join(host.directory, '.new-x', 'disk.qcow2'), '1G']);
  const driver = host.start();
  deepEqual(await driver.list(), []);
  await driver.restore();
  deepEqual(await readdir(host.directory), []);
  await driver.ensure(disk('a'), host.images);
  await writeFile(join(host.directory, 'a', 'daemon.pid'), String(process.pid));
  await driver.remove('volume/a');
  deepEqual(await readdir(host.directory), []);
});

test('names that would leave the directory are refused, and sources that do not fit', async () => {
  await using host = await open();
  const driver = host.start();
  for (const id of ['..', '../x', '.new-a', '-o', 'a/b', ''])
    await rejects(driver.ensure(disk(id), host.images), { name: 'Problem', kind: 'invalid' }, id);
  await driver.ensure(disk('a', { sizeGib: 2 }), host.images);
  await rejects(driver.ensure(disk('b', { source: { disk: 'volume/a' } }), host.images), {
    name: 'Problem',
    kind: 'invalid',
  });
  await rejects(driver.ensure(disk('a', { sizeGib: 2, snapshots: ['-d'] }), host.images), { kind: 'invalid' });
  deepEqual(await driver.list(), ['volume/a']);
});
