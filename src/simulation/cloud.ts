// A whole cloud from one seed: several control nodes over one database, many hosts with the real agent over simulated
// drivers, one network between them, and a time that goes on only when everything that was begun has come to rest.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { assembleCloud, type Cloud } from '#/cloud.ts';
import { auditCloud, type Violation } from '#/audit/invariants.ts';
import { neighbourhood, simulatedHost, type SimulatedMachine } from '#/drivers/simulated-host.ts';
import { type Agent, type AgentOptions, createAgent } from '#/host/agent.ts';
import { memoryPlanFile, type PlanFile } from '#/host/plan-file.ts';
import { simulatedDrivers } from '#/host/simulated-host.ts';
import type { Authenticator } from '#/platform/access/caller.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import type { Service } from '#/platform/http/service.ts';
import { createLogger, type Logger } from '#/platform/log/log.ts';
import type { Outside } from '#/platform/operations/operation.ts';
import { table as operations } from '#/platform/operations/operation.store.ts';
import { createServices } from '#/services.ts';
import { createDice, type Dice } from '#/simulation/dice.ts';
import { createNetwork, type Network } from '#/simulation/network.ts';
import { wrongPeers } from '#/simulation/peers.ts';
import { simulatedPasswords } from '#/simulation/passwords.ts';
import { type Answer, type Asked, inject } from '#/simulation/request.ts';
import { createScope, type DatabaseFate, type Scope, scopedClock, scopedDatabase } from '#/simulation/scope.ts';
import { beginning, publicUrl, type SimulatedUser, type Template } from '#/simulation/template.ts';
import { type VirtualTime, virtualTime } from '#/simulation/virtual-time.ts';
import { simulationTexts as t } from '#/simulation/texts.ts';

type Drivers = Pick<AgentOptions, 'hypervisor' | 'network' | 'volume'>;

/** Deliberate breakage, to see that it is noticed. Each is handed the real thing and gives back what takes its place. */
export interface Mutation {
  services?(services: Service[]): Service[];
  drivers?(drivers: Drivers, machine: SimulatedMachine): Drivers;
  agentBus?(bus: Bus): Bus;
  controlBus?(bus: Bus): Bus;
  database?(db: Database): Database;
}

export interface SimulatedCloudOptions {
  seed: string;
  template: Template;
  hosts: number;
  nodes: number;
  mutation?: Mutation;
  log?: Logger;
}

export interface Node {
  readonly name: string;
  cloud: Cloud | null;
  scope: Scope;
  /** How far its wall clock is off. */
  skewMs: number;
  /** What will happen to its accesses to the database; faults set it. */
  fate: ((kind: 'read' | 'write') => DatabaseFate) | null;
  /** It dies as soon as the write that is under way has committed. */
  diesNow: boolean;
  /** Settles when the process that now runs dies. */
  death: Promise<void>;
  kill(): void;
  start(): void;
}

export interface Host {
  readonly name: string;
  readonly machine: SimulatedMachine;
  /** Its end of the tunnels. */
  readonly tunnelAddress: string;
  /** Null while none runs, or it has not come up yet. */
  agent: Agent | null;
  /** The agent's process runs. */
  readonly up: boolean;
  /** While true its plan cannot be written to its disk. */
  diskFull: boolean;
  stopAgent(): void;
  /** Nothing happens while the host is off. */
  startAgent(): void;
  /** Takes it off power, until everyone who did so has given it back. */
  powerOff(): void;
  powerOn(): void;
}

export interface SimulatedCloud {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly network: Network;
  readonly nodes: Node[];
  readonly hosts: Host[];
  readonly db: Database;
  readonly template: Template;
  /** How messages travel now. */
  weather: (subject: string) => number[];
  /** Violations that were met on the way: bugs, 500s. */
  readonly met: Violation[];
  note(line: string): void;
  /** A hash over all that has happened. */
  hash(): string;
  /** Sends a request to a node that is up; null when no answer came. */
  ask(user: SimulatedUser, asked: Asked): Promise<Answer | null>;
  /** Goes on until `done` or so much time has passed. @returns whether it was done */
  run(done: () => boolean, limitMs: number): Promise<boolean>;
  /** Ends all faults and waits until nothing is in motion. @returns what is wrong then */
  rest(options?: { briefly?: boolean }): Promise<Violation[]>;
  /** Nothing runs, nothing is due, and every host has done what it is to do. */
  quiet(): Promise<boolean>;
  close(): Promise<void>;
}

