// The wiring: every service and driver, in one program.

import { readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openCluster } from '#/cluster/cluster.ts';
import { clusterMigrations, findMember, forgetInvitations } from '#/cluster/cluster.store.ts';
import type { ClusterFacts } from '#/cluster/machine.api.ts';
import { neighbourhood, simulatedHost } from '#/drivers/simulated-host.ts';
import { type Agent, createAgent } from '#/host/agent.ts';
import { memoryPlanFile } from '#/host/plan-file.ts';
import { simulatedDrivers } from '#/host/simulated-host.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { configuredNatsBus, tlsFilesIn } from '#/platform/bus/nats/configured.ts';
import { socketBusServer } from '#/platform/bus/socket-bus.ts';
import { type Config, publicUrlOf } from '#/platform/config/config.ts';
import { dataPaths } from '#/platform/config/data-directory.ts';
import { keepNode, nodeMigrations } from '#/platform/nodes/nodes.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import { createServices } from '#/services.ts';
import { statusService } from '#/status.ts';
import { version } from '#/version.ts';
import { createEvents, eventMigrations, forgetEvents } from '#/platform/events/events.ts';
import { attachStreams } from '#/host/streams.ts';
import { createHostControl } from '#/host/control.ts';
import { hostState } from '#/host/entries.ts';
import { hostMigrations } from '#/host/hosts.store.ts';
import type { Authenticator } from '#/platform/access/caller.ts';
import { createPasswordsApart } from '#/platform/access/passwords-apart.ts';
import { policyFromFile } from '#/platform/access/policy-file.ts';
import { createPolicy, type Policy, type PolicyDefault } from '#/platform/access/policy.ts';
import { oldNameOf } from '#/old-rule-names.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import { type Clock, type Random, systemClock, systemRandom } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { type Migration, migrate } from '#/platform/database/migrations.ts';
import { writeWholeSync } from '#/platform/files/write-whole.ts';
import { timestamp, type Tx } from '#/platform/database/tx.ts';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import { holdConnections } from '#/platform/http/gate.ts';
import { createHttpServer, type HttpServer, type ServerOptions } from '#/platform/http/server.ts';
import type { Service } from '#/platform/http/service.ts';
import { httpTexts } from '#/platform/http/texts.ts';
import type { TlsFiles } from '#/platform/http/tls.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type Chore, choreMigrations, startChores } from '#/platform/operations/chores.ts';
import { createEngine, type Engine } from '#/platform/operations/engine.ts';
import { forgetEnded, operationMigrations } from '#/platform/operations/operation.store.ts';

export interface StartOptions {
  config: Config;
  dataDirectory: string;
  log: Logger;
  /** There is a control plane to follow: returns once it has gone. Those who connect meanwhile wait. */
  takeOver?(): Promise<void>;
}

/** So long those who keep a connection may still ask on it when a successor is there. */
const lingerMs = 500;

/** Starts the control plane on this machine, with its simulated hosts where it has some. */
export async function startCloud({
  config,
  dataDirectory,
  log,
  takeOver,
}: StartOptions): Promise<{ address: string; close(successor?: boolean): Promise<void> }> {
  const paths = dataPaths(dataDirectory);
  const clock = systemClock();
  const random = systemRandom();
  const slots = new Map<symbol, unknown>();
  const simulated = config.simulateHosts > 0;
  const db = await openDatabase(config, paths.control, { clock, random, slots, log });
  const bus = simulated
    ? memoryBus({ clock, log })
    : (configuredNatsBus(config, 'control', tlsFilesIn(paths.cluster), { clock, random, log }) ??
      (await socketBusServer({ path: paths.busSocket, clock, log })));
  const cluster = simulated ? null : openCluster({ config, paths, clock, random, log });
  if (cluster) attachStreams(slots, cluster.streams);
  const address = publicUrlOf(config);
  const publicUrl = (): string => address;
  const { services, authenticator, seed, upgrade, page, guestImage } = await createServices({
    db,
    bus,
    clock,
    random,
    log,
    config,
    publicUrl,
    directory: paths.control,
    passwords: createPasswordsApart({ random, clock, log }),
    simulated,
  });
  const concurrency = config.workerConcurrency;
  const policyFiles = resolve(dataDirectory, config.policyDirectory);
  const cloud = await assembleCloud({
    db,
    slots,
    bus,
    clock,
    random,
    log,
    services,
    authenticator,
    publicUrl,
    policyFiles,
    concurrency,
    // One process writes an SQLite file.
    alone: db.engine === 'sqlite',
    cluster,
    tls: tlsFilesOf(config, dataDirectory),
    upgrade,
    page,
  });
  const credentials = rememberCredentials(paths.credentials, config.adminPassword, random);
  await seed({ adminPassword: credentials.password });
  await guestImage(paths.guestImages);
  // Whatever can go wrong has been done: one that cannot start does not send the other away.
  const gate = takeOver && (await holdConnections(config.listenAddress, config.listenPort));
  await takeOver?.();
  cloud.start(simulated || config.roles.includes('worker'));
  await cluster?.start({ db, services: cloud.services });
  const agents = simulated ? await simulateHosts(config.simulateHosts, { bus, clock, random, log }) : [];
  await cloud.server.listen(config.listenAddress, config.listenPort);
  gate?.open(cloud.server.adopt);
  const certificate = tlsFilesOf(config, dataDirectory)?.certificateFile;
  // The public address may be another machine's.
  const here = config.clusterServers.length > 0 ? publicUrlOf({ ...config, publicUrl: null }) : address;
  writeWholeSync(paths.ready, JSON.stringify({ url: here, pid: process.pid, certificate }));
  return {
    address,
    async close(successor = false) {
      rmSync(paths.ready, { force: true });
      await Promise.all(agents.map(agent => agent.stop()));
      await cluster?.stop();
      await cloud.close(successor ? lingerMs : 0);
    },
  };
}

