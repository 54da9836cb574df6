// The agent: makes its host be as the plan says, keeps it so, and says how far it is.
// It acts on state alone: the newest plan, and what the drivers find. Any message may be lost, repeated or late.

import type { Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { HostGroup, HostNetwork, HostPort } from '#/drivers/network/network-driver.ts';
import { answerCommands } from '#/host/agent-commands.ts';
import {
  type EntryChange,
  eventSubject,
  fromHost,
  heartbeatSubject,
  helloSubject,
  planChangedSubject,
  planSubject,
  reportSubject,
  retrySubject,
} from '#/host/commands.ts';
import { closeDrivers, ensureEntry, type HostDrivers, listEntries, removeEntry } from '#/host/host-drivers.ts';
import { answerMetadata } from '#/host/metadata/answer.ts';
import { dependencies, type HostEntry, idOf, kindOf, type Plan, type PlannedEntry, removalRank } from '#/host/plan.ts';
import type { PlanFile } from '#/host/plan-file.ts';
import type { Bus, Json } from '#/platform/bus/bus.ts';
import { type Clock, newUuid, type Random, type Timer } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { storeProblem } from '#/platform/problem/stored-problem.ts';
import { texts } from '#/platform/text/text.ts';

export interface AgentOptions extends HostDrivers {
  host: string;
  /** Where other hosts reach this one; null on one machine. */
  address: string | null;
  bus: Bus;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Remembers the last plan across restarts. */
  planFile: PlanFile;
  /** Where console sockets are offered; null where there are none. */
  consoleDirectory: string | null;
}

export interface Agent {
  start(): Promise<void>;
  /** Lets go; the host stays as it is. */
  stop(): Promise<void>;
  /** True when the host is as planned, or only retries wait, and all has been reported. */
  quiet(): boolean;
  /** What keeps it from being quiet: keys, `filters`, `control plane`. */
  unrest(): string[];
}

interface Known {
  /** The fingerprint that was made so; null for something that was only found. */
  applied: string | null;
  /** The fingerprint that was last told of in the log. */
  told?: string;
  facts?: Record<string, unknown>;
}

const t = texts('host', {
  broken: { en: 'The host failed at {key}: {why}', ko: '호스트가 {key}에서 실패했습니다: {why}' },
  late: {
    en: 'The host did not finish {key} within {minutes} minutes. It is tried again.',
    ko: '호스트가 {key}을(를) {minutes}분 안에 끝내지 못했습니다. 다시 시도합니다.',
  },
});

const heartbeatMs = 3_000;
const lookMs = 5_000;
const verifyMs = 120_000;
const atOnce = 6;
/** After so many minutes a driver's call counts as hung and is made anew. Bytes may be on their way for long. */
const lateMinutes = { image: 30, volume: 30, other: 5 };
/** Failures of one entry before the control plane is told that it failed; trying goes on. */
const triesBeforeFailed = 3;

export function createAgent(options: AgentOptions): Agent {
  const { host, hypervisor, network, volume, bus, clock, log } = options;
  let session = newUuid(options.random);
  /** Counts this session's reports: one that comes late, or again, tells nothing new. */
  let sequence = 0;
  let wanted = new Map<string, PlannedEntry>();
  let revision = -1;
  let requests: Record<string, string> = {};
  let filtersApplied = '';
  let filtering: Promise<void> | null = null;
  let stopped = true;
  let greeted = false;
  let fetching: Promise<void> | null = null;
  let fetchAgain = false;
  /** What is on the host, as far as is known. */
  const present = new Map<string, Known>();
  /** What is being worked on: key → which turn of work it is. A turn that hung is over, whatever it still does. */
  const busy = new Map<string, number>();
  let turns = 0;
  const failures = new Map<string, { count: number; hash: string | null; retry: Timer | null }>();
  const imagePaths: Parameters<typeof ensureEntry>[2] = new Map();
  const timers = new Set<Timer>();
  const ends: (() => void)[] = [];

  // --- what is to do -------------------------------------------------------------------------------------------------

  function isSo(key: string): boolean {
    const want = wanted.get(key);
    return want !== undefined && present.get(key)?.applied === want.hash;
  }

  function waitsToRetry(key: string, hash: string | null): boolean {
    const failure = failures.get(key);
    return failure !== undefined && failure.hash === hash && failure.retry !== null;
  }

  function* toEnsure(): Generator<PlannedEntry> {
    for (const planned of wanted.values()) if (!isSo(planned.entry.key)) yield planned;
  }

  function* toRemove(): Generator<string> {
    for (const key of present.keys()) if (!wanted.has(key)) yield key;
  }

  function pump(): void {
    if (stopped || revision < 0) return;
    startFilters();
    const removals = [...toRemove()];
    const lowest = Math.min(...removals.map(removalRank));
    for (const key of removals) {
      if (busy.size >= atOnce) return;
      if (busy.has(key) || waitsToRetry(key, null) || removalRank(key) > lowest) continue;
      run(key, null, still => take(key, still));
    }
    for (const planned of toEnsure()) {
      if (busy.size >= atOnce) return;
      const { entry, hash } = planned;
      if (busy.has(entry.key) || waitsToRetry(entry.key, hash)) continue;
      if (!dependencies(entry).every(isSo)) continue;
      if (kindOf(entry.key) === 'port' && filtering) continue;
      run(entry.key, hash, still => make(planned, still));
    }
    send();
  }

  function run(key: string, hash: string | null, work: (still: () => boolean) => Promise<void>): void {
    const turn = ++turns;
    const still = (): boolean => busy.get(key) === turn;
    busy.set(key, turn);
    const watch = inTime(key);
    Promise.race([work(still), watch.late]).then(
      () => {
        watch.over();
        busy.delete(key);
        failures.delete(key);
        pump();
      },
      (thrown: unknown) => {
        watch.over();
        busy.delete(key);
        failed(key, hash, thrown);
        pump();
      },
    );
  }

  /** Fails when work on a key takes far too long. */
  function inTime(key: string): { late: Promise<never>; over(): void } {
    const minutes = lateMinutes[kindOf(key) as 'image' | 'volume'] ?? lateMinutes.other;
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = later(minutes * 60_000, () => reject(new Problem('unavailable', t.late, { key, minutes })));
    return {
      late: promise,
      over() {
        timer.cancel();
        timers.delete(timer);
      },
    };
  }

  function failed(key: string, hash: string | null, thrown: unknown): void {
    const before = failures.get(key);
    const count = before?.hash === hash ? before.count + 1 : 1;
    const problem =
      thrown instanceof Problem
        ? thrown
        : new Problem('unavailable', t.broken, { key, why: thrown instanceof Error ? thrown.message : String(thrown) });
    log.warn({ ...about(key), count, error: thrown }, 'not yet as planned');
    const failure: { count: number; hash: string | null; retry: Timer | null } = { count, hash, retry: null };
    failure.retry = later(Math.min(60_000, 500 * 2 ** count), () => {
      failure.retry = null;
      pump();
    });
    failures.set(key, failure);
    const final = count >= triesBeforeFailed || ['invalid', 'conflict', 'unsupported'].includes(problem.kind);
    if (hash !== null && final && wanted.get(key)?.hash === hash)
      changed.set(key, { key, state: 'failed', problem: storeProblem(problem) });
  }

  /** An operator mended something: nobody waits any longer. */
  function retryNow(): void {
    for (const failure of failures.values()) {
      failure.retry?.cancel();
      failure.retry = null;
    }
    pump();
  }

  /** What a log line says of an entry: with the request that it was last asked by, while that is worked on. */
  function about(key: string): { key: string; requestId?: string } {
    const id = idOf(key);
    return Object.hasOwn(requests, id) ? { requestId: requests[id]!, key } : { key };
  }

  async function make({ entry, hash }: PlannedEntry, still: () => boolean): Promise<void> {
    const { told } = present.get(entry.key) ?? {};
    const started = clock.monotonic();
    const facts = await ensure(entry);
    if (!still()) return;
    present.set(entry.key, { applied: hash, facts, told: hash });
    // Once for each change: looking after what is so already is no news.
    if (told !== hash) log.info({ ...about(entry.key), ms: Math.round(clock.monotonic() - started) }, 'as planned');
    if (wanted.get(entry.key)?.hash === hash) changed.set(entry.key, { key: entry.key, state: 'applied', facts });
  }

  async function ensure(entry: HostEntry): Promise<Record<string, unknown>> {
    // From here on something may exist, whatever happens next.
    if (!present.has(entry.key)) present.set(entry.key, { applied: null });
    return ensureEntry(options, entry, imagePaths);
  }

  async function take(key: string, still: () => boolean): Promise<void> {
    await removeEntry(options, key);
    if (!still()) return;
    present.delete(key);
    imagePaths.delete(key);
    log.info(about(key), 'removed');
    if (!wanted.has(key)) {
      changed.delete(key);
      gone.add(key);
    }
  }

  // --- filters: one for the whole host, before any port ----------------------------------------------------------------

  function startFilters(): void {
    if (filtering) return;
    const entries = [...wanted.values()].filter(({ entry }) =>
      ['port', 'security-group', 'network'].includes(kindOf(entry.key)),
    );
    const hash = entries.map(({ hash: each }) => each).join();
    if (hash === filtersApplied || waitsToRetry('filters', hash)) return;
    const all = entries.map(({ entry }) => entry);
    const of = <E>(kind: string): E[] => all.filter(entry => kindOf(entry.key) === kind) as E[];
    const watch = inTime('filters');
    const made = network.ensureFilters({
      networks: of<HostNetwork>('network'),
      ports: of<HostPort>('port'),
      groups: of<HostGroup>('security-group'),
    });
    filtering = Promise.race([made, watch.late])
      .then(
        () => {
          filtersApplied = hash;
          failures.delete('filters');
        },
        (thrown: unknown) => failed('filters', hash, thrown),
      )
      .finally(() => {
        watch.over();
        filtering = null;
        pump();
      });
  }

  // --- the plan ----------------------------------------------------------------------------------------------------------

  function look(): void {
    if (stopped) return;
    if (fetching) {
      fetchAgain = true;
      return;
    }
    fetching = fetchPlan()
      .catch((error: unknown) => log.debug({ error }, 'control plane not in reach'))
      .finally(() => {
        fetching = null;
        if (fetchAgain) {
          fetchAgain = false;
          look();
        }
      });
  }

  async function fetchPlan(): Promise<void> {
    if (!greeted) await greet();
    const plan = (await bus.request(
      fromHost(planSubject, host),
      { host, revision: reportedPlan ? revision : -1 },
      { timeoutMs: 10_000 },
    )) as unknown as Plan | null;
    if (!plan || stopped) return;
    options.planFile.save({ revision: plan.revision, entries: plan.entries });
    adopt(plan);
    reportedPlan = false;
    pump();
  }

  let reportedPlan = false;

  function adopt(plan: Plan): void {
    const before = wanted;
    wanted = new Map(plan.entries.map(planned => [planned.entry.key, planned]));
    revision = plan.revision;
    requests = plan.requests ?? {};
    for (const key of changed.keys()) if (!isSo(key)) changed.delete(key);
    for (const key of gone) if (wanted.has(key)) gone.delete(key);
    // What was never begun is gone as soon as it is no longer wanted: nobody will take it away and say so.
    for (const key of before.keys()) if (!wanted.has(key) && !present.has(key)) gone.add(key);
  }

  async function greet(): Promise<void> {
    const [capabilities, volumeCapacity] = await Promise.all([hypervisor.capabilities(), volume.capacity()]);
    const roles = ['compute', 'network', 'storage'];
    await bus.request(
      fromHost(helloSubject, host),
      { host, session, roles, address: options.address, capabilities, volumeCapacity } as unknown as Json,
      { timeoutMs: 10_000 },
    );
    greeted = true;
    // Everything is told anew to whoever may have forgotten it.
    for (const [key, known] of present) if (isSo(key)) changed.set(key, { key, state: 'applied', facts: known.facts });
  }

  // --- reports -----------------------------------------------------------------------------------------------------------

  const changed = new Map<string, EntryChange>();
  const gone = new Set<string>();
  let sending = false;
  /** Whether this session has said once which entries it plans at all. */
  let introduced = false;

  function send(): void {
    if (sending || stopped || !greeted) return;
    if (reportedPlan && changed.size === 0 && gone.size === 0) return;
    sending = true;
    const told = { revision, first: !reportedPlan, changes: [...changed.values()], removed: [...gone] };
    const message = {
      host,
      session,
      sequence: ++sequence,
      revision,
      ...(told.first ? { pending: [...toEnsure()].map(({ entry }) => entry.key), removing: [...toRemove()] } : {}),
      ...(told.first && !introduced ? { planned: [...wanted.keys()] } : {}),
      changes: told.changes,
      removed: told.removed,
    };
    bus
      .request(fromHost(reportSubject, host), message as unknown as Json, { timeoutMs: 15_000 })
      .then(answer => {
        if ((answer as { stale?: boolean }).stale) {
          // Under a new name, so that nothing that is still on its way is taken for what is said from here on.
          session = newUuid(options.random);
          greeted = false;
          introduced = false;
          reportedPlan = false;
          look();
          return;
        }
        introduced = true;
        if (told.first && told.revision === revision) reportedPlan = true;
        for (const change of told.changes) if (changed.get(change.key) === change) changed.delete(change.key);
        for (const key of told.removed) gone.delete(key);
      })
      .catch((error: unknown) => {
        log.debug({ error }, 'report not delivered');
        return new Promise<void>(resolve => void later(1_000, resolve));
      })
      .finally(() => {
        sending = false;
        send();
      });
  }

  /** Tells of something that happened, until the control plane has heard it. */
  function tell(event: { type: string } & Record<string, unknown>): void {
    bus
      .request(fromHost(eventSubject, host), { host, event } as Json, { timeoutMs: 10_000 })
      .catch(() => later(1_000, () => tell(event)));
  }

  function later(ms: number, call: () => void): Timer {
    const timer = clock.after(ms, () => {
      timers.delete(timer);
      if (!stopped) call();
    });
    timers.add(timer);
    return timer;
  }

  // --- over time ---------------------------------------------------------------------------------------------------------

  function beat(): void {
    bus.publish(fromHost(heartbeatSubject, host), { host });
    later(heartbeatMs, beat);
  }

  function lookAgain(): void {
    look();
    later(lookMs, lookAgain);
  }

  /** Looks whether reality still is what was made: leftovers are found, and every entry is ensured anew. */
  async function verify(): Promise<void> {
    const watch = inTime('inventory');
    try {
      await Promise.race([find(), watch.late]);
      for (const known of present.values()) known.applied = null;
      filtersApplied = '';
      pump();
    } catch (error) {
      log.warn({ error }, 'verification');
    }
    watch.over();
    later(verifyMs, () => void verify());
  }

  /** @returns the keys of all that is on the host */
  async function find(): Promise<Set<string>> {
    const found = await listEntries(options);
    for (const key of found) if (!present.has(key) && !busy.has(key)) present.set(key, { applied: null });
    for (const key of present.keys()) {
      if (found.has(key) || busy.has(key) || wanted.has(key) || kindOf(key) === 'security-group') continue;
      present.delete(key);
      gone.add(key);
    }
    return found;
  }

  return {
    async start() {
      stopped = false;
      await Promise.all([network.restore(), volume.restore()]);
      hypervisor.onExit(exit => {
        const key = `server/${exit.serverId}`;
        log.warn({ key, reason: exit.reason }, 'guest ended by itself');
        tell({ type: 'guest.exit', ...exit });
      });
      network.onFailure((key, reason) => log.warn({ key, reason }, 'network service died'));
      network.onMetadata((from, request, response) =>
        answerMetadata(() => [...wanted.values()].map(({ entry }) => entry), from, request, response),
      );
      await find();
      const remembered = options.planFile.load();
      if (remembered) adopt(remembered);
      await hypervisor.restore();
      ends.push(
        ...answerCommands({
          ...options,
          guest: key => wanted.get(key)?.entry as Guest | undefined,
          list: async () => [...(await find())],
        }),
      );
      ends.push(bus.subscribe(planChangedSubject(host), look), bus.subscribe(retrySubject(host), retryNow));
      pump();
      lookAgain();
      beat();
      later(verifyMs, () => void verify());
    },
    async stop() {
      stopped = true;
      for (const timer of timers) timer.cancel();
      for (const end of ends) end();
      await closeDrivers(options);
    },
    quiet: () => unrest().next().done === true,
    unrest: () => [...unrest()],
  };

  function* unrest(): Generator<string> {
    if (!greeted || !reportedPlan || fetching || sending || changed.size || gone.size) yield 'control plane';
    if (filtering) yield 'filters';
    yield* busy.keys();
    for (const { entry, hash } of toEnsure())
      if (!waitsToRetry(entry.key, hash) && dependencies(entry).every(isSo)) yield entry.key;
    for (const key of toRemove()) if (!waitsToRetry(key, null)) yield key;
  }
}
