// The control plane's side of the hosts: greets agents, hands out plans, records reports, notices who is silent.

import type { HypervisorCapabilities } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { VolumeCapacity } from '#/drivers/volume/volume-driver.ts';
import {
  type EntryChange,
  eventSubject,
  fromAnyHost,
  fromHost,
  heartbeatSubject,
  helloSubject,
  planChangedSubject,
  planSubject,
  reportMessage,
  reportSubject,
  subjectToken,
} from '#/host/commands.ts';
import { attachWake, replan } from '#/host/hosts.ts';
import { table } from '#/host/hosts.store.ts';
import { compilePlan, type Plan } from '#/host/plan.ts';
import type { Bus, Json } from '#/platform/bus/bus.ts';
import type { Clock, Timer } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { newId, now, nowMs, timestamp, type Tx } from '#/platform/database/tx.ts';
import { any, as, object, optional, parse, string } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { EntryState, HostState } from '#/platform/operations/engine.ts';
import { requestsUnderWay, wakeWaiting } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { reviveProblem } from '#/platform/problem/stored-problem.ts';
import { texts } from '#/platform/text/text.ts';
import { platformTexts } from '#/platform/text/texts.ts';

export const helloMessage = object({
  host: string({ min: 1, max: 255 }),
  session: string(),
  roles: as<string[]>(any()),
  address: optional(as<string | null>(any())),
  capabilities: as<HypervisorCapabilities | null>(any()),
  volumeCapacity: as<VolumeCapacity | null>(any()),
});

export interface HostControlOptions {
  db: Database;
  slots: Map<symbol, unknown>;
  bus: Bus;
  clock: Clock;
  log: Logger;
  services: Service[];
}

export interface HostControl {
  start(): void;
  stop(): void;
}

const t = texts('host.control', {
  notItself: {
    en: 'What came on {subject} names another host than the one whose subject it is.',
    ko: '{subject}(으)로 온 메시지가 그 주제의 호스트가 아닌 다른 호스트를 가리킵니다.',
  },
});

/** An agent that has said nothing for so long is taken as down. */
const silentMs = 10_000;