/** The files of HTTPS; relative ones are in the data directory. @throws Problem invalid when one is missing */
function tlsFilesOf(config: Config, dataDirectory: string): TlsFiles | undefined {
  const [certificateFile, keyFile, clientCaFile] = [
    config.tlsCertificateFile,
    config.tlsKeyFile,
    config.tlsClientCaFile,
  ].map(file => (file === null ? null : resolve(dataDirectory, file)));
  if (certificateFile && keyFile) return { certificateFile, keyFile, clientCaFile: clientCaFile ?? null };
  if (certificateFile || keyFile || clientCaFile) throw new Problem('invalid', httpTexts.tlsHalf);
  return undefined;
}

/** PostgreSQL where it is configured, or a file of this machine. */
export async function openDatabase(
  config: Pick<Config, 'databaseUrl' | 'databaseConnections'>,
  directory: string,
  parts: { clock: Clock; random: Random; slots?: Map<symbol, unknown>; log: Logger },
): Promise<Database> {
  const { databaseUrl: url, databaseConnections: connections } = config;
  if (url === null) return openSqlite({ file: join(directory, 'haneul.db'), ...parts });
  const { openPostgres } = await import('#/platform/database/postgres/postgres.ts');
  return openPostgres({ url, connections, ...parts });
}

async function simulateHosts(
  count: number,
  parts: { bus: Bus; clock: Clock; random: Random; log: Logger },
): Promise<Agent[]> {
  const neighbours = neighbourhood();
  const agents = Array.from({ length: count }, (_, at) => {
    const name = `host-${at + 1}`;
    const machine = simulatedHost({ ...parts, name, neighbourhood: neighbours });
    return createAgent({
      host: name,
      version,
      address: null,
      ...simulatedDrivers({ machine, tunnelAddress: count > 1 ? `198.18.${at >> 8}.${at & 255}` : null, ...parts }),
      ...parts,
      planFile: memoryPlanFile(),
      consoleDirectory: null,
    });
  });
  await Promise.all(agents.map(agent => agent.start()));
  return agents;
}

/** The administrator's credentials, made at the first start and kept for `up` to write its files from. */
function rememberCredentials(file: string, configured: string | null, random: Random): { password: string } {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { password: string };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const made = {
      username: 'admin',
      password: configured ?? random.bytes(18).toString('base64url'),
      project: 'admin',
      domain: 'Default',
    };
    writeWholeSync(file, JSON.stringify(made));
    return made;
  }
}

export interface CloudParts {
  db: Database;
  slots: Map<symbol, unknown>;
  bus: Bus;
  clock: Clock;
  random: Random;
  log: Logger;
  services: Service[];
  authenticator: Authenticator;
  publicUrl(): string;
  /** Where the operator's policy files are; read again when they change. */
  policyFiles?: string;
  concurrency?: number;
  /** The only control plane of its database. */
  alone?: boolean;
  /** The machines that it is one of; absent for a cloud on one machine. */
  cluster?: ClusterFacts | null;
  checkReplies?: boolean;
  upgrade?: ServerOptions['upgrade'];
  page?: ServerOptions['page'];
  tls?: TlsFiles | undefined;
}

