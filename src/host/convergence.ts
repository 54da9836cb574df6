// Makes a host be as its plan says: what is to do, doing it, trying again. Each key is worked on by one at a time.

import type { HostGroup, HostNetwork, HostPort } from '#/drivers/network/network-driver.ts';
import type { EntryChange } from '#/host/commands.ts';
import { createFailures } from '#/host/failures.ts';
import { ensureEntry, type HostDrivers, listEntries, removeEntry } from '#/host/host-drivers.ts';
import { dependencies, type HostEntry, idOf, kindOf, type Plan, type PlannedEntry, removalRank } from '#/host/plan.ts';
import type { Timers } from '#/host/timers.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { storeProblem } from '#/platform/problem/stored-problem.ts';
import { texts } from '#/platform/text/text.ts';

export interface News {
  /** Key → what became of the entry. */
  changed: Map<string, EntryChange>;
  /** Keys that are no longer on the host. */
  gone: Set<string>;
}

export interface Convergence {
  /** The newest plan; its revision is -1 before the first. */
  plan(): Plan;
  /** Its entries by their keys. */
  wanted(): ReadonlyMap<string, PlannedEntry>;
  /**
   * Takes a plan over. Nothing is done before the next `pump`.
   * @param guests `wait`: none is begun by this plan
   */
  adopt(plan: Plan, guests: 'begin' | 'wait'): void;
  /** Begins whatever can be begun. */
  pump(): void;
  /** An operator mended something: nobody waits any longer. */
  retryNow(): void;
  /** What is not as planned, and what is there unplanned. */
  pending(): string[];
  removing(): string[];
  /** Puts all that is as planned into the news once more. */
  tellAll(): void;
  /** Looks at what is really there. @returns the keys of all that is on the host */
  find(): Promise<Set<string>>;
  /** Finds what is there, and ensures every entry anew. */
  verify(): Promise<void>;
  /** What is being done, or could be: keys, `filters`. */
  unrest(): Generator<string>;
  stop(): void;
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

const atOnce = 6;
/** After so many minutes a driver's call counts as hung and is made anew. Bytes may be on their way for long. */
const lateMinutes = { image: 30, volume: 30, other: 5 };
/** Failures of one entry before the control plane is told that it failed; trying goes on. */
const triesBeforeFailed = 3;

export function createConvergence({
  drivers,
  clock,
  log,
  timers,
  news: { changed, gone },
  onPumped,
}: {
  drivers: HostDrivers;
  clock: Clock;
  log: Logger;
  timers: Timers;
  /** Where it is put down what became of the entries. */
  news: News;
  /** Called when all that can be begun has been. */
  onPumped: () => void;
}): Convergence {
  let wanted = new Map<string, PlannedEntry>();
  let plan: Plan = { revision: -1, entries: [] };
  let guestsWait = false;
  let filtersApplied = '';
  let filtering: Promise<void> | null = null;
  /** The host's filters are those of the plan. */
  let filtersSo = false;
  let stopped = false;
  /** What is on the host, as far as is known. */
  const present = new Map<string, Known>();
  /** What is being worked on: key → which turn of work it is. A turn that hung is over, whatever it still does. */
  const busy = new Map<string, number>();
  let turns = 0;
  const failures = createFailures(timers, pump);
  const imagePaths: Parameters<typeof ensureEntry>[2] = new Map();

  // --- what is to do -------------------------------------------------------------------------------------------------

  function isSo(key: string): boolean {
    const want = wanted.get(key);
    return want !== undefined && present.get(key)?.applied === want.hash;
  }

  /** What it needs is there; a port needs the filters, too. */
  function mayBegin(entry: HostEntry): boolean {
    const kind = kindOf(entry.key);
    if (kind === 'server' && guestsWait) return false;
    return (kind !== 'port' || filtersSo) && dependencies(entry).every(isSo);
  }

  function* toEnsure(): Generator<PlannedEntry> {
    for (const planned of wanted.values()) if (!isSo(planned.entry.key)) yield planned;
  }

  function* toRemove(): Generator<string> {
    for (const key of present.keys()) if (!wanted.has(key)) yield key;
  }

  function adopt(next: Plan, guests: 'begin' | 'wait'): void {
    const before = wanted;
    plan = next;
    guestsWait = guests === 'wait';
    wanted = new Map(plan.entries.map(planned => [planned.entry.key, planned]));
    for (const key of changed.keys()) if (!isSo(key)) changed.delete(key);
    for (const key of gone) if (wanted.has(key)) gone.delete(key);
    // What was never begun is gone as soon as it is no longer wanted: nobody will take it away and say so.
    for (const key of before.keys()) if (!wanted.has(key) && !present.has(key)) gone.add(key);
  }

  // --- doing it --------------------------------------------------------------------------------------------------------

  function pump(): void {
    if (stopped || plan.revision < 0) return;
    startFilters();
    const removals = [...toRemove()];
    const lowest = Math.min(...removals.map(removalRank));
    for (const key of removals) {
      if (busy.size >= atOnce) return;
      if (busy.has(key) || failures.waits(key, null) || removalRank(key) > lowest) continue;
      run(key, null, still => take(key, still));
    }
    for (const planned of toEnsure()) {
      if (busy.size >= atOnce) return;
      const { entry, hash } = planned;
      if (busy.has(entry.key) || failures.waits(entry.key, hash)) continue;
      if (!mayBegin(entry)) continue;
      run(entry.key, hash, still => make(planned, still));
    }
    onPumped();
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
        failures.forget(key);
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
  function inTime(key: string): ReturnType<Timers['limit']> {
    const minutes = lateMinutes[kindOf(key) as 'image' | 'volume'] ?? lateMinutes.other;
    return timers.limit(minutes * 60_000, () => new Problem('unavailable', t.late, { key, minutes }));
  }

  function failed(key: string, hash: string | null, thrown: unknown): void {
    const count = failures.note(key, hash);
    const problem =
      thrown instanceof Problem
        ? thrown
        : new Problem('unavailable', t.broken, { key, why: thrown instanceof Error ? thrown.message : String(thrown) });
    log.warn({ ...about(key), count, error: thrown }, 'not yet as planned');
    const final = count >= triesBeforeFailed || ['invalid', 'conflict', 'unsupported'].includes(problem.kind);
    if (!final) return;
    if (key === 'filters') {
      for (const port of wanted.keys()) if (kindOf(port) === 'port' && !isSo(port)) tellFailed(port, problem);
    } else if (hash !== null && wanted.get(key)?.hash === hash) tellFailed(key, problem);
  }

  /** With an entry fail those that wait for it: whoever asked for them is told the reason now. */
  function tellFailed(key: string, problem: Problem): void {
    changed.set(key, { key, state: 'failed', problem: storeProblem(problem) });
    for (const { entry } of toEnsure()) if (dependencies(entry).includes(key)) tellFailed(entry.key, problem);
  }

  /** What a log line says of an entry: with the request that it was last asked by, while that is worked on. */
  function about(key: string): { key: string; requestId?: string } {
    const { requests = {} } = plan;
    const id = idOf(key);
    return Object.hasOwn(requests, id) ? { requestId: requests[id]!, key } : { key };
  }

  async function make({ entry, hash }: PlannedEntry, still: () => boolean): Promise<void> {
    const { told } = present.get(entry.key) ?? {};
    const started = clock.monotonic();
    // From here on something may exist, whatever happens next.
    if (!present.has(entry.key)) present.set(entry.key, { applied: null });
    const facts = await ensureEntry(drivers, entry, imagePaths);
    if (!still()) return;
    present.set(entry.key, { applied: hash, facts, told: hash });
    // Once for each change: looking after what is so already is no news.
    if (told !== hash) log.info({ ...about(entry.key), ms: Math.round(clock.monotonic() - started) }, 'as planned');
    if (wanted.get(entry.key)?.hash === hash) changed.set(entry.key, { key: entry.key, state: 'applied', facts });
  }

  async function take(key: string, still: () => boolean): Promise<void> {
    await removeEntry(drivers, key);
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
    filtersSo = hash === filtersApplied;
    if (filtersSo || failures.waits('filters', hash)) return;
    const all = entries.map(({ entry }) => entry);
    const of = <E>(kind: string): E[] => all.filter(entry => kindOf(entry.key) === kind) as E[];
    const watch = inTime('filters');
    const made = drivers.network.ensureFilters({
      networks: of<HostNetwork>('network'),
      ports: of<HostPort>('port'),
      groups: of<HostGroup>('security-group'),
    });
    filtering = Promise.race([made, watch.late])
      .then(
        () => {
          filtersApplied = hash;
          failures.forget('filters');
        },
        (thrown: unknown) => failed('filters', hash, thrown),
      )
      .finally(() => {
        watch.over();
        filtering = null;
        pump();
      });
  }

  // --- what is really there --------------------------------------------------------------------------------------------

  async function find(): Promise<Set<string>> {
    const found = await listEntries(drivers);
    for (const key of found) if (!present.has(key) && !busy.has(key)) present.set(key, { applied: null });
    for (const key of present.keys()) {
      if (found.has(key) || busy.has(key) || wanted.has(key) || kindOf(key) === 'security-group') continue;
      present.delete(key);
      gone.add(key);
    }
    return found;
  }

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
  }

  return {
    plan: () => plan,
    wanted: () => wanted,
    adopt,
    pump,
    retryNow() {
      failures.endWaits();
      pump();
    },
    pending: () => [...toEnsure()].map(({ entry }) => entry.key),
    removing: () => [...toRemove()],
    tellAll() {
      for (const [key, { facts }] of present) if (isSo(key)) changed.set(key, { key, state: 'applied', facts });
    },
    find,
    verify,
    *unrest() {
      if (filtering) yield 'filters';
      yield* busy.keys();
      for (const { entry, hash } of toEnsure())
        if (!failures.waits(entry.key, hash) && mayBegin(entry)) yield entry.key;
      for (const key of toRemove()) if (!failures.waits(key, null)) yield key;
    },
    stop: () => void (stopped = true),
  };
}
