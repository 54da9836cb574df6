// Load: this cloud and the peer (a complete OpenStack of Debian's packages, see ../shared/peer), by the same load generator
// in one run, in turns. Both have ten hosts that boot no guests.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { freshCloud, command, root } from './cloud.ts';
import { type Measurement, median, milliseconds, perSecond } from './measurement.ts';

const shared = join(root, '../shared');
const generator = join(shared, 'load/openstack-load.mjs');
const peer = join(shared, 'peer');
const hosts = 10;
const wanted = 30;

/** What the load generator prints; see its README. */
interface Result {
  failed?: string;
  errors: number;
  rps?: number;
  servers_per_minute?: number;
  latency_ms?: { p50: number; p99: number };
  steps?: Record<string, { p50: number; p99: number }>;
}

interface Side {
  run(scenario: string, options: string[]): Promise<Result>;
}

interface Scenario {
  what: string;
  scenario: string;
  concurrency: number;
  /** For how long a turn, in seconds; or a number of operations. */
  ours: string[];
  peers: string[];
  rounds: number;
  /** The step whose p99 counts; absent: the whole operation's. */
  step?: string;
}

const timed = (seconds: number): string[] => ['--duration', String(seconds)];
const count = (operations: number): string[] => ['--ops', String(operations), '--warmup', '0'];

const scenarios: Scenario[] = [
  { what: 'validate a token', scenario: 'validate', concurrency: 8, ours: timed(3), peers: timed(4), rounds: 3 },
  {
    what: 'network, subnet and port: create and delete',
    scenario: 'network-crud',
    concurrency: 8,
    ours: timed(4),
    peers: count(24),
    rounds: 2,
  },
  {
    what: 'port: create and delete',
    scenario: 'port-crud',
    concurrency: 8,
    ours: timed(4),
    peers: count(32),
    rounds: 2,
  },
  {
    what: 'server: create to ACTIVE to gone',
    scenario: 'server-lifecycle',
    concurrency: 8,
    ours: ['--duration', '8', '--maxpoll', '400'],
    peers: count(24),
    rounds: 2,
    step: 'active',
  },
];

export const load: Measurement = {
  name: 'load',
  about: `load next to the peer, ${hosts} hosts without guests each, in turns`,
  needsRoot: true,
  async run(tell) {
    if (!existsSync(generator)) return 'there is no ../shared/load beside this repository.';
    if (!existsSync(join(peer, 'up.sh'))) return 'there is no ../shared/peer beside this repository.';
    await using cloud = await freshCloud({ simulate: hosts });
    const ours = sideOf(process.execPath, [generator], cloud.credentials);
    await using theirs = await startPeer();
    await ours.run('setup', []);
    await theirs.run('setup', []);
    for (const scenario of scenarios) {
      const rows = await inTurns(scenario, ours, theirs);
      tell({ ...rows, what: `${scenario.what}, ${scenario.concurrency} clients` });
    }

    const burst = ['--concurrency', '8', '--count'];
    const made = await ours.run('server-burst', [...burst, '1000']);
    const peerMade = await theirs.run('server-burst', [...burst, '40']);
    const faster = made.servers_per_minute! / peerMade.servers_per_minute!;
    tell({
      what: 'servers created to ACTIVE, 8 clients',
      measured: `${Math.round(made.servers_per_minute!)}/min (p99 of accept ${milliseconds(made.steps!['accept']!.p99)})`,
      against: `${Math.round(peerMade.servers_per_minute!)}/min (${milliseconds(peerMade.steps!['accept']!.p99)})`,
      ratio: `${faster.toFixed(0)}×`,
      target: `≥ ${wanted}×`,
      met: faster >= wanted,
    });
    await command(join(peer, 'clone-servers.sh'), ['1000']);
    const lists = { scenario: 'servers-detail', concurrency: 4, ours: timed(4), peers: timed(10), rounds: 2 };
    tell({ ...(await inTurns({ what: '', ...lists }, ours, theirs)), what: 'list 1,000 servers in detail, 4 clients' });
    await command(join(peer, 'clone-servers.sh'), ['0']);
    await theirs.run('servers-delete-all', ['--concurrency', '8']);
    return undefined;
  },
};

async function inTurns({ scenario, concurrency, rounds, step, ...options }: Scenario, ours: Side, theirs: Side) {
  const mine: Result[] = [];
  const others: Result[] = [];
  for (let round = 0; round < rounds; round++) {
    mine.push(await ours.run(scenario, ['--concurrency', String(concurrency), ...options.ours]));
    others.push(await theirs.run(scenario, ['--concurrency', String(concurrency), ...options.peers]));
  }
  const rate = (results: Result[]): number => median(results.map(({ rps }) => rps!));
  const p99 = (results: Result[]): number =>
    median(results.map(({ latency_ms, steps }) => (step ? steps![step]!.p99 : latency_ms!.p99)));
  const ratio = rate(mine) / rate(others);
  const of = step ? ` of ${step}` : '';
  return {
    measured: `${perSecond(rate(mine))} (p99${of} ${milliseconds(p99(mine))})`,
    against: `${perSecond(rate(others))} (${milliseconds(p99(others))})`,
    ratio: `${ratio.toFixed(0)}×`,
    target: `≥ ${wanted}×`,
    met: ratio >= wanted,
  };
}

function sideOf(program: string, before: string[], env: Record<string, string>): Side {
  return {
    async run(scenario, options) {
      const printed = await command(program, [...before, '--scenario', scenario, ...options], { env });
      const result = JSON.parse(printed.trim().split('\n').at(-1)!) as Result;
      if (result.failed) throw new Error(`${scenario}: ${result.failed}`);
      if (result.errors) throw new Error(`${scenario}: ${printed.trim()}`);
      return result;
    },
  };
}

/** Starts the peer, unless it is up already; then it stays up afterwards. */
async function startPeer(): Promise<Side & AsyncDisposable> {
  const env = { PEER_COMPUTES: String(hosts) };
  const wasUp = await command(join(peer, 'client.sh'), ['true']).then(
    () => true,
    () => false,
  );
  const down = async (): Promise<void> => {
    if (!wasUp) await command(join(peer, 'down.sh'), []);
  };
  try {
    await command(join(peer, 'up.sh'), ['core'], { env });
  } catch (error) {
    await down();
    throw error;
  }
  return {
    ...sideOf(join(peer, 'client.sh'), [process.execPath, generator], {}),
    [Symbol.asyncDispose]: down,
  };
}