export interface Cloud {
  services: Service[];
  server: HttpServer;
  engine: Engine;
  policy: Policy;
  /** @param working does long work too, and what is periodic */
  start(working?: boolean): void;
  /** @param lingerMs see `HttpServer.close` */
  close(lingerMs?: number): Promise<void>;
}

/** Puts a control plane together over an open database and bus, and brings its tables up to date. */
export async function assembleCloud(parts: CloudParts): Promise<Cloud> {
  const { db, slots, bus, clock, random, log } = parts;
  const migrations = migrationsOf(parts.services);
  const services = [
    ...parts.services,
    statusService(parts.services, {
      bus,
      clock,
      cluster: parts.cluster ?? null,
      migrations,
      alone: parts.alone ?? false,
    }),
  ];
  const events = createEvents(slots);
  for (const service of services) {
    service.listen?.(events);
    for (const [slot, value] of service.settings ?? []) slots.set(slot, value);
  }
  await migrate(db, migrations);
  const defaults = policyDefaults(services);
  const policy = parts.policyFiles
    ? policyFromFile({ file: parts.policyFiles, defaults, clock, log })
    : createPolicy({ defaults });
  const admits = parts.cluster ? async (tx: Tx, host: string) => (await findMember(tx, host)) !== undefined : undefined;
  const control = createHostControl({ db, slots, bus, clock, log, services, admits });
  const kinds = services.flatMap(service => service.operations ?? []);
  const engine = createEngine({
    db,
    slots,
    bus,
    clock,
    random,
    log,
    hosts: hostState,
    kinds,
    concurrency: parts.concurrency,
    alone: parts.alone,
  });
  const server = createHttpServer({ ...parts, services, policy });
  const chores = startChores(parts, choresOf(parts));
  const node = keepNode(parts, version);
  return {
    services,
    server,
    engine,
    policy,
    start(working = true) {
      control.start();
      if (working) engine.start();
      if (working) chores.start();
      node.start();
    },
    async close(lingerMs) {
      chores.stop();
      await node.stop();
      control.stop();
      await server.close(lingerMs);
      await engine.stop();
      await bus.close();
      await db.close();
    },
  };
}

/** All that makes the tables, in order. */
export function migrationsOf(services: Service[]): Migration[] {
  const own = services.flatMap(service => service.migrations ?? []);
  return [
    ...eventMigrations,
    ...operationMigrations,
    ...hostMigrations,
    ...choreMigrations,
    ...clusterMigrations,
    ...nodeMigrations,
    ...own,
  ];
}

/** Every rule's default, read off the endpoints and the services' own lists. @throws Error when a rule has none */
export function policyDefaults(services: Service[]): Map<string, PolicyDefault> {
  const defaults = new Map<string, PolicyDefault>();
  const add = (name: string, check: string | undefined, endpoint?: Endpoint): void => {
    if (check === undefined || defaults.has(name)) return;
    const description = endpoint
      ? `${endpoint.method} ${endpoint.path}${endpoint.action ? ` (${endpoint.action})` : ''}`
      : '';
    defaults.set(name, { check, description, deprecatedName: oldNameOf(name) });
  };
  for (const service of services) {
    for (const endpoint of service.endpoints) add(endpoint.policy, endpoint.allow, endpoint);
    for (const [name, check] of Object.entries(service.rules ?? {})) add(name, check);
    for (const { policy, method, path } of service.endpoints)
      if (policy !== 'public' && !defaults.has(policy))
        throw new Error(`${method} ${path} names the rule ${policy}, which has no default`);
  }
  return defaults;
}

const dayMs = 86_400_000;

/** Periodic work of the platform and the services. */
function choresOf({ clock, services }: CloudParts): Chore[] {
  const forget: Chore = {
    name: 'forget',
    everyMs: 3_600_000,
    async run(tx) {
      await forgetEvents(tx, timestamp(clock.now() - 7 * dayMs));
      await forgetInvitations(tx, timestamp(clock.now() - 7 * dayMs));
      await forgetEnded(tx, timestamp(clock.now() - 7 * dayMs));
    },
  };
  return [...services.flatMap(service => service.chores ?? []), forget];
}
