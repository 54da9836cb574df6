// A whole cloud in this process for tests: the real services over an in-memory database, simulated hosts, and a clock that
// stands still until the test lets it go on.

import { mkdtempSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join as pathJoin } from 'node:path';
import { equal } from 'node:assert/strict';
import { assembleCloud, type Cloud, migrationsOf } from '#/cloud.ts';
import { createNetwork, type Network } from '#/simulation/network.ts';
import { createServices } from '#/services.ts';
import { neighbourhood, simulatedHost, type SimulatedMachine } from '#/drivers/simulated-host.ts';
import { type Agent, createAgent } from '#/host/agent.ts';
import { memoryPlanFile, type PlanFile } from '#/host/plan-file.ts';
import { simulatedDrivers } from '#/host/simulated-host.ts';
import { quickCost } from '#/platform/access/passwords.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { type Clock, systemClock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { declaredServices } from '#/reference/declared-services.ts';
import { createLogger, type LogLevel } from '#/platform/log/log.ts';
import type { TlsFiles } from '#/platform/http/tls.ts';
import { type ConfigOverrides, loadConfig } from '#/platform/config/config.ts';
import { type TestDatabase, testDatabase, testServer } from './postgres/test-database.ts';
import { seededRandom } from './seeded-random.ts';
import { settled, type VirtualClock, virtualClock } from './virtual-clock.ts';

export interface TestCloudOptions {
  hosts?: number;
  seed?: number;
  /** Tests that need what a service keeps on disk give a directory. */
  directory?: string;
  logLevel?: LogLevel;
  /** Takes the log's lines. */
  logTo?(line: string): void;
  /** False where a test wants the raw speed or a reply that does not fit. */
  checkReplies?: boolean;
  /** No users but the administrator: where others could not log in. */
  onlyAdmin?: boolean;
  /** Options of the configuration file. */
  config?: ConfigOverrides;
  /** A policy file, or a directory of them. */
  policyFiles?: string;
  /** HTTPS. These clients believe any certificate. */
  tls?: TlsFiles;
  /** A real clock instead of one that stands still. */
  realClock?: boolean;
  /** Control planes over one database, which must be PostgreSQL; requests take turns. Default: HANEUL_TEST_NODES, or 1. */
  nodes?: number;
  /** Every process has an end of its own on the bus, which `cut` cuts off. */
  ends?: boolean;
  /** An end of the bus for each process, `node-1` or a host's name, instead of one in memory. */
  join?: (name: string) => { bus: Bus; leave(): void };
}

// biome-ignore lint: bodies are asserted by the tests that read them
type Json = any;

/** A user's client. `{project}` in paths is the user's project. */
export interface TestClient {
  token: string;
  projectId: string;
  userId: string;
  get(path: string, status?: number): Promise<Json>;
  post(path: string, body?: unknown, status?: number): Promise<Json>;
  put(path: string, body?: unknown, status?: number): Promise<Json>;
  patch(path: string, body?: unknown, status?: number): Promise<Json>;
  delete(path: string, status?: number): Promise<Json>;
  /** The whole answer. */
  request(
    method: string,
    path: string,
    options?: { body?: unknown; raw?: string | Buffer; headers?: Record<string, string> },
  ): Promise<{ status: number; headers: Record<string, string>; body: Json; bytes: Buffer }>;
  /** The same user with other headers on every request (a microversion). */
  with(headers: Record<string, string>): TestClient;
}

export type TestUser = 'admin' | 'manager' | 'member' | 'reader' | 'other' | 'none';

/** One control plane of several. */
export interface TestNode {
  url: string;
  cloud: Cloud;
  db: Database;
  /** The process dies: nothing that it does from now on reaches anyone. */
  kill(): void;
}

