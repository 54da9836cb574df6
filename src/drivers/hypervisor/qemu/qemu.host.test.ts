// Real guests under QEMU. Needs root, and HANEUL_TEST_IMAGE: a bootable qcow2 that says `=== end of boot ===` on its
// serial console and reacts to the power button. It runs as nobody, in a directory of its own.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BaseImage, Guest, GuestExit, HypervisorDriver } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { Tools } from '#/drivers/tools.ts';
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
const log = createLogger('test', process.env['HANEUL_TEST_LOG'] ? 'debug' : 'silent');
const tools: Tools = { run: systemRun(log), clock, random: systemRandom(), log };
const serverId = '5b0f6c1e-7d6f-4b0e-9c59-0d6f6f4d5a11';
const portId = '6c1f3c1e-7d6f-4b0e-9c59-0d6f6f4d5a12';
const volumeId = '7d2f4c1e-7d6f-4b0e-9c59-0d6f6f4d5a13';
const imageId = '8e3f5c1e-7d6f-4b0e-9c59-0d6f6f4d5a14';
const tap = `tap${portId.slice(0, 11)}`;
const bootTimeoutMs = 300_000;

let directory = '';
let driver: HypervisorDriver;
const exits: GuestExit[] = [];

function openDriver(): HypervisorDriver {
  const made = qemuHypervisor({
    directory: join(directory, 'h'),
    user,
    tools,
    kernels: image ? [join(dirname(image), 'haneul-tiny-vmlinuz')] : [],
    shutdownTimeoutMs: 40_000,
  });
  made.onExit(exit => exits.push(exit));
  return made;
}

function guestEntry(over: Partial<Guest> = {}): Guest {
  return {
    key: `server/${serverId}`,
    serverId,
    projectId: 'p',
    name: 'instance-00000001',
    vcpus: 1,
    memoryMib: 192,
    power: 'running',
    boot: 1,
    root: { image: `image/${imageId}`, sizeGib: 1 },
    rootGeneration: 0,
    ephemeralGib: [1],
    swapMib: 16,
    kernel: null,
    disks: [],
    nics: [{ portId, tap, mac: 'fa:16:3e:00:00:01', mtu: 1450, model: 'virtio' }],
    configDrive: true,
    instanceData: {
      metaData: { uuid: serverId, hostname: 'first.example', name: 'first', public_keys: {} },
      networkData: {
        links: [{ id: 'l0', type: 'phy', ethernet_mac_address: 'fa:16:3e:00:00:01', mtu: 1450 }],
        networks: [
          { id: 'n0', link: 'l0', type: 'ipv4', ip_address: '10.99.0.5', netmask: '255.255.255.0', routes: [] },
        ],
        services: [],
      },
      vendorData: {},
      userData: Buffer.from('#!/bin/sh\necho "mtu=$(cat /sys/class/net/eth0/mtu) file=$(cat /etc/told)"\n').toString(
        'base64',
      ),
      ec2: { 'instance-id': 'i-00000001' },
      files: [{ path: '/etc/told', contents: Buffer.from('by-us').toString('base64') }],
    },
    hardware: {
      machine: 'pc',
      diskBus: 'virtio',
      cdromBus: 'ide',
      video: 'vga',
      guestAgent: true,
      firmware: 'bios',
      rng: true,
    },
    ...over,
  };
}

