// What the control plane has yet to hear of a host: kept until it has. Reports are numbered within a session, so that
// one that comes late, or again, tells nothing new.

import { askAgain } from '#/host/ask-again.ts';
import { eventSubject, fromHost, helloSubject, reportSubject } from '#/host/commands.ts';
import type { Convergence, News } from '#/host/convergence.ts';
import type { Timers } from '#/host/timers.ts';
import type { Bus, Json } from '#/platform/bus/bus.ts';
import { type Clock, newUuid, type Random } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface Reports {
  /** Introduces the host, once for each session. @param facts what it can do @returns whether it was news */
  greet(facts: () => Promise<object>): Promise<boolean>;
  /** There is a new plan: how far the host is with it is told next. */
  planChanged(): void;
  send(): void;
  /** Tells of something that happened, until the control plane has heard it. */
  tell(event: { type: string } & Record<string, unknown>): void;
  /** All has been heard. */
  done(): boolean;
  stop(): void;
}

export function createReports({
  host,
  version,
  bus,
  clock,
  random,
  log,
  timers,
  news,
  standing,
  look,
}: {
  host: string;
  version: string | undefined;
  bus: Bus;
  clock: Clock;
  random: Random;
  log: Logger;
  timers: Timers;
  news: News;
  /** How far the host is, asked when a report is made. */
  standing: Pick<Convergence, 'plan' | 'wanted' | 'pending' | 'removing'>;
  /** Called when the control plane must be greeted anew. */
  look: () => void;
}): Reports {
  const { changed, gone } = news;
  let session = newUuid(random);
  let sequence = 0;
  let greeted = false;
  /** Whether this session has said once which entries it plans at all. */
  let introduced = false;
  let reportedPlan = false;
  let sending = false;
  let stopped = false;

  function send(): void {
    if (sending || stopped || !greeted) return;
    if (reportedPlan && changed.size === 0 && gone.size === 0) return;
    sending = true;
    const { revision } = standing.plan();
    const told = { revision, first: !reportedPlan, changes: [...changed.values()], removed: [...gone] };
    const message = {
      host,
      session,
      sequence: ++sequence,
      revision,
      ...(told.first ? { pending: standing.pending(), removing: standing.removing() } : {}),
      ...(told.first && !introduced ? { planned: [...standing.wanted().keys()] } : {}),
      changes: told.changes,
      removed: told.removed,
    };
    const ask = introduced ? askAgain.bind(null, { bus, clock }) : bus.request;
    ask(fromHost(reportSubject, host), message as unknown as Json, { timeoutMs: 15_000 })
      .then(answer => {
        if ((answer as { stale?: boolean }).stale) {
          // Under a new name, so that nothing that is still on its way is taken for what is said from here on.
          session = newUuid(random);
          greeted = false;
          introduced = false;
          reportedPlan = false;
          look();
          return;
        }
        introduced = true;
        if (told.first && told.revision === standing.plan().revision) reportedPlan = true;
        for (const change of told.changes) if (changed.get(change.key) === change) changed.delete(change.key);
        for (const key of told.removed) gone.delete(key);
      })
      .catch((error: unknown) => {
        log.debug({ error }, 'report not delivered');
        return new Promise<void>(resolve => void timers.after(1_000, resolve));
      })
      .finally(() => {
        sending = false;
        send();
      });
  }

  function tell(event: { type: string } & Record<string, unknown>): void {
    bus
      .request(fromHost(eventSubject, host), { host, event } as Json, { timeoutMs: 10_000 })
      .catch(() => timers.after(1_000, () => tell(event)));
  }

  return {
    async greet(facts) {
      if (greeted) return false;
      const said = await facts();
      const greet = (message: object): Promise<Json> =>
        bus.request(fromHost(helloSubject, host), message as Json, { timeoutMs: 10_000 });
      await greet({ host, session, ...said, ...(version === undefined ? {} : { version }) }).catch((error: unknown) => {
        // A control plane of a version before takes a word that it does not know for a mistake.
        if (!(error instanceof Problem) || error.kind !== 'invalid') throw error;
        return greet({ host, session, ...said });
      });
      greeted = true;
      return true;
    },
    planChanged: () => void (reportedPlan = false),
    send,
    tell,
    done: () => greeted && reportedPlan && !sending && changed.size === 0 && gone.size === 0,
    stop: () => void (stopped = true),
  };
}