export function createHostControl({ db, slots, bus, clock, log, services }: HostControlOptions): HostControl {
  const heard = new Map<string, number>();
  const ends: (() => void)[] = [];
  let timer: Timer | undefined;
  let stopped = false;
  attachWake(slots, host => bus.publish(planChangedSubject(host), null));

  async function tell(tx: Tx, host: string, event: { type: string } & Record<string, unknown>): Promise<void> {
    for (const service of services) await service.onHostEvent?.(tx, host, event);
  }

  async function hello(message: Json): Promise<Json> {
    const said = parse(helloMessage, message, platformTexts.invalidBody);
    heard.set(said.host, clock.monotonic());
    return db.write(async tx => {
      const known = await table(tx)
        .selectFrom('hosts')
        .select(['name', 'up', 'session'])
        .where('name', '=', said.host)
        .executeTakeFirst();
      // A greeting that came twice: what was reported since still counts.
      if (known?.session === said.session && known.up === 1) return {};
      const facts = {
        roles: JSON.stringify(said.roles),
        address: said.address ?? null,
        capabilities: said.capabilities && JSON.stringify(said.capabilities),
        volumeCapacity: said.volumeCapacity && JSON.stringify(said.volumeCapacity),
        session: said.session,
        up: 1,
        lastSeenAt: now(tx),
        startedAt: now(tx),
        reportedRevision: 0,
        reportedSequence: 0,
      };
      if (known) await table(tx).updateTable('hosts').set(facts).where('name', '=', said.host).execute();
      else
        await table(tx)
          .insertInto('hosts')
          .values({
            ...facts,
            name: said.host,
            providerId: newId(tx),
            enabled: 1,
            disabledReason: null,
            forcedDown: 0,
            wantedRevision: 1,
            createdAt: now(tx),
          })
          .execute();
      await replan(tx, said.host);
      await tell(tx, said.host, { type: 'host.up', first: !known });
      return {};
    });
  }

  async function plan(message: Json): Promise<Json> {
    const { host, revision } = message as { host: string; revision: number };
    const compiled = await db.read(async (tx): Promise<Plan | null> => {
      const row = await table(tx)
        .selectFrom('hosts')
        .select('wantedRevision')
        .where('name', '=', host)
        .executeTakeFirst();
      if (!row || row.wantedRevision === revision) return null;
      return {
        ...(await compilePlan(tx, services, host, row.wantedRevision)),
        requests: await requestsUnderWay(tx, host),
      };
    });
    return compiled as unknown as Json;
  }

  async function report(message: Json): Promise<Json> {
    const said = parse(reportMessage, message, platformTexts.invalidBody);
    heard.set(said.host, clock.monotonic());
    return db.write(async tx => {
      const host = await table(tx)
        .selectFrom('hosts')
        .select(['session', 'reportedRevision', 'reportedSequence'])
        .where('name', '=', said.host)
        .executeTakeFirst();
      if (!host || host.session !== said.session) return { stale: true };
      if (said.sequence <= host.reportedSequence) return {};
      await table(tx)
        .updateTable('hosts')
        .set({ reportedSequence: said.sequence })
        .where('name', '=', said.host)
        .execute();
      const touched: string[] = [];
      if (said.planned) await forgetOthers(tx, said.host, new Set([...said.planned, ...(said.removing ?? [])]));
      if (said.pending)
        touched.push(...(await recordPlan(tx, said.host, said.revision, said.pending, said.removing ?? [])));
      for (const change of said.changes) await recordChange(tx, said.host, said.revision, change);
      if (said.removed.length)
        await table(tx)
          .deleteFrom('hostEntries')
          .where('host', '=', said.host)
          .where('key', 'in', said.removed)
          .execute();
      if (said.revision > host.reportedRevision)
        await table(tx)
          .updateTable('hosts')
          .set({ reportedRevision: said.revision })
          .where('name', '=', said.host)
          .execute();
      touched.push(...said.changes.map(change => change.key), ...said.removed);
      for (const { key, state, facts, problem } of said.changes)
        await tell(
          tx,
          said.host,
          state === 'applied'
            ? { type: 'entry.applied', key, facts }
            : { type: 'entry.failed', key, problem: reviveProblem(problem!) },
        );
      for (const key of said.removed) await tell(tx, said.host, { type: 'entry.removed', key });
      await wakeWaiting(tx, said.host, said.pending ? null : touched);
      return {};
    });
  }

  /** The agent has seen a new plan: these entries are not yet so, all others of the plan are. */
  async function recordPlan(
    tx: Tx,
    host: string,
    revision: number,
    pending: string[],
    removing: string[],
  ): Promise<string[]> {
    const rows = await table(tx).selectFrom('hostEntries').select(['key', 'state']).where('host', '=', host).execute();
    const before = new Map(rows.map(row => [row.key, row.state]));
    const wanted = new Map<string, 'pending' | 'removing'>([
      ...removing.map(key => [key, 'removing'] as const),
      ...pending.map(key => [key, 'pending'] as const),
    ]);
    for (const [key, state] of wanted) {
      if (before.get(key) === state) continue;
      await table(tx)
        .insertInto('hostEntries')
        .values({ host, key, state, revision, facts: null, problem: null })
        .onConflict(conflict => conflict.columns(['host', 'key']).doUpdateSet({ state, revision }))
        .execute();
    }
    return [...wanted.keys()];
  }

  async function forgetOthers(tx: Tx, host: string, known: Set<string>): Promise<void> {
    const rows = await table(tx).selectFrom('hostEntries').select('key').where('host', '=', host).execute();
    for (const { key } of rows)
      if (!known.has(key))
        await table(tx).deleteFrom('hostEntries').where('host', '=', host).where('key', '=', key).execute();
  }

  async function recordChange(
    tx: Tx,
    host: string,
    revision: number,
    { key, state, facts, problem }: EntryChange,
  ): Promise<void> {
    const row = { state, revision, facts: facts ? JSON.stringify(facts) : null, problem: problem ?? null };
    await table(tx)
      .insertInto('hostEntries')
      .values({ host, key, ...row })
      .onConflict(conflict => conflict.columns(['host', 'key']).doUpdateSet(row))
      .execute();
  }

  async function hostEvent(message: Json): Promise<Json> {
    const { host, event } = message as { host: string; event: { type: string } & Record<string, unknown> };
    await db.write(tx => tell(tx, host, event));
    return {};
  }

  async function watch(): Promise<void> {
    try {
      // Whoever hears nobody is itself the one that is away: others may hear them.
      if (bus.inReach?.() === false) return heard.clear();
      const at = clock.monotonic();
      const rows = await db.read(tx => table(tx).selectFrom('hosts').select(['name', 'up']).execute());
      for (const { name, up } of rows) {
        // Of a control plane that has just started, nobody has been heard: what was down stays down until it speaks.
        if (!heard.has(name)) heard.set(name, up === 1 ? at : at - silentMs);
        const silentFor = at - heard.get(name)!;
        const alive = silentFor < silentMs;
        if (alive === (up === 1)) continue;
        await db.write(async tx => {
          await table(tx)
            .updateTable('hosts')
            .set({ up: alive ? 1 : 0, lastSeenAt: timestamp(nowMs(tx) - silentFor) })
            .where('name', '=', name)
            .execute();
          await tell(tx, name, { type: alive ? 'host.up' : 'host.down' });
        });
        log.warn({ host: name, alive }, 'host changed');
      }
    } catch (error) {
      log.error({ error }, 'watching hosts');
    } finally {
      if (!stopped) timer = clock.after(2_000, () => void watch());
    }
  }

  return {
    start() {
      ends.push(
        bus.serve(fromAnyHost(helloSubject), fromItself(hello)),
        bus.serve(fromAnyHost(planSubject), fromItself(plan)),
        bus.serve(fromAnyHost(reportSubject), fromItself(report)),
        bus.serve(fromAnyHost(eventSubject), fromItself(hostEvent)),
      );
      ends.push(
        bus.subscribe(fromAnyHost(heartbeatSubject), (message, subject) => {
          const { host } = message as { host: string };
          if (subject === fromHost(heartbeatSubject, host)) heard.set(host, clock.monotonic());
        }),
      );
      timer = clock.after(2_000, () => void watch());
    },
    stop() {
      stopped = true;
      timer?.cancel();
      for (const end of ends) end();
    },
  };
}

