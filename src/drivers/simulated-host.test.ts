import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { guestEntry, hypervisorContract } from '#/drivers/hypervisor/contract.ts';
import type { BaseImage } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { simulatedHypervisor } from '#/drivers/hypervisor/simulated/simulated-hypervisor.ts';
import { networkContract, sampleEntries } from '#/drivers/network/contract.ts';
import { simulatedNetwork } from '#/drivers/network/simulated/simulated-network.ts';
import { simulatedHost } from '#/drivers/simulated-host.ts';
import type { Tools } from '#/drivers/tools.ts';
import { volumeContract } from '#/drivers/volume/contract.ts';
import { simulatedVolume } from '#/drivers/volume/simulated/simulated-volume.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { systemRun } from '#/platform/process/run.ts';

const image: BaseImage = { key: 'image/i', format: 'qcow2', sha512: '', sizeBytes: 512, source: { kind: 'simulated' } };
const images = () => ({ path: '/simulated/image/i', format: 'raw' as const });
const log = createLogger('test', 'silent');

function seeded(seed: number): Random {
  let count = 0;
  return { bytes: n => createHash('shake128', { outputLength: n }).update(`${seed}/${count++}`).digest() };
}

function stillClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  let timers: { at: number; call: () => void }[] = [];
  return {
    now: () => now,
    monotonic: () => now,
    after(ms, call) {
      const timer = { at: now + ms, call };
      timers.push(timer);
      return { cancel: () => void (timers = timers.filter(t => t !== timer)) };
    },
    advance(ms) {
      now += ms;
      for (const timer of timers.filter(t => t.at <= now)) timer.call();
    },
  };
}

function world(seed = 1) {
  const clock = stillClock();
  const tools: Tools = { clock, random: seeded(seed), run: systemRun(log), log };
  const host = simulatedHost({ random: seeded(seed) });
  const hypervisor = (delays = {}) =>
    simulatedHypervisor({ tools, host, vcpus: 8, memoryMib: 8192, diskGib: 100, delays });
  const volume = () => simulatedVolume({ tools, host, totalGib: 100 });
  return { clock, tools, host, hypervisor, volume, [Symbol.asyncDispose]: async () => {} };
}

volumeContract('simulated volume', async () => {
  const { volume, hypervisor, ...rest } = world();
  await hypervisor().ensureImage(image);
  return { ...rest, start: volume, image: image.key, images };
});

hypervisorContract('simulated hypervisor', async () => {
  const { hypervisor, host, ...rest } = world();
  return { ...rest, image, start: () => hypervisor(), kill: async id => host.exit(id, 'crash') };
});

networkContract('simulated network', async () => {
  const { tools, host, ...rest } = world();
  return { ...rest, start: () => simulatedNetwork({ tools, host }) };
});

test('the console of a simulated guest shows its boot and its name; it has no screen', async () => {
  const { hypervisor } = world();
  const driver = hypervisor();
  await driver.ensureGuest(guestEntry('s1', null));
  match(await driver.consoleLog('server/s1', null), /host one\n=== end of boot ===\n\none login:\n$/);
  equal(await driver.consoleLog('server/s1', 1), 'one login:\n');
  await rejects(
    driver.consoleSocket('server/s1', 'vnc'),
    (p: Problem) => p.kind === 'unsupported' && /s1/.test(p.say()),
  );
});

test('a guest does not start without its image, disk or port', async () => {
  const { hypervisor, host, volume } = world();
  const connection = { kind: 'simulated', id: 'volume/v' } as const;
  await volume().ensure({ key: 'volume/v', sizeGib: 1, exported: false, epoch: 0, tickets: [], snapshots: [] }, images);
  const guest = guestEntry('s1', 'image/none', {
    disks: [{ volumeId: 'v', device: 'vdb', connection, bootIndex: null, readOnly: false }],
  });
  await rejects(hypervisor().ensureGuest(guest), (p: Problem) => /image\/none, volume\/v/.test(p.say()));
  equal(host.guests.size, 0);
});

test('a port is refused before its filter and its network', async () => {
  const { tools, host } = world();
  const driver = simulatedNetwork({ tools, host });
  const { network, port, filters } = sampleEntries();
  await rejects(driver.ensure(port), (p: Problem) => p.kind === 'unavailable');
  await driver.ensure(network);
  await rejects(driver.ensure(port), (p: Problem) => p.kind === 'conflict');
  await driver.ensureFilters(filters);
  await driver.ensure(port);
});

test('faults: fail, lose the answer, hang, and by seeded chance the same each time', async () => {
  const { host, volume } = world();
  const driver = volume();
  const disk = (id: string) => ({
    key: `volume/${id}` as const,
    sizeGib: 1,
    exported: false,
    epoch: 0,
    tickets: [],
    snapshots: [],
  });
  host.faults.next('fail', 'volume.ensure');
  host.faults.next('loseAnswer', 'volume.ensure');
  await rejects(driver.ensure(disk('a'), images), Problem);
  deepEqual(await driver.list(), []);
  await rejects(driver.ensure(disk('a'), images), Problem);
  deepEqual(await driver.list(), ['volume/a']);

  host.faults.next('hang', 'volume.remove');
  let returned = false;
  void driver.remove('volume/a').then(() => (returned = true));
  await new Promise(setImmediate);
  ok(!returned && host.disks.size === 1);

  const outcome = async (): Promise<string> => {
    const { host, volume } = world(7);
    host.faults.sometimes(0.3, ['fail', 'loseAnswer']);
    let trace = '';
    for (let i = 0; i < 40; i += 1)
      trace += await volume()
        .capacity()
        .then(
          () => '.',
          () => 'x',
        );
    return trace;
  };
  const trace = await outcome();
  match(trace, /x/);
  match(trace, /\./);
  equal(await outcome(), trace);
});

test('a dead agent does nothing more, not even what it had begun', async () => {
  const { clock, host, hypervisor } = world();
  const slow = hypervisor({ start: 1000 });
  let answered = 0;
  void slow.ensureGuest(guestEntry('s1', null)).then(() => (answered += 1));
  clock.advance(999);
  host.dropAgent();
  clock.advance(2);
  await new Promise(setImmediate);
  deepEqual([host.guests.size, answered], [0, 0]);

  const next = hypervisor({ start: 1000 });
  void next.ensureGuest(guestEntry('s1', null)).then(() => (answered += 1));
  clock.advance(1000);
  await new Promise(setImmediate);
  deepEqual([host.guests.size, answered], [1, 1]);
});

test('after a reboot of the machine guests start again under the same number', async () => {
  const { host, hypervisor } = world();
  const guest = guestEntry('s1', null, { boot: 4 });
  await hypervisor().ensureGuest(guest);
  host.exit('s1', 'shutdown');
  equal((await hypervisor().ensureGuest(guest)).power, 'stopped');
  host.reboot();
  const facts = await hypervisor().ensureGuest(guest);
  deepEqual([facts.power, facts.boot, host.guests.get('server/s1')?.starts], ['running', 4, 2]);
});
