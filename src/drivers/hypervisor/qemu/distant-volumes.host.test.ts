// Volumes between two hosts, by their real daemons and QEMU's own NBD client. Needs root, qemu-utils and util-linux. Two
// addresses of the loopback stand for two hosts.

import { deepEqual, doesNotMatch, equal, match, ok, rejects } from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { guestEntry } from '#/drivers/hypervisor/contract.ts';
import type { Tools } from '#/drivers/tools.ts';
import { fileVolumes } from '#/drivers/volume/file/file-volumes.ts';
import { type Disk, exportName } from '#/drivers/volume/volume-driver.ts';
import { createAuthority, issueCertificate } from '#/platform/bus/nats/certificates.ts';
import { type Channel, openChannel } from '#/platform/channel/channel.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { createLogger } from '#/platform/log/log.ts';
import type { Problem } from '#/platform/problem/problem.ts';
import { systemRun } from '#/platform/process/run.ts';
import { freePort } from '../../../../test/nats/server.ts';
import { distantReconnectDelaySeconds } from './command-line.ts';
import { type DistantVolumes, distantVolumes, type DistantWay } from './distant-volumes.ts';
import { guestPaths } from './paths.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const parts = { clock: systemClock(), random: systemRandom() };
const log = createLogger('test', process.env['HANEUL_TEST_LOG'] ? 'debug' : 'silent');
const run = systemRun(log);
const tools: Tools = { run, log, ...parts };
const user = { uid: 64_123, gid: 64_123 };
const serverId = '5b0f6c1e-7d6f-4b0e-9c59-0d6f6f4d5b21';
const volumeId = '7c0f6c1e-7d6f-4b0e-9c59-0d6f6f4d5b22';
const addresses = ['127.0.0.1', '127.0.0.2'] as const;

