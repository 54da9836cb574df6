// Runs the tests: `./haneul test`, `./haneul test --list`, `./haneul test SUITE…`.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeLeftovers } from './cluster/testbed.ts';
import { testGuestImage } from './guest-image.ts';
import { postgresServer } from './postgres/server.ts';

const root = join(import.meta.dirname, '..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

interface Suite {
  name: string;
  what: string;
  /** Part of a plain `./haneul test`. */
  byDefault: boolean;
  /** Debian packages that it uses. */
  packages?: string[];
  needsRoot?: boolean;
  run(args: string[]): Promise<boolean>;
}

const hostPackages = [
  'qemu-system-x86',
  'qemu-utils',
  'dnsmasq-base',
  'nftables',
  'iproute2',
  'genisoimage',
  'conntrack',
  'iputils-arping',
  'iputils-ping',
  'openssh-client',
  'busybox-static',
  'udhcpc',
  'isc-dhcp-client',
  'ncat',
  'python3-minimal',
  'slapd',
  'ldap-utils',
];

/** A test, or a file of them, that takes longer hangs: it fails, and the others go on. */
const longestMs = 20 * 60_000;

const suites: Suite[] = [
  { name: 'check', what: 'types, lint, format', byDefault: true, run: check },
  {
    name: 'unit',
    what: 'every test that needs no root: rules, stores, stories on a simulated cloud',
    byDefault: true,
    run: () => nodeTest(unitFiles(), ['--test-isolation=none']),
  },
  {
    name: 'postgres',
    what: 'whatever touches the database once more on PostgreSQL, and two control planes over one',
    byDefault: true,
    packages: ['postgresql-15'],
    run: () => onPostgres(),
  },
  {
    name: 'nats',
    what: 'the bus over a real nats-server, with a credential for each host',
    byDefault: true,
    packages: ['nats-server'],
    run: () => nodeTest(files('test/nats/*.test.ts'), []),
  },
  {
    name: 'fuzz',
    what: 'bad input to every declared endpoint',
    byDefault: true,
    run: () => nodeTest(files('test/fuzz/*.test.ts'), []),
  },
  {
    name: 'security',
    what: 'projects kept apart, hostile clients, secrets, creates at the edge of quotas',
    byDefault: true,
    run: () => nodeTest(files('test/{isolation,protocol}/*.test.ts'), []),
  },
  {
    name: 'drivers',
    what: 'the drivers on this machine: QEMU, namespaces, nftables, disks',
    byDefault: true,
    packages: hostPackages,
    needsRoot: true,
    async run() {
      process.env['HANEUL_TEST_IMAGE'] = await testGuestImage();
      try {
        return await nodeTest(files('src/**/*.host.test.ts'), ['--test-concurrency=1']);
      } finally {
        delete process.env['HANEUL_TEST_IMAGE'];
      }
    },
  },
  {
    name: 'journey',
    what: 'a whole cloud on this machine, driven by the real openstack client',
    byDefault: true,
    packages: [...hostPackages, 'python3-openstackclient'],
    needsRoot: true,
    run: () => nodeTest(files('test/scenarios/*.host.test.ts'), ['--test-concurrency=1']),
  },
  {
    name: 'crash',
    what: 'kills of control plane and agent at many points of create and delete, and a reboot, on this machine',
    byDefault: true,
    packages: hostPackages,
    needsRoot: true,
    run: () => nodeTest(files('test/crash/*.host.test.ts'), ['--test-concurrency=1']),
  },
  {
    name: 'chaos',
    what: 'random kills of every process of a cloud with real guests, from a seed, on this machine',
    byDefault: true,
    packages: hostPackages,
    needsRoot: true,
    run: () => nodeTest(files('test/chaos/*.host.test.ts'), ['--test-concurrency=1']),
  },
  {
    name: 'machines',
    what: 'two machines on this one, as namespaces, with real guests: a live move, a dead worker, a rejoin',
    byDefault: true,
    packages: [...hostPackages, 'nats-server', 'tini'],
    needsRoot: true,
    run: () => onBeds(['test/cluster/journey.test.ts']),
  },
  {
    name: 'cluster',
    what: 'the same and more: joining, two control planes, networks and guests across hosts, cut links',
    byDefault: false,
    packages: [...hostPackages, 'nats-server', 'postgresql-15', 'python3-openstackclient', 'tini'],
    needsRoot: true,
    run: args => onBeds(args.length ? args : files('test/cluster/*.test.ts')),
  },
  {
    name: 'nodes',
    what: 'two control planes over PostgreSQL and NATS, killed in turn under a write load (HANEUL_TEST_ROUNDS: how often)',
    byDefault: true,
    packages: ['postgresql-15', 'nats-server'],
    run: () => nodeTest(files('test/nodes/*.test.ts'), []),
  },
  {
    name: 'upgrade',
    what: 'a version takes over from another and goes back, under a write load that never retries',
    byDefault: true,
    run: () => nodeTest(files('test/upgrade/*.test.ts'), []),
  },
  {
    name: 'simulation',
    what: 'whole clouds from fresh seeds, with every fault; and a fresh sample of what can happen to messages',
    byDefault: true,
    run: async () => (await simulate('6', '300')) && scheduleSample(),
  },
  {
    name: 'matrix',
    what: 'crashes, pairs of crashes, messages and interference at every step of every operation, broken variants that must be noticed, and many seeds: an hour',
    byDefault: false,
    run: async () => {
      const seeds = await simulate('100', '500');
      return (await nodeTest(files('test/simulation/*.slow.test.ts'), ['--test-isolation=none'])) && seeds;
    },
  },
  {
    name: 'conformance',
    what: 'Tempest: `./haneul test conformance LIST…` (needs ../shared/conformance)',
    byDefault: false,
    run: args => command(process.execPath, [join(root, 'test/conformance/run.ts'), ...args]),
  },
  {
    name: 'differential',
    what: 'the same requests to a real Keystone and to ours (needs ../shared/peer, installed, and root)',
    byDefault: false,
    run: () => command(process.execPath, [join(root, 'test/differential/run.ts')]),
  },
  {
    name: 'bench',
    what: 'the measurements of bench/, each printed as a ratio',
    byDefault: false,
    run: args => command(process.execPath, [join(root, 'bench/run.ts'), ...args]),
  },
];

const asked = process.argv.slice(2);
if (asked[0] === '--list') {
  for (const { name, what, byDefault } of suites)
    process.stdout.write(`${name.padEnd(12)} ${what}${byDefault ? '' : ' (only when named)'}\n`);
  process.exit(0);
}
const first = suites.find(suite => suite.name === asked[0]);
if (asked[0] && !first) {
  process.stderr.write(`There is no suite ${asked[0]}; there are: ${suites.map(suite => suite.name).join(', ')}.\n`);
  process.exit(2);
}
// Only a suite that takes arguments may be followed by words that are no suites.
const takesArguments = first && !first.byDefault;
const chosen = takesArguments
  ? [first]
  : asked.length
    ? asked.map(name => suites.find(suite => suite.name === name)!)
    : suites.filter(suite => suite.byDefault);
const results: { name: string; ok: boolean | null; seconds: number }[] = [];
for (const suite of chosen) {
  process.stdout.write(`\n== ${suite.name}: ${suite.what}\n`);
  const started = performance.now();
  if (suite.needsRoot && process.getuid!() !== 0) {
    process.stdout.write('skipped: it needs root\n');
    results.push({ name: suite.name, ok: null, seconds: 0 });
    continue;
  }
  const ok = install(suite.packages ?? []) && (await suite.run(takesArguments ? asked.slice(1) : []));
  results.push({ name: suite.name, ok, seconds: (performance.now() - started) / 1000 });
}
process.stdout.write('\n');
for (const { name, ok, seconds } of results)
  process.stdout.write(
    `${ok === null ? 'skipped' : ok ? 'passed ' : 'FAILED '} ${name.padEnd(12)} ${seconds.toFixed(1)} s\n`,
  );
const count = (wanted: boolean | null): number => results.filter(({ ok }) => ok === wanted).length;
process.stdout.write(`suites: ${count(true)} passed, ${count(false)} failed, ${count(null)} skipped\n`);
process.exit(count(false) ? 1 : 0);

async function check(): Promise<boolean> {
  const format = await command(bin('biome'), ['format', 'src', 'test', 'bench']);
  const lint = await command(bin('oxlint'), ['--type-aware', '--deny-warnings', 'src', 'test', 'bench']);
  const types = await command(bin('tsc'), ['--noEmit']);
  return format && lint && types;
}

/** On a server of its own, which goes afterwards. */
async function onPostgres(): Promise<boolean> {
  const server = await postgresServer();
  process.env['HANEUL_TEST_DATABASE'] = server.url();
  try {
    const touching = unitFiles().filter(file => /testCloud\(|Database/.test(readFileSync(join(root, file), 'utf8')));
    const one = await nodeTest([...touching, ...files('test/postgres/*.test.ts')], ['--test-isolation=none']);
    process.env['HANEUL_TEST_NODES'] = '2';
    return (await nodeTest(['test/isolation/quota-edge.test.ts'], [])) && one;
  } finally {
    delete process.env['HANEUL_TEST_DATABASE'];
    delete process.env['HANEUL_TEST_NODES'];
    await server[Symbol.asyncDispose]();
  }
}

function simulate(seeds: string, actions: string): Promise<boolean> {
  const words = ['simulate', '--seeds', seeds, '--actions', actions, '--hosts', '4'];
  return command(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'src/main.ts'), ...words]);
}