async function waitFor(what: string, timeoutMs: number, is: () => Promise<boolean> | boolean): Promise<void> {
  const until = clock.monotonic() + timeoutMs;
  while (!(await is())) {
    if (clock.monotonic() > until) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

const consoleHas = (text: string | RegExp) => async (): Promise<boolean> => {
  const said = await driver.consoleLog(`server/${serverId}`, null);
  return typeof text === 'string' ? said.includes(text) : text.test(said);
};

/** Logs in on the serial line and runs a command there. */
async function onSerial(command: string, expect: RegExp, timeoutMs = 60_000): Promise<string> {
  const socket = connect(await driver.consoleSocket(`server/${serverId}`, 'serial'));
  let said = '';
  socket.on('data', chunk => {
    said += chunk.toString('latin1');
    const prompt = /(login|assword): /.exec(said);
    if (!prompt) return;
    said = '';
    socket.write(prompt[1] === 'login' ? 'cirros\n' : 'gocubsgo\n');
  });
  // The kernel's own lines may have swallowed a prompt: ask for another.
  const poke = setInterval(() => socket.write('\n'), 5_000);
  try {
    socket.write('\n');
    await waitFor('a shell', timeoutMs, () => /~\$ /.test(said));
    clearInterval(poke);
    said = '';
    socket.write(`${command}\n`);
    await waitFor(String(expect), timeoutMs, () => expect.test(said));
    return said;
  } catch (error) {
    throw new Error(`on the serial line: ${said.slice(-400)}`, { cause: error });
  } finally {
    clearInterval(poke);
    socket.destroy();
  }
}

async function pidOf(): Promise<number | undefined> {
  return (await findProcesses(user, join(directory, 'h'))).get(serverId);
}

before(async () => {
  if (skip) return;
  directory = await mkdtemp(join(tmpdir(), 'hq-'));
  await chmod(directory, 0o711);
  await mkdir(join(directory, 'store'));
  await tools.run(['ip', 'tuntap', 'add', 'dev', tap, 'mode', 'tap', 'user', String(user.uid)]);
  await tools.run(['ip', 'link', 'set', tap, 'mtu', '1450', 'up']);
  driver = openDriver();
  await driver.restore();
});

after(async () => {
  if (skip) return;
  await driver.removeGuest(`server/${serverId}`);
  await driver.close();
  await tools.run(['ip', 'link', 'delete', tap], { allow: [1] });
  await rm(directory, { recursive: true, force: true });
});

test('capabilities: an accelerator is chosen by trying it', { skip, timeout: 30_000 }, async () => {
  const started = clock.monotonic();
  const facts = await driver.capabilities();
  ok(clock.monotonic() - started < 25_000);
  ok(facts.version >= 7_000_000);
  equal(facts.accelerator === 'tcg', facts.kvmProblem !== undefined);
});

test('an image is taken in, checked, and refused when its bytes are others', { skip, timeout: 60_000 }, async () => {
  const bytes = await readFile(image!);
  const path = join(directory, 'store', 'image');
  await writeFile(path, bytes);
  const sha512 = createHash('sha512').update(bytes).digest('hex');
  const entry: BaseImage = {
    key: `image/${imageId}`,
    format: 'qcow2',
    sha512,
    sizeBytes: bytes.length,
    source: { kind: 'file', path },
  };
  await rejects(driver.ensureImage({ ...entry, sha512: sha512.replace(/^./, c => (c === '0' ? '1' : '0')) }), {
    kind: 'invalid',
  });
  const kept = await driver.ensureImage(entry);
  equal(kept.format, 'qcow2');
  equal((await stat(kept.path)).mode & 0o777, 0o444);
  equal((await stat(kept.path)).ino, (await stat(path)).ino);
  deepEqual(await driver.ensureImage(entry), kept);
  deepEqual((await driver.list()).images, [`image/${imageId}`]);
});

test('a guest boots, with its config drive, tap and log', { skip, timeout: bootTimeoutMs }, async () => {
  const facts = await driver.ensureGuest(guestEntry());
  equal(facts.power, 'running');
  await waitFor('end of boot', bootTimeoutMs - 10_000, consoleHas('=== end of boot ==='));
  const said = await driver.consoleLog(`server/${serverId}`, null);
  match(said, /metadata from config drive/);
  match(said, /mtu=1450 file=by-us/);
  match(said, /eth0 10\.99\.0\.5/);
  match(said, /ssh up, host first/);
  match((await driver.consoleLog(`server/${serverId}`, 3)).trim(), /^([^\n]*\n){0,2}[^\n]*$/);
  const pid = (await pidOf())!;
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
  match(status, /^CapBnd:\t0+$/m);
  match(status, /^NoNewPrivs:\t1$/m);
  match(status, /^Seccomp:\t2$/m);
  const counters = await driver.diagnostics(`server/${serverId}`);
  equal(counters['num_nics'], 1);
  ok(existsSync(await driver.consoleSocket(`server/${serverId}`, 'vnc')));
});

test('a volume is plugged and unplugged while the guest runs', { skip, timeout: 120_000 }, async () => {
  const place = join(directory, 'nbd');
  await mkdir(place);
  await writeFile(join(place, 'disk'), Buffer.alloc(8 << 20));
  await chown(place, user.uid, user.gid);
  await chown(join(place, 'disk'), user.uid, user.gid);
  const path = join(place, 'sock');
  const args = ['--blockdev', `driver=file,node-name=f,filename=${join(place, 'disk')}`];
  args.push('--blockdev', 'driver=raw,node-name=d,file=f', '--nbd-server', `addr.type=unix,addr.path=${path}`);
  args.push('--export', 'type=nbd,id=e,node-name=d,name=vol,writable=on');
  const server = spawn('qemu-storage-daemon', args, { ...user, stdio: 'ignore' });
  try {
    await waitFor('the NBD socket', 10_000, () => existsSync(path));
    const disk = {
      volumeId,
      device: 'vdd',
      connection: { kind: 'nbd-unix', path, export: 'vol' },
      bootIndex: null,
      readOnly: false,
    } as const;
    await driver.ensureGuest(guestEntry({ disks: [disk] }));
    await driver.ensureGuest(guestEntry({ disks: [disk] }));
    const serial = volumeId.slice(0, 20);
    await onSerial('for i in 1 2 3 4 5; do cat /sys/block/vdd/serial; sleep 1; done', new RegExp(serial));
    await driver.ensureGuest(guestEntry());
    await driver.ensureGuest(guestEntry({ disks: [disk] }));
    server.kill('SIGKILL');
    const started = clock.monotonic();
    await driver.ensureGuest(guestEntry());
    ok(clock.monotonic() - started < 45_000, 'a dead server holds up its removal for a while only');
    const rest = await onSerial('cat /sys/block/vd*/serial; echo "do""ne"', /done/);
    ok(!rest.includes(serial));
  } finally {
    server.kill('SIGKILL');
  }
});

test('a port is unplugged and plugged while the guest runs', { skip, timeout: 60_000 }, async () => {
  await driver.ensureGuest(guestEntry({ nics: [] }));
  equal((await driver.diagnostics(`server/${serverId}`))['num_nics'], 0);
  await driver.ensureGuest(guestEntry());
  equal((await driver.diagnostics(`server/${serverId}`))['num_nics'], 1);
});

test('pause and resume', { skip, timeout: 20_000 }, async () => {
  equal((await driver.ensureGuest(guestEntry({ power: 'paused' }))).power, 'paused');
  equal((await driver.ensureGuest(guestEntry())).power, 'running');
});

test('the guest outlives the driver, which takes it up again', { skip, timeout: 30_000 }, async () => {
  const pid = await pidOf();
  ok(pid);
  await driver.close();
  driver = openDriver();
  await driver.restore();
  equal((await driver.ensureGuest(guestEntry())).power, 'running');
  equal(await pidOf(), pid);
});

test('a soft reboot comes up in the same process', { skip, timeout: bootTimeoutMs }, async () => {
  const pid = await pidOf();
  const before = (await driver.consoleLog(`server/${serverId}`, null)).split('=== end of boot').length;
  await driver.reboot(guestEntry(), 'soft');
  await waitFor('the second boot', bootTimeoutMs - 60_000, async () => {
    return (await driver.consoleLog(`server/${serverId}`, null)).split('=== end of boot').length > before;
  });
  match(await driver.consoleLog(`server/${serverId}`, null), /going down/);
  equal(await pidOf(), pid);
  deepEqual(exits, []);
});

test('a guest that powers itself off is told, and stays off', { skip, timeout: 60_000 }, async () => {
  await onSerial('sudo poweroff', /./);
  await waitFor('the exit', 30_000, () => exits.length === 1);
  equal(exits[0]!.kind, 'shutdown');
  const facts = await driver.ensureGuest(guestEntry());
  equal(facts.power, 'stopped');
  equal(await pidOf(), undefined);
  exits.length = 0;
});

test('a crash is told within two seconds, and the guest stays down under its boot number', {
  skip,
  timeout: 60_000,
}, async () => {
  await driver.ensureGuest(guestEntry({ boot: 2 }));
  const pid = (await pidOf())!;
  const started = clock.monotonic();
  process.kill(pid, 'SIGKILL');
  await waitFor('the exit', 2_000, () => exits.length === 1);
  ok(clock.monotonic() - started < 2_000);
  deepEqual({ ...exits[0], reason: '' }, { serverId, boot: 2, kind: 'crash', reason: '' });
  match(exits[0]!.reason, /SIGKILL/);
  const facts = await driver.ensureGuest(guestEntry({ boot: 2 }));
  equal(facts.power, 'crashed');
  match(facts.exitReason!, /SIGKILL/);
  exits.length = 0;
});

test('a crash while no driver watched is told after restore', { skip, timeout: 60_000 }, async () => {
  await driver.ensureGuest(guestEntry({ boot: 3 }));
  const pid = (await pidOf())!;
  await driver.close();
  process.kill(pid, 'SIGKILL');
  await waitFor('the end', 5_000, async () => (await pidOf()) === undefined);
  driver = openDriver();
  await driver.restore();
  equal(exits.length, 1);
  equal((await driver.ensureGuest(guestEntry({ boot: 3 }))).power, 'crashed');
  exits.length = 0;
});

test('stop asks the guest; start keeps its disk', { skip, timeout: bootTimeoutMs }, async () => {
  await driver.ensureGuest(guestEntry({ boot: 4 }));
  await waitFor('end of boot', bootTimeoutMs - 60_000, consoleHas('=== end of boot ==='));
  equal((await driver.ensureGuest(guestEntry({ boot: 4, power: 'stopped' }))).power, 'stopped');
  match(await driver.consoleLog(`server/${serverId}`, null), /going down/);
  equal(await pidOf(), undefined);
  deepEqual(exits, []);
});

test('a guest that cannot start says why', { skip, timeout: 60_000 }, async () => {
  const wrong = guestEntry({ boot: 5, nics: [{ ...guestEntry().nics[0]!, tap: 'tapnone' }] });
  await rejects(driver.ensureGuest(wrong), (error: { kind: string; say(): string }) => {
    equal(error.kind, 'unavailable');
    match(error.say(), /tapnone/);
    return true;
  });
  equal(await pidOf(), undefined);
});

test('removal leaves nothing, also of a running guest', { skip, timeout: 60_000 }, async () => {
  await driver.ensureGuest(guestEntry({ boot: 6 }));
  await rejects(driver.removeImage(`image/${imageId}`), { kind: 'conflict' });
  await driver.removeGuest(`server/${serverId}`);
  await driver.removeGuest(`server/${serverId}`);
  equal(await pidOf(), undefined);
  await driver.removeImage(`image/${imageId}`);
  deepEqual(await driver.list(), { guests: [], images: [] });
  deepEqual(exits, []);
});
