// A real guest goes from one driver to another, as it runs and stopped, with its disk and memory. Needs root and
// HANEUL_TEST_IMAGE, as qemu.host.test.ts does. Two drivers on one machine stand for two hosts.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { guestEntry } from '#/drivers/hypervisor/contract.ts';
import type { BaseImage, Guest, GuestMove, HypervisorDriver, Sending } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { Tools } from '#/drivers/tools.ts';
import { createAuthority, issueCertificate } from '#/platform/bus/nats/certificates.ts';
import { type Channel, openChannel } from '#/platform/channel/channel.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';
import { findProcesses } from './process.ts';
import { qemuHypervisor } from './qemu-hypervisor.ts';

const image = process.env['HANEUL_TEST_IMAGE'];
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : image && existsSync(image)
      ? false
      : 'HANEUL_TEST_IMAGE names no bootable qcow2 image';

const user = { uid: 65534, gid: 65534 };
const clock = systemClock();
const random = systemRandom();
const log = createLogger('test', process.env['HANEUL_TEST_LOG'] ? 'debug' : 'silent');
const tools: Tools = { run: systemRun(log), clock, random, log };
const serverId = '5b0f6c1e-7d6f-4b0e-9c59-0d6f6f4d5b21';
const key = `server/${serverId}` as const;
const imageKey = 'image/8e3f5c1e-7d6f-4b0e-9c59-0d6f6f4d5b24' as const;
const ticket = 'f'.repeat(64);

interface Side {
  directory: string;
  address: string;
  channel: Channel;
  driver: HypervisorDriver;
}

let root = '';
const sides: Side[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise(resolve => server.close(resolve));
  return port;
}

function entry(over: Partial<Guest> = {}): Guest {
  const { hardware } = guestEntry(serverId, null);
  return guestEntry(serverId, imageKey, {
    memoryMib: 192,
    ephemeralGib: [1],
    swapMib: 16,
    configDrive: true,
    hardware: { ...hardware, video: 'vga', guestAgent: true },
    ...over,
  });
}