export interface TestCloud extends AsyncDisposable {
  url: string;
  db: Database;
  cloud: Cloud;
  clock: Clock;
  nodes: TestNode[];
  /** admin (of project admin), manager, member, reader (of project demo), other (member of another project), none (no role). */
  as(user: TestUser): TestClient;
  /** A client without a token. */
  anonymous(): TestClient;
  /** Runs operations and agents until all is quiet, letting time pass where they wait; at most `limitMs` of it. */
  settle(limitMs?: number): Promise<void>;
  /** Lets time pass. */
  advance(ms: number): Promise<void>;
  /** Where there are `ends`: nothing comes from or to that process any more. */
  cut(name: string): void;
  hosts: { name: string; machine: SimulatedMachine; agent: Agent; restartAgent(): Promise<void> }[];
}

export async function testCloud(options: TestCloudOptions = {}): Promise<TestCloud> {
  const random = seededRandom(options.seed ?? 1);
  let db: TestDatabase | undefined;
  const rest = async (): Promise<void> => {
    await (db?.idle() ?? settled());
    for (const node of nodes.slice(1)) await node.db.idle();
  };
  const nodes: RunningNode[] = [];
  const virtual = options.realClock ? null : virtualClock(undefined, rest);
  const clock: Clock = virtual ?? systemClock();
  const log = createLogger('test', options.logLevel ?? 'silent', options.logTo ? { write: options.logTo } : undefined);
  const slots = new Map<symbol, unknown>();
  const migrations = testServer() ? migrationsOf(await declaredServices()) : [];
  db = await testDatabase({ clock, random, slots, migrations });
  const count = options.nodes ?? (testServer() ? Number(process.env['HANEUL_TEST_NODES'] ?? 1) : 1);
  const network = networkOf(clock);
  const join = options.join ?? (options.ends || count > 1 ? (name: string) => network.join(name, clock, log) : null);
  const bus = join ? join('node-1').bus : memoryBus({ clock, log });
  const directory = options.directory ?? (count > 1 ? mkdtempSync(pathJoin(tmpdir(), 'haneul-nodes-')) : null);
  let url = 'http://127.0.0.1';
  const publicUrl = (): string => url;
  const config = loadConfig({ overrides: options.config ?? {} });
  const { services, authenticator, seed, guestImage } = await createServices({
    db,
    bus,
    clock,
    random,
    log,
    config,
    publicUrl,
    directory,
    passwordCost: quickCost,
    simulated: true,
  });
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
    checkReplies: options.checkReplies ?? true,
    tls: options.tls,
    policyFiles: options.policyFiles,
    alone: count === 1,
  });
  const { port } = await cloud.server.listen('127.0.0.1', 0);
  url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  await seed({ adminPassword: 'admin-password' });
  // Without hosts nothing can run it, and tests of lists see only what they made.
  if (options.hosts !== 0) await guestImage('');
  cloud.start();
  nodes.push({
    url,
    cloud,
    db,
    kill() {},
    dead: () => false,
    quiet: () => cloud.engine.quiet(),
    close: async () => {},
  });
  while (nodes.length < count) nodes.push(await anotherNode(`node-${nodes.length + 1}`));

  async function anotherNode(name: string): Promise<RunningNode> {
    const own = { clock: mortal(clock), random, slots: new Map<symbol, unknown>(), log };
    const mine = await db!.again!(own);
    const end = join!(name);
    const parts = { ...own, db: mine, bus: end.bus, publicUrl };
    const made = await createServices({ ...parts, config, directory, passwordCost: quickCost, simulated: true });
    const other = await assembleCloud({ ...parts, ...made });
    const { port: otherPort } = await other.server.listen('127.0.0.1', 0);
    other.start();
    let alive = true;
    return {
      url: `http://127.0.0.1:${otherPort}`,
      cloud: other,
      db: mine,
      dead: () => !alive,
      quiet: () => !alive || other.engine.quiet(),
      async close() {
        if (alive) return other.close();
        await other.server.close();
        await mine.close();
      },
      kill() {
        alive = false;
        own.clock.kill();
        end.leave();
        // Whatever it was about to ask is never answered.
        const never = (): Promise<never> => new Promise(() => {});
        Object.assign(mine, { read: never, write: never });
      },
    };
  }

  let turn = 0;
  const anyUrl = (): string => {
    const alive = nodes.filter(node => !node.dead());
    return alive[turn++ % alive.length]!.url;
  };
  const hosts: TestCloud['hosts'] = [];
  const neighbours = neighbourhood();
  const many = (options.hosts ?? 1) > 1;
  for (let at = 0; at < (options.hosts ?? 1); at++) {
    const name = `host-${at + 1}`;
    const machine = simulatedHost({ random, name, neighbourhood: neighbours });
    const file: PlanFile = memoryPlanFile();
    const boot = (): Agent =>
      createAgent({
        host: name,
        address: null,
        ...simulatedDrivers({ machine, clock, random, log, tunnelAddress: many ? `192.0.2.${at + 1}` : null }),
        bus: join ? join(name).bus : bus,
        clock,
        random,
        log,
        planFile: file,
        consoleDirectory: null,
      });
    const host = {
      name,
      machine,
      agent: boot(),
      async restartAgent() {
        machine.dropAgent();
        await host.agent.stop();
        host.agent = boot();
        await host.agent.start();
      },
    };
    await host.agent.start();
    hosts.push(host);
  }

  const users = new Map<TestUser, TestClient>();
  const anonymous = client(anyUrl, '', '', '');
  const self: TestCloud = {
    get url() {
      return url;
    },
    db,
    cloud,
    clock,
    nodes,
    hosts,
    as: user => users.get(user)!,
    anonymous: () => anonymous,
    async settle(limitMs = 600_000) {
      const quiet = (): boolean => nodes.every(node => node.quiet()) && hosts.every(host => host.agent.quiet());
      await settle(virtual, rest, quiet, limitMs);
    },
    async advance(ms) {
      if (virtual) await virtual.advance(ms);
    },
    cut: name => network.cut(name, 'both'),
    async [Symbol.asyncDispose]() {
      await Promise.all(hosts.map(host => host.agent.stop()));
      for (const node of nodes.slice(1)) await node.close();
      const closing = cloud.close();
      await virtual?.advance(5_000);
      await closing;
    },
  };
  try {
    await self.settle();
    for (const [name, made] of await makeUsers(anonymous, anyUrl, options.onlyAdmin)) users.set(name, made);
    await self.settle();
  } catch (error) {
    // Or the listener would keep the test's process alive.
    await self[Symbol.asyncDispose]();
    throw error;
  }
  return self;
}