/** A host speaks for itself: the name in its message is that of the subject. */
function fromItself(handle: (message: Json) => Promise<Json>): (message: Json, subject: string) => Promise<Json> {
  return async (message, subject) => {
    const host = (message as { host?: unknown } | null)?.host;
    if (typeof host !== 'string' || !subject.endsWith(`.${subjectToken(host)}`))
      throw new Problem('forbidden', t.notItself, { subject });
    return handle(message);
  };
}

/** What operations ask of plans and reports. */
export const hostState: HostState = {
  replan,
  async entry(tx, host, key, revision): Promise<EntryState> {
    const row = await table(tx)
      .selectFrom('hostEntries')
      .selectAll()
      .where('host', '=', host)
      .where('key', '=', key)
      .executeTakeFirst();
    const reported = await reportedRevision(tx, host);
    if (reported < revision) return { state: 'pending' };
    if (!row || row.state === 'removing') return { state: 'unplanned' };
    if (row.state === 'applied')
      return { state: 'applied', facts: row.facts ? (JSON.parse(row.facts) as Record<string, unknown>) : {} };
    if (row.state === 'failed' && row.problem) return { state: 'failed', problem: reviveProblem(row.problem) };
    return { state: 'pending' };
  },
  async gone(tx, host, key, revision) {
    if ((await reportedRevision(tx, host)) < revision) return false;
    const row = await table(tx)
      .selectFrom('hostEntries')
      .select('key')
      .where('host', '=', host)
      .where('key', '=', key)
      .executeTakeFirst();
    return !row;
  },
};

async function reportedRevision(tx: Tx, host: string): Promise<number> {
  const row = await table(tx)
    .selectFrom('hosts')
    .select('reportedRevision')
    .where('name', '=', host)
    .executeTakeFirst();
  return row?.reportedRevision ?? -1;
}