/** Two single messages and two pairs of every kind of operation, others every time; the seed is printed. */
function scheduleSample(): Promise<boolean> {
  process.env['HANEUL_SCHEDULE_SAMPLE'] = '2';
  process.env['HANEUL_SCHEDULE_SEED'] ??= `${process.pid}-${Math.round(performance.timeOrigin)}`;
  return nodeTest(['test/simulation/message-schedules.slow.test.ts'], []).finally(
    () => delete process.env['HANEUL_SCHEDULE_SAMPLE'],
  );
}

/** Also where a test was killed, nothing of its machines stays. */
async function onBeds(paths: string[]): Promise<boolean> {
  try {
    return await nodeTest(paths, ['--test-concurrency=1']);
  } finally {
    removeLeftovers();
  }
}

function unitFiles(): string[] {
  return [
    ...files('src/**/*.test.ts'),
    ...files('test/*.test.ts'),
    ...files('test/stories/*.test.ts'),
    ...files('test/simulation/*.test.ts'),
  ].filter(file => !file.endsWith('.host.test.ts') && !file.endsWith('.slow.test.ts'));
}

function files(pattern: string): string[] {
  return globSync(pattern, { cwd: root }).sort();
}

function nodeTest(paths: string[], flags: string[]): Promise<boolean> {
  if (!paths.length) return Promise.resolve(true);
  return command(process.execPath, [
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${longestMs}`,
    // What a failed test leaves open must not keep the result from being told.
    '--test-force-exit',
    ...flags,
    ...paths,
  ]);
}

function command(program: string, args: string[]): Promise<boolean> {
  return new Promise(resolve => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit' });
    child.on('error', error => {
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve(false);
    });
    child.on('close', status => resolve(status === 0));
  });
}

/** Installs what is missing, where this may. */
function install(packages: string[]): boolean {
  const missing = packages.filter(
    name => !existsSync(`/var/lib/dpkg/info/${name}.list`) && !existsSync(`/var/lib/dpkg/info/${name}:amd64.list`),
  );
  if (!missing.length) return true;
  process.stdout.write(`installing ${missing.join(' ')}\n`);
  const apt = (...args: string[]): boolean =>
    spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=900', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  return apt('update') && apt('install', '-y', '--no-install-recommends', ...missing);
}