interface RunningNode extends TestNode {
  db: TestDatabase;
  dead(): boolean;
  quiet(): boolean;
  close(): Promise<void>;
}

/** A bus in memory on which every process has an end of its own. */
function networkOf(clock: Clock): Network {
  const now: Clock = { ...clock, after: (_, call) => (queueMicrotask(call), { cancel() {} }) };
  return createNetwork({ clock: now, copies: () => [0], saw() {} });
}

/** A clock that dies with its process. */
function mortal(clock: Clock): Clock & { kill(): void } {
  let alive = true;
  return {
    ...clock,
    after: (ms, call) => clock.after(ms, () => alive && call()),
    kill: () => void (alive = false),
  };
}

async function settle(
  virtual: VirtualClock | null,
  rest: () => Promise<void>,
  quiet: () => boolean,
  limitMs: number,
): Promise<void> {
  const limit = (virtual?.monotonic() ?? performance.now()) + limitMs;
  let calm = 0;
  while (calm < 3) {
    await rest();
    if (quiet()) {
      calm++;
      continue;
    }
    calm = 0;
    if (virtual) {
      for (let turn = 0; turn < 5 && !quiet(); turn++) await rest();
      // Files and threads take real time, in which the clock must not run away.
      if (!quiet()) await filesAtRest();
      if (!quiet() && !virtual.next(limit)) throw new Error(`not quiet after ${limitMs} ms`);
    } else {
      await new Promise(resolve => setTimeout(resolve, 5));
      if (performance.now() > limit) throw new Error(`not quiet after ${limitMs} ms`);
    }
  }
}

/** Gives threads a moment, and work on files as long as it takes, up to a second. */
async function filesAtRest(): Promise<void> {
  const end = performance.now() + 1_000;
  do await new Promise(resolve => setTimeout(resolve, 3));
  while (performance.now() < end && process.getActiveResourcesInfo().some(kind => /^(FSReq|CloseReq)/.test(kind)));
}