/** A host with a volume, and one with a guest of it. */
async function twoHosts() {
  const root = await mkdtemp(join(tmpdir(), 'haneul-distant-'));
  await chmod(root, 0o711);
  const authority = await createAuthority(parts);
  const port = await freePort();
  const channelAt = async (address: string): Promise<Channel> => {
    const made = await issueCertificate(authority, { names: [address], addresses: [address] }, parts);
    const file = async (kind: string, text: string): Promise<string> => {
      const path = join(root, `${address}.${kind}`);
      await writeFile(path, text);
      return path;
    };
    const tls = {
      caFile: await file('ca', authority.certificate),
      certFile: await file('crt', made.certificate),
      keyFile: await file('key', made.key),
    };
    return openChannel({ address, port, tls, ...parts, log });
  };
  const paths = guestPaths(root, serverId);
  await mkdir(paths.directory, { recursive: true, mode: 0o711 });
  for (const path of [join(root, 'guests'), paths.directory]) await chmod(path, 0o711);
  const alive = setInterval(() => {}, 1_000);
  const storage = async () => {
    const channel = await channelAt(addresses[0]);
    const driver = fileVolumes({ directory: join(root, 'volumes'), user, tools, channel });
    return {
      driver,
      /** As when its agent ends: the disks' daemons stay. */
      async end() {
        await driver.close!();
        await channel.close();
      },
    };
  };
  const compute = async () => {
    const channel = await channelAt(addresses[1]);
    const volumes = distantVolumes({ channel, tools, user }, serverId, paths);
    return {
      volumes,
      async end() {
        volumes.close();
        await channel.close();
      },
    };
  };
  const sides = { storage: await storage(), compute: await compute() };
  return {
    sides,
    paths,
    async restart(which: 'storage' | 'compute', downMs = 0) {
      await sides[which].end();
      if (downMs) await pause(downMs);
      if (which === 'storage') {
        sides.storage = await storage();
        await sides.storage.driver.restore();
      } else sides.compute = await compute();
    },
    async [Symbol.asyncDispose]() {
      await sides.storage.driver.remove(`volume/${volumeId}`);
      await Promise.all([sides.storage.end(), sides.compute.end()]);
      clearInterval(alive);
      await rm(root, { recursive: true });
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));
const never = (): never => {
  throw new Error('no image is asked for');
};
const disk = (epoch: number, tickets: string[]): Disk => ({
  key: `volume/${volumeId}`,
  sizeGib: 1,
  exported: true,
  snapshots: [],
  epoch,
  tickets,
});
const wayWith = (ticket: string): DistantWay => ({
  kind: 'nbd-host',
  host: 'one',
  address: addresses[0],
  ticket,
  export: exportName,
});

function offer(volumes: DistantVolumes, ticket: string): Promise<void> {
  const connection = wayWith(ticket);
  return volumes.offer(
    guestEntry(serverId, null, {
      disks: [{ volumeId, device: 'vdb', connection, bootIndex: null, readOnly: false }],
    }),
  );
}

/** qemu-io's commands over a socket, as a guest's QEMU would open it. */
function io(socket: string, ...commands: string[]): Promise<string> {
  return ioFor(120_000, socket, commands);
}

async function ioFor(timeoutMs: number, socket: string, commands: string[]): Promise<string> {
  const node = {
    driver: 'nbd',
    server: { type: 'unix', path: socket },
    export: exportName,
    'reconnect-delay': distantReconnectDelaySeconds,
  };
  const words = commands.flatMap(command => ['-c', command]);
  const { stdout, stderr } = await run(['qemu-io', ...words, `json:${JSON.stringify(node)}`], {
    ...user,
    allow: [1],
    timeoutMs,
  });
  return `${stdout}${stderr}`;
}

test('a guest reads and writes a volume of another host, with its ticket alone', { skip }, async t => {
  await using hosts = await twoHosts();
  const { storage, compute } = hosts.sides;
  await storage.driver.ensure(disk(0, ['right']), never);
  await rejects(offer(compute.volumes, 'wrong'), (thrown: Problem) =>
    /Volume .* is on host one, which does not give it/.test(thrown.say()),
  );
  await offer(compute.volumes, 'right');
  const socket = hosts.paths.distantVolume(volumeId);
  match(await io(socket, 'write -q -P 0x17 5M 1M', 'flush', 'read -P 0x17 5M 1M'), /read 1048576\/1048576/);
  const started = performance.now();
  const cpu = process.cpuUsage();
  await io(socket, ...Array.from({ length: 16 }, (_, at) => `write -q ${at * 32}M 32M`), 'flush');
  const seconds = (performance.now() - started) / 1_000;
  const { user: own, system } = process.cpuUsage(cpu);
  t.diagnostic(`512 MiB in ${seconds.toFixed(1)} s; both agents used ${((own + system) / 1e6).toFixed(1)} s of CPU`);
  deepEqual(Object.keys(compute.volumes.ways()), [volumeId]);
  await compute.volumes.withdraw(guestEntry(serverId, null));
  deepEqual(compute.volumes.ways(), {});
  match(await io(socket, 'read 0 1M'), /No such file/);
});

for (const which of ['storage', 'compute'] as const)
  test(`a guest sees a pause while the agent of the ${which} host is restarted`, { skip }, async () => {
    await using hosts = await twoHosts();
    await hosts.sides.storage.driver.ensure(disk(0, ['right']), never);
    await offer(hosts.sides.compute.volumes, 'right');
    const socket = hosts.paths.distantVolume(volumeId);
    const written = io(
      socket,
      ...Array.from({ length: 40 }, (_, at) => [`write -P ${at + 1} ${at}M 1M`, 'sleep 100']).flat(),
      'flush',
    );
    await pause(1_000);
    await hosts.restart(which, 1_000);
    if (which === 'compute') await hosts.sides.compute.volumes.takeUp({ [volumeId]: wayWith('right') });
    const said = await written;
    doesNotMatch(said, /fail|error/i);
    equal(said.match(/wrote 1048576\/1048576/g)?.length, 40);
    const read = await io(socket, ...Array.from({ length: 40 }, (_, at) => `read -P ${at + 1} ${at}M 1M`));
    doesNotMatch(read, /verification failed/);
  });

test('what a guest with a ticket that was taken back writes never arrives', { skip }, async () => {
  await using hosts = await twoHosts();
  const { storage, compute } = hosts.sides;
  await storage.driver.ensure(disk(0, ['old']), never);
  await offer(compute.volumes, 'old');
  const socket = hosts.paths.distantVolume(volumeId);
  let over = false;
  // It writes on and on, as a guest does whose host cannot be asked.
  const writing = Array.from({ length: 400 }, () => ['write -q -P 0x66 0 1M', 'flush', 'sleep 10']).flat();
  const stale = ioFor(12_000, socket, writing).then(
    () => (over = true),
    () => (over = true),
  );
  await pause(1_000);
  const { connection } = await storage.driver.ensure(disk(1, ['new']), never);
  ok(connection?.kind === 'nbd-unix');
  match(await io(connection.path, 'write -q -P 0x42 0 1M', 'flush', 'read -P 0x42 0 1M'), /read 1048576/);
  for (let looks = 0; looks < 10; looks++) {
    await pause(500);
    doesNotMatch(await io(connection.path, 'read -P 0x42 0 1M'), /verification failed/);
  }
  equal(over, false, 'it waits for its volume, which it gets no more');
  await stale;
  doesNotMatch(await io(connection.path, 'read -P 0x42 0 1M'), /verification failed/);
});
