// What goes wrong in a simulation, and when: all by the dice.

import type { Host, Node, SimulatedCloud } from '#/simulation/cloud.ts';
import type { Dice } from '#/simulation/dice.ts';
import type { DatabaseFate } from '#/simulation/scope.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { simulationTexts as t } from '#/simulation/texts.ts';

export interface Faults {
  /** How many of each kind there were. */
  readonly counts: Map<string, number>;
  start(): void;
  stop(): void;
}

const kindsOfFault = [
  'kill node',
  'kill node',
  'kill agent',
  'reboot host',
  'guest exit',
  'partition host',
  'partition node',
  'bus away',
  'bad weather',
  'driver fails',
  'driver hangs',
  'disk full',
  'clock jump',
  'host away',
] as const;

type FaultKind = (typeof kindsOfFault)[number];

const second = 1_000;

/** Driver calls that may hang: those that change something. */
const slowCalls = [
  'hypervisor.ensureGuest',
  'hypervisor.removeGuest',
  'hypervisor.ensureImage',
  'network.ensure',
  'network.remove',
  'network.ensureFilters',
  'volume.ensure',
  'volume.remove',
];

export function createFaults(cloud: SimulatedCloud): Faults {
  const dice = cloud.dice.fork('faults');
  const { time } = cloud;
  const counts = new Map<string, number>();
  let on = false;
  /** Ends what was begun before, once a rest has ended it already. */
  let round = 0;
  const count = (kind: string): void => void counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const later = (ms: number, call: () => void): void => {
    const mine = round;
    time.after(ms, () => {
      if (on && mine === round) call();
    });
  };

  function fate(kind: 'read' | 'write'): DatabaseFate {
    if (!on) return {};
    const roll = dice.next();
    if (kind === 'read') return roll < 0.002 ? refuse() : roll < 0.05 ? { delayMs: dice.between(1, 50) } : {};
    if (roll < 0.006) return die(dice.pick(['before', 'inside', 'after'] as const));
    if (roll < 0.012) return refuse();
    if (roll < 0.016) {
      count('database answer lost');
      return { answerLost: new Problem('unavailable', t.databaseGone) };
    }
    return roll < 0.15 ? { delayMs: dice.between(1, 200) } : {};
  }

  function refuse(): DatabaseFate {
    count('database refuses');
    return { refused: new Problem('unavailable', t.databaseGone) };
  }

  function die(dies: 'before' | 'inside' | 'after'): DatabaseFate {
    count(`kill ${dies} commit`);
    return { dies };
  }

  /** Dead nodes and agents come back after a while, as whoever supervises them sees to it. */
  function revive(): void {
    for (const node of cloud.nodes) if (!node.scope.alive) node.start();
    for (const host of cloud.hosts) if (!host.up && !away.has(host)) host.startAgent();
    later(dice.between(1, 8) * second, revive);
  }

  const away = new Set<Host>();

  function strike(): void {
    const kind = dice.pick(kindsOfFault);
    count(kind);
    cloud.note(`fault ${kind}`);
    acts[kind](dice.pick(cloud.nodes), dice.pick(cloud.hosts));
    later(dice.between(200, 4_000), strike);
  }

  const acts: Record<FaultKind, (node: Node, host: Host) => void> = {
    'kill node': node => node.kill(),
    'kill agent': (_node, host) => host.stopAgent(),
    'reboot host'(_node, host) {
      host.stopAgent();
      host.machine.reboot();
    },
    'host away'(_node, host) {
      host.stopAgent();
      host.machine.reboot();
      away.add(host);
      later(dice.between(5, 120) * second, () => void away.delete(host));
    },
    'guest exit'(_node, host) {
      const guests = [...host.machine.guests.keys()];
      if (guests.length) host.machine.exit(dice.pick(guests).slice('server/'.length), dice.pick(['shutdown', 'crash']));
    },
    'partition host': (_node, { name }) => cut(name),
    'partition node': ({ name }) => cut(name),
    'bus away'() {
      for (const { name } of [...cloud.nodes, ...cloud.hosts]) cloud.network.cut(name, 'both');
      const seconds = dice.chance(0.03) ? 3_600 : dice.between(5, 120);
      later(seconds * second, () => cloud.network.heal());
    },
    'bad weather'() {
      cloud.weather = stormy(dice);
      later(dice.between(5, 60) * second, () => void (cloud.weather = () => [1]));
    },
    'driver fails'(_node, { machine }) {
      machine.faults.sometimes(dice.pick([0.02, 0.1, 0.4]), ['fail', 'loseAnswer']);
      later(dice.between(5, 40) * second, () => machine.faults.clear());
    },
    'driver hangs': (_node, { machine }) => machine.faults.next('hang', dice.pick(slowCalls)),
    'disk full'(_node, host) {
      host.diskFull = true;
      host.machine.faults.sometimes(1, ['fail'], ['volume.ensure', 'hypervisor.ensureImage']);
      later(dice.between(2, 30) * second, () => {
        host.diskFull = false;
        host.machine.faults.clear();
      });
    },
    'clock jump'(node) {
      node.skewMs = dice.pick([-1, 1]) * dice.pick([1, 60, 3_600, 86_400, 315_360_000]) * second;
      later(dice.between(1, 60) * second, () => void (node.skewMs = 0));
    },
  };

  function cut(name: string): void {
    cloud.network.cut(name, dice.pick(['from', 'to', 'both']));
    later(dice.between(1, 60) * second, () => cloud.network.heal(name));
  }

  return {
    counts,
    start() {
      on = true;
      round++;
      away.clear();
      for (const node of cloud.nodes) node.fate = fate;
      later(dice.between(100, 5_000), strike);
      revive();
    },
    stop() {
      on = false;
    },
  };
}

/** Loss, repetition, delay and so reordering, each at a rate of its own. */
function stormy(dice: Dice): (subject: string) => number[] {
  const loss = dice.pick([0.01, 0.1, 0.5]);
  const repeat = dice.pick([0, 0.1, 0.3]);
  const slowest = dice.pick([5, 200, 20_000]);
  return () => {
    if (dice.chance(loss)) return [];
    const copies = dice.chance(repeat) ? dice.between(2, 5) : 1;
    return Array.from({ length: copies }, () => dice.between(1, slowest));
  };
}