/** The longest that anything may take once all faults are over. */
const restLimitMs = 45 * 60_000;

export async function simulatedCloud(options: SimulatedCloudOptions): Promise<SimulatedCloud> {
  const { template, mutation = {} } = options;
  const time = virtualTime(beginning);
  const dice = createDice(options.seed);
  const ids = dice.fork('ids');
  const moments = dice.fork('moments');
  const log = options.log ?? createLogger('simulation', 'silent');
  const trace = createHash('sha256');
  const met: Violation[] = [];
  let reality: Database = openSqlite({ file: ':memory:', clock: time, random: ids, content: template.content });
  if (mutation.database) reality = mutation.database(reality);
  // The trace of a seed is the same wherever the process keeps its files, also where that is part of a fingerprint.
  const note = (line: string): void => {
    const anywhere = line.replaceAll(imageDirectory, '/images').replaceAll(/"hash":"[\w-]+"/g, '"hash"');
    trace.update(`${time.monotonic()} ${anywhere}\n`);
  };
  const network = createNetwork({ clock: time, copies: subject => self.weather(subject), saw: note });
  const users = new Map([template.admin, ...template.members].map(user => [user.token, user]));
  // Those whom a simulation begins with are never logged out; who a token belongs to that they got later is asked.
  const withUsers = (rest: Authenticator): Authenticator => ({
    ...rest,
    authenticate(token, serviceToken) {
      const user = users.get(token);
      return user ? { ...user.caller, expiresAt: Number.MAX_SAFE_INTEGER } : rest.authenticate(token, serviceToken);
    },
  });
  const imageDirectory = mkdtempSync(join(template.directory, 'images-'));
  await reality.write(tx =>
    tx
      .withTables<{ imageStores: { directory: string } }>()
      .updateTable('imageStores')
      .set({ directory: imageDirectory })
      .execute(),
  );

  function makeNode(name: string): Node {
    const node: Node = {
      name,
      cloud: null,
      scope: createScope(),
      skewMs: 0,
      fate: null,
      diesNow: false,
      death: Promise.resolve(),
      kill() {},
      start() {
        const scope = createScope();
        const clock = scopedClock(time, scope, () => node.skewMs);
        const slots = new Map<symbol, unknown>();
        const end = network.join(name, clock, log);
        const { promise, resolve } = Promise.withResolvers<void>();
        node.scope = scope;
        node.death = promise;
        node.kill = () => {
          if (!scope.alive) return;
          note(`kill ${name}`);
          log.info({ at: time.now(), name }, 'node killed');
          scope.kill();
          end.leave();
          node.cloud = null;
          resolve();
        };
        const { kill } = node;
        const db = scopedDatabase({
          db: reality,
          scope,
          clock,
          slots,
          fate: kind => node.fate?.(kind) ?? {},
          die: kill,
          diesNow() {
            const dies = node.diesNow;
            node.diesNow = false;
            return dies;
          },
          committed: () => note(`${name} wrote`),
        });
        assemble({ db, slots, clock, bus: mutation.controlBus?.(end.bus) ?? end.bus }).then(
          cloud => {
            if (!scope.alive) return;
            node.cloud = cloud;
            cloud.start();
          },
          (error: unknown) => {
            log.warn({ error, name }, 'a node did not start');
            kill();
          },
        );
      },
    };
    node.scope.kill();
    return node;
  }

  async function assemble(parts: {
    db: Database;
    slots: Map<symbol, unknown>;
    clock: Clock;
    bus: Bus;
  }): Promise<Cloud> {
    const { config, directory } = template;
    const common = { ...parts, random: ids, log, publicUrl };
    const passwords = simulatedPasswords(ids);
    const made = await createServices({ ...common, config, directory, passwords, simulated: true });
    const real = made.services.map(service => inMomentsOfTheirOwn(service, moments));
    const services = mutation.services?.(real) ?? real;
    return assembleCloud({ ...common, services, authenticator: withUsers(made.authenticator) });
  }

  const neighbours = neighbourhood();

  function makeHost(name: string): Host {
    const machine = simulatedHost({ random: dice.fork(name), name, neighbourhood: neighbours });
    const kept = memoryPlanFile();
    let stop = (): void => {};
    let running: Scope | null = null;
    let holds = 0;
    const planFile: PlanFile = {
      load: kept.load,
      save(plan) {
        if (host.diskFull) throw new Error('no space left on device');
        kept.save(structuredClone(plan));
      },
    };
    const tunnelAddress = `192.0.2.${self.hosts.length + 1}`;
    const host: Host = {
      name,
      tunnelAddress,
      machine,
      agent: null,
      diskFull: false,
      get up() {
        return running?.alive ?? false;
      },
      stopAgent: () => stop(),
      powerOff() {
        holds++;
        stop();
        machine.reboot();
      },
      powerOn() {
        holds--;
        if (!host.up) host.startAgent();
      },
      startAgent() {
        if (holds > 0) return;
        const scope = createScope();
        running = scope;
        const clock = scopedClock(time, scope, () => 0);
        const end = network.join(name, clock, log);
        const drivers = simulatedDrivers({ machine, tunnelAddress, clock, random: ids, log });
        const agent = createAgent({
          host: name,
          address: null,
          ...(mutation.drivers?.(drivers, machine) ?? drivers),
          bus: mutation.agentBus?.(end.bus) ?? end.bus,
          clock,
          random: ids,
          log,
          planFile,
          consoleDirectory: null,
        });
        stop = () => {
          if (!scope.alive) return;
          note(`stop agent ${name}`);
          log.info({ at: time.now(), name }, 'agent killed');
          scope.kill();
          machine.dropAgent();
          end.leave();
          host.agent = null;
        };
        const ended = stop;
        scope.guard(agent.start()).then(
          () => void (host.agent = agent),
          () => ended(),
        );
      },
    };
    return host;
  }

  /** Waits until nothing goes on any more without time going on: promises, and work on files, which takes several turns. */
  async function settle(): Promise<void> {
    for (let calm = 1; calm > 0; calm--) {
      await new Promise(resolve => setImmediate(resolve));
      if (process.getActiveResourcesInfo().some(resource => /^(FSReq|CloseReq)/.test(resource))) calm = 2;
    }
  }

  async function run(done: () => boolean, limitMs: number): Promise<boolean> {
    const end = time.monotonic() + limitMs;
    await settle();
    while (!done()) {
      if (!time.step(end)) return done();
      await settle();
    }
    return true;
  }

  async function isQuiet(): Promise<boolean> {
    if (!self.nodes.every(node => node.cloud?.engine.quiet())) return false;
    if (!self.hosts.every(host => host.agent?.quiet())) return false;
    return reality.read(async tx => {
      const hosts = await tx
        .withTables<{ hosts: { up: number; wantedRevision: number; reportedRevision: number } }>()
        .selectFrom('hosts')
        .selectAll()
        .execute();
      if (hosts.length < self.hosts.length || hosts.some(row => !row.up || row.reportedRevision < row.wantedRevision))
        return false;
      const open = await operations(tx)
        .selectFrom('operations')
        .select('id')
        .where('phase', 'in', ['forward', 'undo'])
        .executeTakeFirst();
      return !open;
    });
  }

  async function untilQuiet(): Promise<boolean> {
    const limit = time.monotonic() + restLimitMs;
    while (time.monotonic() < limit) {
      for (const node of self.nodes) if (!node.scope.alive) node.start();
      for (const host of self.hosts) if (!host.up) host.startAgent();
      // Not in step with anything that is done every few seconds.
      await run(() => false, 4_310);
      if (await isQuiet()) return true;
    }
    return false;
  }

  const self: SimulatedCloud = {
    time,
    dice,
    network,
    nodes: [],
    hosts: [],
    db: reality,
    template,
    weather: () => [1],
    met,
    note,
    hash: () => trace.copy().digest('hex'),
    async ask(user, asked) {
      const able = self.nodes.filter(node => node.cloud && node.scope.alive);
      if (able.length === 0) return null;
      const node = dice.pick(able);
      const headers = { 'x-auth-token': user.token, ...asked.headers };
      const answer = await Promise.race([
        inject(node.cloud!.server, { ...asked, headers }),
        node.death.then(() => null),
      ]);
      log.info(
        { at: time.now(), node: node.name, ...asked, body: asked.body?.toString(), status: answer?.status },
        'asked',
      );
      note(`${asked.method} ${asked.path} ${answer?.status} ${answer?.bytes.toString()}`);
      return answer;
    },
    run,
    quiet: isQuiet,
    async rest({ briefly = false } = {}) {
      note('rest');
      self.weather = () => [1];
      network.heal();
      for (const node of self.nodes) {
        node.fate = null;
        node.skewMs = 0;
      }
      for (const host of self.hosts) {
        host.machine.faults.clear();
        host.diskFull = false;
        // One that hangs while it comes up is ended by whoever supervises it.
        if (!host.agent) host.stopAgent();
      }
      const quiet = await untilQuiet();
      // Long enough for every agent to look at its whole host once more.
      if (!briefly) await run(() => false, 130_000);
      const calm = quiet && (briefly || (await untilQuiet()));
      const found = await auditRest(self);
      return calm || found.length ? found : [...found, await restless(self)];
    },
    async close() {
      for (const host of self.hosts) host.stopAgent();
      for (const node of self.nodes) node.kill();
      await settle();
      await reality.close();
      rmSync(imageDirectory, { recursive: true, force: true });
    },
  };
  for (let at = 0; at < options.nodes; at++) self.nodes.push(makeNode(`node-${at + 1}`));
  for (let at = 0; at < options.hosts; at++) self.hosts.push(makeHost(`host-${at + 1}`));
  await untilQuiet();
  return self;
}

