// The control plane's side of the hosts: greets agents, hands out plans, hears reports.

import type { HypervisorCapabilities } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { NetworkCapabilities } from '#/drivers/network/network-driver.ts';
import type { VolumeCapacity } from '#/drivers/volume/volume-driver.ts';
import {
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
import { type HostEvent, recordReport } from '#/host/entries.ts';
import { attachWake, replan } from '#/host/hosts.ts';
import { table } from '#/host/hosts.store.ts';
import { compilePlan, idOf, type Plan } from '#/host/plan.ts';
import { changedKeys } from '#/host/plan-changes.ts';
import { createSilence } from '#/host/silence.ts';
import { createTurns } from '#/host/turns.ts';
import type { Bus, Json } from '#/platform/bus/bus.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { any, as, open, optional, parse, string } from '#/platform/http/schema.ts';
import type { Service } from '#/platform/http/service.ts';
import type { Logger } from '#/platform/log/log.ts';
import { requestsFor, requestsUnderWay } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { texts } from '#/platform/text/text.ts';
import { platformTexts } from '#/platform/text/texts.ts';

/** What a later version says besides is passed over. */
export const helloMessage = open({
  host: string({ min: 1, max: 255 }),
  session: string(),
  roles: as<string[]>(any()),
  address: optional(as<string | null>(any())),
  capabilities: as<HypervisorCapabilities | null>(any()),
  volumeCapacity: as<VolumeCapacity | null>(any()),
  networkCapabilities: optional(as<NetworkCapabilities>(any())),
  /** Of the agent's program. */
  version: optional(string({ max: 64 })),
});

export interface HostControlOptions {
  db: Database;
  slots: Map<symbol, unknown>;
  bus: Bus;
  clock: Clock;
  log: Logger;
  services: Service[];
  /** Whether a host of that name belongs to the cloud; all do where that is not known. */
  admits?: ((tx: Tx, host: string) => Promise<boolean>) | undefined;
}

export interface HostControl {
  start(): void;
  stop(): void;
}

const t = texts('host.control', {
  notMember: {
    en: 'The host {host} does not belong to this cloud (any more).',
    ko: '{host} 호스트는 이 클라우드에 속하지 않습니다(또는 더 이상 속하지 않습니다).',
  },
  notItself: {
    en: 'What came on {subject} names another host than the one whose subject it is.',
    ko: '{subject}(으)로 온 메시지가 그 주제의 호스트가 아닌 다른 호스트를 가리킵니다.',
  },
});

/** Less than agents wait for an answer. */
const patienceMs = 8_000;

export function createHostControl({ db, slots, bus, clock, log, services, admits }: HostControlOptions): HostControl {
  const ends: (() => void)[] = [];
  const asking = createTurns(clock, { atOnce: 16, patienceMs });
  // Their writes share a sync to the disk.
  const telling = createTurns(clock, { atOnce: 64, patienceMs });
  const silence = createSilence({ db, bus, clock, log, tell });
  attachWake(slots, host => bus.publish(planChangedSubject(host), null));

  async function tell(tx: Tx, host: string, event: HostEvent): Promise<void> {
    for (const service of services) await service.onHostEvent?.(tx, host, event);
  }

  async function hello(message: Json): Promise<Json> {
    const said = parse(helloMessage, message, platformTexts.invalidBody);
    silence.heard(said.host);
    return db.write(async tx => {
      if (admits && !(await admits(tx, said.host))) throw new Problem('forbidden', t.notMember, { host: said.host });
      const known = await table(tx).selectFrom('hosts').selectAll().where('name', '=', said.host).executeTakeFirst();
      // A greeting that came twice: what was reported since still counts.
      if (known?.session === said.session && known.up === 1) return {};
      const abilities = {
        roles: JSON.stringify(said.roles),
        address: said.address ?? null,
        capabilities: said.capabilities && JSON.stringify(said.capabilities),
        volumeCapacity: said.volumeCapacity && JSON.stringify(said.volumeCapacity),
        networkCapabilities: said.networkCapabilities ? JSON.stringify(said.networkCapabilities) : null,
      };
      const facts = {
        ...abilities,
        version: said.version ?? null,
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
      // An agent that was only restarted changes nothing for anyone.
      const names = Object.keys(abilities) as (keyof typeof abilities)[];
      if (known?.up !== 1 || names.some(name => known[name] !== abilities[name]))
        await tell(tx, said.host, { type: 'host.up', first: !known });
      return {};
    });
  }

  async function plan(message: Json): Promise<Json> {
    // `partly`: the agent can put a plan together; one of a version before cannot.
    const { host, revision, partly } = message as { host: string; revision: number; partly?: boolean };
    const compiled = await db.read(async (tx): Promise<Plan | null> => {
      const row = await table(tx)
        .selectFrom('hosts')
        .select('wantedRevision')
        .where('name', '=', host)
        .executeTakeFirst();
      if (!row || row.wantedRevision === revision) return null;
      const keys = partly ? await changedKeys(tx, host, revision, row.wantedRevision) : null;
      return {
        ...(await compilePlan(tx, services, host, row.wantedRevision, keys && { since: revision, keys })),
        requests: await (keys ? requestsFor(tx, keys.map(idOf)) : requestsUnderWay(tx, host)),
      };
    });
    return compiled as unknown as Json;
  }

  async function report(message: Json): Promise<Json> {
    const said = parse(reportMessage, message, platformTexts.invalidBody);
    silence.heard(said.host);
    const current = await db.write(tx => recordReport(tx, said, event => tell(tx, said.host, event)));
    return current ? {} : { stale: true };
  }

  async function hostEvent(message: Json): Promise<Json> {
    const { host, event } = message as { host: string; event: HostEvent };
    await db.write(tx => tell(tx, host, event));
    return {};
  }

  return {
    start() {
      ends.push(
        bus.serve(
          fromAnyHost(helloSubject),
          fromItself(message => asking(() => hello(message))),
        ),
        bus.serve(
          fromAnyHost(planSubject),
          fromItself(message => asking(() => plan(message))),
        ),
        bus.serve(
          fromAnyHost(reportSubject),
          fromItself(message => telling(() => report(message))),
        ),
        bus.serve(
          fromAnyHost(eventSubject),
          fromItself(message => telling(() => hostEvent(message))),
        ),
      );
      ends.push(
        bus.subscribe(fromAnyHost(heartbeatSubject), (message, subject) => {
          const { host } = message as { host: string };
          if (subject === fromHost(heartbeatSubject, host)) silence.heard(host);
        }),
      );
      silence.start();
    },
    stop() {
      silence.stop();
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