/** Projects, users and roles, through the API as an administrator makes them. */
async function makeUsers(
  anonymous: TestClient,
  url: () => string,
  onlyAdmin = false,
): Promise<Map<TestUser, TestClient>> {
  const users = new Map<TestUser, TestClient>();
  const login = async (name: string, password: string, project: string): Promise<TestClient> => {
    const scope = { project: { name: project, domain: { id: 'default' } } };
    const identity = { methods: ['password'], password: { user: { name, password, domain: { id: 'default' } } } };
    const answer = await anonymous.request('POST', '/identity/v3/auth/tokens', { body: { auth: { identity, scope } } });
    equal(answer.status, 201, JSON.stringify(answer.body));
    return client(
      url,
      answer.headers['x-subject-token']!,
      answer.body.token.project?.id ?? '',
      answer.body.token.user.id,
    );
  };
  const admin = await login('admin', 'admin-password', 'admin');
  users.set('admin', admin);
  if (onlyAdmin) return users;
  const { roles } = await admin.get('/identity/v3/roles');
  const roleId = (name: string): string => roles.find((role: { name: string }) => role.name === name).id;
  const project = async (name: string): Promise<string> => {
    const { projects } = await admin.get(`/identity/v3/projects?name=${name}`);
    return (
      projects[0]?.id ??
      (await admin.post('/identity/v3/projects', { project: { name, domain_id: 'default' } }, 201)).project.id
    );
  };
  const demo = await project('demo');
  const rival = await project('other');
  const make = async (name: TestUser, role: string, projectId: string, projectName: string): Promise<void> => {
    const { user } = await admin.post(
      '/identity/v3/users',
      { user: { name: `test-${name}`, password: `${name}-password`, domain_id: 'default' } },
      201,
    );
    await admin.put(`/identity/v3/projects/${projectId}/users/${user.id}/roles/${roleId(role)}`, undefined, 204);
    users.set(name, await login(`test-${name}`, `${name}-password`, projectName));
  };
  await make('manager', 'manager', demo, 'demo');
  await make('member', 'member', demo, 'demo');
  await make('reader', 'reader', demo, 'demo');
  await make('other', 'member', rival, 'other');
  return users;
}

function client(
  url: () => string,
  token: string,
  projectId: string,
  userId: string,
  more: Record<string, string> = {},
): TestClient {
  const request: TestClient['request'] = (method, path, { body, raw, headers } = {}) =>
    new Promise((resolve, reject) => {
      const bytes = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      // The path goes as it is: through a URL, `..` would never reach the server.
      const target = path.replaceAll('{project}', projectId).replaceAll(/[^\x21-\x7e]+/gu, encodeURIComponent);
      const to = url();
      const asked = (to.startsWith('https:') ? httpsRequest : httpRequest)(to, {
        rejectUnauthorized: false,
        path: target,
        method,
        headers: {
          ...(token ? { 'x-auth-token': token } : {}),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...more,
          ...headers,
        },
        agent: false,
      });
      asked.on('error', reject);
      asked.on('response', response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const all = Buffer.concat(chunks);
          const isJson = (response.headers['content-type'] ?? '').includes('json') && all.length > 0;
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers as Record<string, string>,
            body: isJson ? JSON.parse(all.toString()) : all.toString(),
            bytes: all,
          });
        });
      });
      asked.end(bytes);
    });
  const expect = async (method: string, path: string, body: unknown, status: number): Promise<Json> => {
    const answer = await request(method, path, { body });
    equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    token,
    projectId,
    userId,
    request,
    get: (path, status = 200) => expect('GET', path, undefined, status),
    post: (path, body, status = 201) => expect('POST', path, body, status),
    put: (path, body, status = 200) => expect('PUT', path, body, status),
    patch: (path, body, status = 200) => expect('PATCH', path, body, status),
    delete: (path, status = 204) => expect('DELETE', path, undefined, status),
    with: headers => client(url, token, projectId, userId, { ...more, ...headers }),
  };
}