async function waitFor(what: string, timeoutMs: number, is: () => Promise<boolean> | boolean): Promise<void> {
  const until = clock.monotonic() + timeoutMs;
  while (!(await is())) {
    if (clock.monotonic() > until) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

/** Logs in on the serial line, unless somebody is, and runs a command there. */
async function onSerial({ driver }: Side, command: string, expect: RegExp): Promise<string> {
  const socket = connect(await driver.consoleSocket(key, 'serial'));
  let said = '';
  socket.on('data', chunk => {
    said += chunk.toString('latin1');
    const prompt = /(login|assword): /.exec(said);
    if (!prompt) return;
    said = '';
    socket.write(prompt[1] === 'login' ? 'cirros\n' : 'gocubsgo\n');
  });
  const poke = setInterval(() => socket.write('\n'), 5_000);
  try {
    socket.write('\n');
    await waitFor(`a shell, not ${said.slice(-200)}`, 60_000, () => /[~#$] ?\$ /.test(said));
    clearInterval(poke);
    said = '';
    socket.write(`${command}\n`);
    await waitFor(String(expect), 60_000, () => expect.test(said));
    return said;
  } finally {
    clearInterval(poke);
    socket.destroy();
  }
}

async function processesOf({ directory }: Side): Promise<number> {
  return (await findProcesses(user, directory)).size;
}

before(async () => {
  if (skip) return;
  root = await mkdtemp(join(tmpdir(), 'hm-'));
  await chmod(root, 0o755);
  const authority = await createAuthority({ clock, random });
  const port = await freePort();
  const bytes = await readFile(image!);
  const base: BaseImage = {
    key: imageKey,
    format: 'qcow2',
    sha512: createHash('sha512').update(bytes).digest('hex'),
    sizeBytes: (await stat(image!)).size,
    source: { kind: 'file', path: image! },
  };
  for (const [name, address] of [
    ['a', '127.0.0.1'],
    ['b', '127.0.0.2'],
  ] as const) {
    const made = await issueCertificate(authority, { names: [name], addresses: [address] }, { clock, random });
    const at = async (kind: string, text: string): Promise<string> => {
      const path = join(root, `${name}.${kind}`);
      await writeFile(path, text, { mode: 0o600 });
      return path;
    };
    const tls = {
      caFile: await at('ca', authority.certificate),
      certFile: await at('crt', made.certificate),
      keyFile: await at('key', made.key),
    };
    const channel = await openChannel({ address, port, tls, clock, log });
    const directory = join(root, name);
    await mkdir(directory);
    const driver = qemuHypervisor({
      directory,
      user,
      tools,
      channel,
      accelerator: 'tcg',
      shutdownTimeoutMs: 40_000,
    });
    await driver.restore();
    await driver.ensureImage(base);
    sides.push({ directory, address, channel, driver });
  }
});

after(async () => {
  for (const { driver, channel } of sides) {
    await driver.removeGuest(key);
    await driver.close();
    await channel.close();
  }
  if (root) await rm(root, { recursive: true, force: true });
});

async function sent(driver: HypervisorDriver, guest: Guest): Promise<Sending> {
  for (;;) {
    const told = await driver.sendGuest(guest, 'begin');
    if (told.phase !== 'sending') return told;
  }
}

const leave = (id: string, to: Side): GuestMove => ({
  id,
  kind: 'leave',
  ticket,
  to: { host: 'b', address: to.address },
});

test('a running guest goes to another host, with what it has in memory and on its disk', { skip }, async () => {
  const [a, b] = sides as [Side, Side];
  const guest = entry();
  await a.driver.ensureGuest(guest);
  await waitFor('the boot', 300_000, async () =>
    (await a.driver.consoleLog(key, null)).includes('=== end of boot ==='),
  );
  await onSerial(a, 'echo kept > kept; sync; export HERE=memory; echo ready-$HERE', /ready-memory/);

  const leaving = { ...guest, move: leave('m1', b) };
  const { layout } = await a.driver.ensureGuest(leaving);
  deepEqual(Object.keys(layout!.disks).toSorted(), ['ephemeral0', 'root', 'swap']);
  const arriving: Guest = {
    ...guest,
    move: { id: 'm1', kind: 'arrive', ticket, from: { host: 'a', address: a.address }, layout: layout! },
  };
  for (const again of [1, 2]) equal((await b.driver.ensureGuest(arriving)).power, 'stopped', `${again}`);
  const ready = await sent(a.driver, leaving);
  equal(ready.phase, 'ready', ready.reason ?? '-');
  ok(ready.memory.total > 100 << 20 && ready.disk.total > 0, JSON.stringify(ready));
  const paused = clock.monotonic();
  equal((await a.driver.sendGuest(leaving, 'hand-over')).phase, 'handed-over');
  equal((await a.driver.ensureGuest(leaving)).power === 'running', false, 'the source does not let it go on');
  equal((await b.driver.ensureGuest(guest)).power, 'running');
  process.stdout.write(`handed over and running after ${Math.round(clock.monotonic() - paused)} ms\n`);
  await a.driver.removeGuest(key);
  equal(await processesOf(a), 0);
  match(await onSerial(b, 'cat kept; echo still-$HERE', /still-memory/), /kept/);
});

test('a guest whose way is cut, or that is called back, goes on where it was', { skip }, async () => {
  const [b, a] = sides as [Side, Side];
  const guest = entry();
  const leaving = { ...guest, move: leave('m2', b) };
  const { layout } = await a.driver.ensureGuest(leaving);
  const arriving: Guest = {
    ...guest,
    move: { id: 'm2', kind: 'arrive', ticket, from: { host: 'a', address: a.address }, layout: layout! },
  };
  await b.driver.ensureGuest(arriving);
  equal((await sent(a.driver, leaving)).phase, 'ready');
  // The control plane decides that it stays.
  equal((await a.driver.ensureGuest(guest)).power, 'running');
  await b.driver.removeGuest(key);
  match(await onSerial(a, 'cat kept; echo still-$HERE', /still-memory/), /kept/);

  // The destination dies on the way.
  const again = { ...guest, move: leave('m3', b) };
  await a.driver.ensureGuest(again);
  await b.driver.ensureGuest({ ...arriving, move: { ...(arriving.move as GuestMove & { kind: 'arrive' }), id: 'm3' } });
  equal((await a.driver.sendGuest(again, 'begin')).phase !== 'failed', true);
  await b.driver.removeGuest(key);
  const told = await sent(a.driver, again);
  // Where all was over there within the first turn, it shows when the guest is to be handed over.
  equal((told.phase === 'ready' ? await a.driver.sendGuest(again, 'hand-over') : told).phase, 'failed');
  equal((await a.driver.ensureGuest(guest)).power, 'running');
  match(await onSerial(a, 'echo still-$HERE', /still-memory/), /still-memory/);

  // A wrong ticket opens nothing.
  const wrong = { ...guest, move: { ...leave('m4', b), ticket: '0'.repeat(64) } as GuestMove };
  await a.driver.ensureGuest(wrong);
  await b.driver.ensureGuest({ ...arriving, move: { ...(arriving.move as GuestMove & { kind: 'arrive' }), id: 'm4' } });
  equal((await sent(a.driver, wrong)).phase, 'failed');
  equal((await a.driver.ensureGuest(guest)).power, 'running');
  await b.driver.removeGuest(key);
});

test('a stopped guest takes its disks along, and they grow', { skip }, async () => {
  const [b, a] = sides as [Side, Side];
  const stopped = entry({ power: 'stopped' });
  const taking: Guest = {
    ...stopped,
    root: { image: imageKey, sizeGib: 2 },
    move: { id: 'm5', kind: 'take', ticket, from: { host: 'a', address: a.address } },
  };
  await a.driver.ensureGuest(stopped);
  await rejects(b.driver.ensureGuest(taking));
  await a.driver.ensureGuest({ ...stopped, move: { id: 'm5', kind: 'send', ticket, to: 'b' } });
  for (const again of [1, 2]) equal((await b.driver.ensureGuest(taking)).power, 'stopped', `${again}`);
  await a.driver.removeGuest(key);
  const guest = entry({ boot: 2, root: { image: imageKey, sizeGib: 2 } });
  equal((await b.driver.ensureGuest(guest)).power, 'running');
  await waitFor('the boot', 300_000, async () =>
    (await b.driver.consoleLog(key, null)).includes('=== end of boot ==='),
  );
  match(
    await onSerial(b, 'cat kept; lsblk -b -o SIZE -d /dev/vda; echo done-$((1+1))', /done-2/),
    /kept[^]*2147483648/,
  );
});

test('a resize on one host keeps the old disk, and takes it back', { skip }, async () => {
  const [b] = sides as [Side, Side];
  const grown = (boot: number, more: Partial<Guest> = {}): Guest =>
    entry({ boot, root: { image: imageKey, sizeGib: 3 }, ...more });
  const keep = (back: boolean): GuestMove => ({ id: 'm6', kind: 'keep', back });
  await b.driver.ensureGuest(grown(3, { move: keep(false) }));
  await waitFor('the boot', 300_000, async () =>
    (await b.driver.consoleLog(key, null)).includes('=== end of boot ==='),
  );
  await onSerial(b, 'echo new > kept; sync; lsblk -b -o SIZE -d /dev/vda; echo done-$((1+1))', /3221225472[^]*done-2/);
  await b.driver.ensureGuest(grown(3, { power: 'stopped', move: keep(false) }));
  const before: Partial<Guest> = { root: { image: imageKey, sizeGib: 2 } };
  equal((await b.driver.ensureGuest(grown(3, { ...before, move: keep(true) }))).power, 'running');
  await b.driver.ensureGuest(grown(3, before));
  await waitFor('the boot', 300_000, async () =>
    (await b.driver.consoleLog(key, null)).includes('=== end of boot ==='),
  );
  match(
    await onSerial(b, 'cat kept; lsblk -b -o SIZE -d /dev/vda; echo done-$((1+1))', /done-2/),
    /kept[^]*2147483648/,
  );
  equal(existsSync(join(b.directory, 'guests', serverId, 'run', 'kept')), false);
});