/**
 * Work on image files begins at moments that it shares with nothing: what several threads do at once ends in an order that no
 * seed decides.
 */
function inMomentsOfTheirOwn(service: Service, dice: Dice): Service {
  if (service.name !== 'image') return service;
  return {
    ...service,
    operations: service.operations?.map(kind => ({
      ...kind,
      steps: kind.steps.map(step =>
        step.type !== 'call'
          ? step
          : {
              ...step,
              async do(outside: Outside, state: unknown) {
                await new Promise<void>(resolve => void outside.clock.after(1 + 9 * dice.next(), resolve));
                return step.do(outside, state);
              },
            },
      ),
    })),
  };
}

/** The audit, and what only a simulation can see: whether guests do what their servers say. */
async function auditRest({ db, hosts }: SimulatedCloud): Promise<Violation[]> {
  const inventories = new Map(
    hosts.map(({ name, machine }) => [
      name,
      [...machine.guests.keys(), ...machine.images.keys(), ...machine.disks.keys(), ...machine.network.keys()],
    ]),
  );
  const found = await db.read(tx => auditCloud(tx, inventories, { atRest: true }));
  const servers = await db.read(tx =>
    tx
      .withTables<{ computeServers: { id: string; host: string | null; vmState: string } }>()
      .selectFrom('computeServers')
      .select(['id', 'host', 'vmState'])
      .execute(),
  );
  const powers: Record<string, string[]> = {
    active: ['running'],
    stopped: ['stopped', 'crashed'],
    paused: ['paused'],
  };
  for (const { id, host, vmState } of servers) {
    const guest = hosts.find(one => one.name === host)?.machine.guests.get(`server/${id}`);
    if (!guest || !powers[vmState] || powers[vmState].includes(guest.power)) continue;
    const sentence = `Server ${id} is ${vmState}, but its guest is ${guest.power}.`;
    found.push({ invariant: 'host objects', resource: `server/${id}`, sentence: { en: sentence, ko: sentence } });
  }
  for (const { name, machine } of hosts)
    for (const guest of machine.doubles) {
      const sentence = t.ranTwice;
      const facts = { guest, host: name };
      found.push({
        invariant: 'host objects',
        resource: guest,
        sentence: { en: sentence.say('en', facts), ko: sentence.say('ko', facts) },
      });
    }
  for (const { name, machine } of hosts)
    for (const disk of machine.contested) {
      const sentence = t.writtenTwice;
      const facts = { disk, host: name };
      found.push({
        invariant: 'host objects',
        resource: disk,
        sentence: { en: sentence.say('en', facts), ko: sentence.say('ko', facts) },
      });
    }
  for (const sentence of wrongPeers(hosts))
    found.push({ invariant: 'host objects', resource: 'networks', sentence: { en: sentence, ko: sentence } });
  return found;
}

async function restless({ db, nodes, hosts }: SimulatedCloud): Promise<Violation> {
  const open = await db.read(tx =>
    operations(tx).selectFrom('operations').selectAll().where('phase', 'in', ['forward', 'undo']).execute(),
  );
  const parts = [
    ...open.map(row => `${row.kind} of ${row.resourceId}: ${row.phase} ${row.step}, ${row.problem ?? row.waitKeys}`),
    ...hosts
      .filter(host => !host.agent?.quiet())
      .map(host => `${host.name}: ${host.agent?.unrest().join(', ') ?? 'no agent'}`),
    ...nodes.filter(node => !node.cloud?.engine.quiet()).map(node => `${node.name} is at work`),
  ];
  const sentence = `It does not come to rest: ${parts.join('; ')}`;
  return { invariant: 'operation', resource: 'cloud', sentence: { en: sentence, ko: sentence } };
}
