// The agent: makes its host be as the plan says, keeps it so, and says how far it is.
// It acts on state alone: the newest plan, and what the drivers find. Any message may be lost, repeated or late.

import type { Duplex } from 'node:stream';
import type { Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { answerCommands } from '#/host/agent-commands.ts';
import { askAgain } from '#/host/ask-again.ts';
import {
  type Destination,
  fromHost,
  heartbeatSubject,
  planChangedSubject,
  planSubject,
  retrySubject,
} from '#/host/commands.ts';
import { createConvergence, type News } from '#/host/convergence.ts';
import { closeDrivers, type HostDrivers } from '#/host/host-drivers.ts';
import { answerMetadata } from '#/host/metadata/answer.ts';
import { type Plan, wholePlan } from '#/host/plan.ts';
import type { PlanFile } from '#/host/plan-file.ts';
import { createReports } from '#/host/reports.ts';
import { createTimers } from '#/host/timers.ts';
import type { Bus } from '#/platform/bus/bus.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Logger } from '#/platform/log/log.ts';

export interface AgentOptions extends HostDrivers {
  host: string;
  /** Of this program, as operators are to see it. */
  version?: string;
  /** Where other hosts reach this one; null on one machine. */
  address: string | null;
  /** What it offers; everything by default. */
  roles?: readonly string[];
  bus: Bus;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Remembers the last plan across restarts. */
  planFile: PlanFile;
  /** Where console sockets are offered; null where there are none. */
  consoleDirectory: string | null;
  /** On the only machine of its cloud, whose guests nobody else can have taken over. */
  alone?: boolean;
  /** Connects to a control plane on another machine; absent where there is none. */
  dial?: ((to: Destination) => Promise<Duplex>) | undefined;
}

export interface Agent {
  start(): Promise<void>;
  /** Lets go; the host stays as it is. */
  stop(): Promise<void>;
  /** Asks the control plane soon, as when the line to it stands again; not all hosts at the same moment. */
  lookSoon(): void;
  /** True when the host is as planned, or only retries wait, and all has been reported. */
  quiet(): boolean;
  /** What keeps it from being quiet: keys, `filters`, `control plane`. */
  unrest(): string[];
}

const heartbeatMs = 3_000;
/** How long a host that starts waits for the control plane's word before it follows the plan that it remembers. */
const aloneMs = 10_000;
const lookMs = 5_000;
const soonMs = 1_000;
const verifyMs = 120_000;

export function createAgent(options: AgentOptions): Agent {
  const { host, version, hypervisor, network, volume, bus, clock, random, log } = options;
  const timers = createTimers(clock);
  const news: News = { changed: new Map(), gone: new Set() };
  const convergence = createConvergence({
    drivers: options,
    clock,
    log,
    timers,
    news,
    onPumped: () => reports.send(),
  });
  const reports = createReports({ host, version, bus, clock, random, log, timers, news, standing: convergence, look });
  const ends: (() => void)[] = [];
  let stopped = true;
  let fetching: Promise<void> | null = null;
  let fetchAgain = false;
  /** The revision of the plan as this session's control plane has told it: what it says may be the difference to that. */
  let base = -1;
  let patched = false;

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
    // Everything is told anew to whoever may have forgotten it.
    if (await reports.greet(abilities)) {
      convergence.tellAll();
      base = -1;
    }
    const asked = base;
    const subject = fromHost(planSubject, host);
    const question = { host, revision: asked, partly: true };
    // Many may join at once, and who answers them all takes longer.
    const patience = { timeoutMs: 10_000, againMs: asked < 0 ? 6_000 : 3_000 };
    const answer = (await askAgain(options, subject, question, patience)) as unknown as Plan | null;
    if (!answer || stopped || (answer.since && answer.since.revision !== asked)) return;
    const plan = wholePlan(convergence.plan(), answer);
    options.planFile.save({ revision: plan.revision, entries: plan.entries });
    convergence.adopt(plan, 'begin');
    base = plan.revision;
    patched = answer.since !== undefined;
    reports.planChanged();
    convergence.pump();
  }

  async function abilities(): Promise<object> {
    const [capabilities, volumeCapacity, networkCapabilities] = await Promise.all([
      hypervisor.capabilities(),
      volume.capacity(),
      network.capabilities(),
    ]);
    return {
      roles: options.roles ?? ['compute', 'network', 'storage'],
      address: options.address,
      capabilities,
      volumeCapacity,
      networkCapabilities,
    };
  }

  function beat(): void {
    bus.publish(fromHost(heartbeatSubject, host), { host });
    timers.after(heartbeatMs, beat);
  }

  function lookAgain(): void {
    look();
    timers.after(lookMs, lookAgain);
  }

  /** Looks whether reality still is what was made: leftovers are found, and every entry is ensured anew. */
  function verifyLater(): void {
    timers.after(verifyMs, () => {
      // A plan that was put together of differences is heard once more as a whole.
      if (patched) base = -1;
      void convergence.verify().then(verifyLater);
    });
  }

  return {
    async start() {
      stopped = false;
      await Promise.all([network.restore(), volume.restore()]);
      hypervisor.onExit(exit => {
        const key = `server/${exit.serverId}`;
        log.warn({ key, reason: exit.reason }, 'guest ended by itself');
        reports.tell({ type: 'guest.exit', ...exit });
      });
      network.onRouterState((routerId, state) => reports.tell({ type: 'router.state', routerId, state }));
      network.onFailure((key, reason) => log.warn({ key, reason }, 'network service died'));
      network.onMetadata((from, request, response) =>
        answerMetadata(() => [...convergence.wanted().values()].map(({ entry }) => entry), from, request, response),
      );
      await convergence.find();
      const remembered = options.planFile.load();
      // In a larger cloud a guest may have been evacuated while the host was off, and run elsewhere.
      if (remembered) convergence.adopt(remembered, options.alone ? 'begin' : 'wait');
      await hypervisor.restore();
      ends.push(
        ...answerCommands({
          ...options,
          guest: key => convergence.wanted().get(key)?.entry as Guest | undefined,
          list: async () => [...(await convergence.find())],
        }),
      );
      ends.push(
        bus.subscribe(planChangedSubject(host), look),
        bus.subscribe(retrySubject(host), () => convergence.retryNow()),
      );
      lookAgain();
      // What is remembered may be old: it is followed where nobody can be asked.
      timers.after(aloneMs, () => convergence.pump());
      beat();
      verifyLater();
    },
    async stop() {
      stopped = true;
      convergence.stop();
      reports.stop();
      timers.end();
      for (const end of ends) end();
      await closeDrivers(options);
    },
    lookSoon: () => timers.after(random.bytes(2).readUInt16BE() % soonMs, look),
    quiet: () => unrest().next().done === true,
    unrest: () => [...unrest()],
  };

  function* unrest(): Generator<string> {
    if (fetching || !reports.done()) yield 'control plane';
    yield* convergence.unrest();
  }
}
