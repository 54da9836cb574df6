// The agent's process: real drivers over this machine, and the socket to the control plane.

import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { qemuHypervisor } from '#/drivers/hypervisor/qemu/qemu-hypervisor.ts';
import { bridgeNetwork } from '#/drivers/network/bridge/bridge-network.ts';
import { fileVolumes } from '#/drivers/volume/file/file-volumes.ts';
import { type Agent, createAgent } from '#/host/agent.ts';
import { controlDialer } from '#/host/dial-control.ts';
import { imageFetcher } from '#/host/fetch-image.ts';
import { closeDrivers, type HostDrivers, listEntries, removeEntry } from '#/host/host-drivers.ts';
import { subjectToken } from '#/host/commands.ts';
import { removalRank } from '#/host/plan.ts';
import { planFile } from '#/host/plan-file.ts';
import { configuredNatsBus, tlsFilesIn } from '#/platform/bus/nats/configured.ts';
import { socketBusClient } from '#/platform/bus/socket-bus.ts';
import { type Channel, openChannel } from '#/platform/channel/channel.ts';
import { systemClock, systemRandom } from '#/platform/clock/clock.ts';
import { type Config, hostNameOf, tunnelAddressOf } from '#/platform/config/config.ts';
import { dataPaths } from '#/platform/config/data-directory.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import type { Logger } from '#/platform/log/log.ts';
import { systemRun } from '#/platform/process/run.ts';

export interface HostOptions {
  version?: string;
  dataDirectory: string;
  config: Config;
  log: Logger;
  /** Who guests run as. */
  guestUser: { uid: number; gid: number };
}

/** Starts this machine's agent. Closing it leaves guests and networks as they are. */
export async function startAgent(options: HostOptions): Promise<{ close(): Promise<void> }> {
  const { log } = options;
  const paths = dataPaths(options.dataDirectory);
  const clock = systemClock();
  const random = systemRandom();
  const channel = await channelOf(options);
  const drivers = realDrivers(options, channel);
  const host = hostNameOf(options.config);
  let agent: Agent | undefined;
  const parts = { clock, random, log, onConnect: () => agent?.lookSoon() };
  const bus =
    configuredNatsBus(options.config, subjectToken(host), tlsFilesIn(paths.machine), parts) ??
    socketBusClient({ path: paths.busSocket, ...parts });
  agent = createAgent({
    host,
    ...(options.version === undefined ? {} : { version: options.version }),
    address: tunnelAddressOf(options.config),
    roles: options.config.hostOffers,
    ...drivers,
    bus,
    clock,
    random,
    log,
    planFile: planFile(join(paths.host, 'plan.json')),
    consoleDirectory: consoleDirectory(paths.run),
    alone: channel === null,
    dial: options.config.clusterAddress === null ? undefined : controlDialer(tlsFilesIn(paths.machine)),
  });
  await agent.start();
  return {
    async close() {
      await agent.stop();
      await channel?.close();
      await bus.close();
    },
  };
}

/** Removes everything of this cloud from the machine: guests, networks, disks, images. */
export async function destroyHost(options: HostOptions): Promise<void> {
  const drivers = realDrivers(options);
  const { hypervisor, network, volume } = drivers;
  await Promise.all([network.restore(), volume.restore(), hypervisor.restore()]);
  const all = [...(await listEntries(drivers))].sort((a, b) => removalRank(a) - removalRank(b));
  // One thing that does not go must not keep the others; it gets a second chance when they are gone.
  const stubborn: string[] = [];
  for (const key of all) {
    options.log.info({ key }, 'removing');
    await removeEntry(drivers, key).catch((error: unknown) => {
      options.log.error({ key, error }, 'not removed yet');
      stubborn.push(key);
    });
  }
  for (const key of stubborn) await removeEntry(drivers, key);
  await network.ensureFilters({ networks: [], ports: [], groups: [] });
  await closeDrivers(drivers);
  rmSync(join(shortNames, cloudId(dataPaths(options.dataDirectory).host)), { force: true });
}

/** To the other hosts of a cluster; null on one machine, which has no certificate. */
async function channelOf({ dataDirectory, config, log }: HostOptions): Promise<Channel | null> {
  const address = tunnelAddressOf(config);
  const tls = tlsFilesIn(dataPaths(dataDirectory).machine);
  if (address === null || !existsSync(tls.certFile)) return null;
  return openChannel({ address, port: config.migrationPort, tls, clock: systemClock(), log });
}

function realDrivers(
  { dataDirectory, config, log, guestUser }: HostOptions,
  channel: Channel | null = null,
): HostDrivers {
  const paths = dataPaths(dataDirectory);
  const tools = { run: systemRun(log), clock: systemClock(), random: systemRandom(), log };
  const cloud = cloudId(paths.host);
  const host = shortName(paths.host, cloud);
  const directory = (name: string): string => {
    const path = join(host, name);
    mkdirSync(path, { recursive: true, mode: 0o711 });
    return path;
  };
  return {
    hypervisor: qemuHypervisor({
      directory: directory('compute'),
      user: guestUser,
      tools,
      accelerator: config.accelerator,
      kernels: [join(paths.guestImages, 'haneul-tiny-vmlinuz'), ...globSync('/boot/vmlinuz-*')],
      channel,
      fetchImage: config.clusterServers.length
        ? imageFetcher(config.clusterServers, tlsFilesIn(paths.machine))
        : undefined,
    }),
    network: bridgeNetwork({
      directory: directory('network'),
      cloud,
      guestUser,
      tunnelAddress: tunnelAddressOf(config),
      externalInterface: config.externalInterface,
      tools,
    }),
    volume: fileVolumes({ directory: directory('volumes'), user: guestUser, tools, channel }),
  };
}

/** The longest directory below which the drivers' unix sockets still have names that the kernel takes. */
const longestHostDirectory = 39;
const shortNames = '/run/haneul';

/** The directory, or a link to it with a short name where its own is too long for unix sockets. */
function shortName(directory: string, cloud: string): string {
  if (Buffer.byteLength(directory) <= longestHostDirectory) return directory;
  const link = join(shortNames, cloud);
  mkdirSync(shortNames, { recursive: true, mode: 0o755 });
  rmSync(link, { force: true });
  symlinkSync(directory, link);
  return link;
}

/** Tells this cloud's interfaces and tables from another's on the same machine. Made once. */
function cloudId(directory: string): string {
  const file = join(directory, 'cloud-id');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const id = systemRandom().bytes(3).toString('hex');
    writeWholeSync(file, `${id}\n`, { mode: 0o644 });
    return id;
  }
}

/** Below the control plane's own directory, so that only it comes to the sockets. */
function consoleDirectory(run: string): string {
  const path = join(run, 'consoles');
  mkdirSync(path, { recursive: true });
  const { uid, gid } = statSync(run);
  chownSync(path, uid, gid);
  chmodSync(path, 0o700);
  return path;
}
