// The wiring: every service and driver, in one program.

import { createEvents, eventMigrations, forgetEvents } from '#/platform/events/events.ts';
import { createHostControl, hostState } from '#/host/control.ts';
import { hostMigrations } from '#/host/hosts.store.ts';
import type { Authenticator } from '#/platform/access/caller.ts';
import { createPolicy, type Policy, type PolicyDefault } from '#/platform/access/policy.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { migrate } from '#/platform/database/migrations.ts';
import { timestamp } from '#/platform/database/tx.ts';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import { createHttpServer, type HttpServer, type ServerOptions } from '#/platform/http/server.ts';
import type { Service } from '#/platform/http/service.ts';
import type { Logger } from '#/platform/log/log.ts';
import { createEngine, type Engine } from '#/platform/operations/engine.ts';
import { forgetEnded, operationMigrations } from '#/platform/operations/operation.store.ts';

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
  concurrency?: number;
  checkReplies?: boolean;
  upgrade?: ServerOptions['upgrade'];
  page?: ServerOptions['page'];
}

export interface Cloud {
  server: HttpServer;
  engine: Engine;
  policy: Policy;
  start(): void;
  close(): Promise<void>;
}

/** Puts a control plane together over an open database and bus, and brings its tables up to date. */
export async function assembleCloud(parts: CloudParts): Promise<Cloud> {
  const { db, slots, bus, clock, random, log, services } = parts;
  const events = createEvents(slots);
  for (const service of services) service.listen?.(events);
  await migrate(db, [
    ...eventMigrations,
    ...operationMigrations,
    ...hostMigrations,
    ...services.flatMap(service => service.migrations ?? []),
  ]);
  const policy = createPolicy({ defaults: policyDefaults(services) });
  const control = createHostControl({ db, slots, bus, clock, log, services });
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
  });
  const server = createHttpServer({ ...parts, policy });
  const chores = startChores(parts);
  return {
    server,
    engine,
    policy,
    start() {
      control.start();
      engine.start();
      chores.start();
    },
    async close() {
      chores.stop();
      control.stop();
      await server.close();
      await engine.stop();
      await bus.close();
      await db.close();
    },
  };
}

/** Every rule's default, read off the endpoints and the services' own lists. @throws Error when a rule has none */
export function policyDefaults(services: Service[]): Map<string, PolicyDefault> {
  const defaults = new Map<string, PolicyDefault>();
  const add = (name: string, check: string | undefined, endpoint?: Endpoint): void => {
    if (check === undefined || defaults.has(name)) return;
    const description = endpoint
      ? `${endpoint.method} ${endpoint.path}${endpoint.action ? ` (${endpoint.action})` : ''}`
      : '';
    defaults.set(name, { check, description });
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

/** Periodic work of the platform and the services, each at its own pace. */
function startChores({ db, clock, log, services }: CloudParts): { start(): void; stop(): void } {
  let stopped = false;
  const chores = services.flatMap(service => service.chores ?? []);
  chores.push({
    name: 'forget',
    everyMs: 3_600_000,
    async run(tx) {
      await forgetEvents(tx, timestamp(clock.now() - 7 * dayMs));
      await forgetEnded(tx, timestamp(clock.now() - 7 * dayMs));
    },
  });
  const again = (chore: (typeof chores)[number]): void => {
    clock.after(chore.everyMs, () => {
      if (stopped) return;
      db.write(tx => chore.run(tx))
        .catch((error: unknown) => log.error({ chore: chore.name, error }, 'chore'))
        .finally(() => again(chore));
    });
  };
  return { start: () => chores.forEach(again), stop: () => void (stopped = true) };
}
