// Several machines on one: each a box of namespaces with its own addresses, /run, host name, processes and data
// directory, wired to a switch whose links can be cut. All of it ends with the process that made it, however that ends;
// only data directories stay then, which the next bed removes, and the suite when it ends.
//
//   await using bed = await testBed('name');
//   const [one, two] = [await bed.machine('one'), await bed.machine('two')];
//   await one.haneul('up', '--detach');

import { randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { testGuestImage } from '../guest-image.ts';
import { type Ran, run } from '../scenarios/haneul.ts';
import { type Box, openBox } from './namespace.ts';

const root = join(import.meta.dirname, '..', '..');
const beds = '/var/tmp/haneul-beds';

type RunOptions = NonNullable<Parameters<typeof run>[1]>;

export interface Machine {
  name: string;
  /** On the management network, where this process reaches it too. */
  address: string;
  /** On the data network, for tunnels. */
  dataAddress: string;
  /** Its data directory. */
  data: string;
  /** `./haneul ARGS --data …` on it. @throws Error when it fails, unless `allow` */
  haneul(...args: string[]): Promise<Ran>;
  /** The same, and a failure is an answer too. */
  tryHaneul(...args: string[]): Promise<Ran>;
  run(command: string[], options?: RunOptions): Promise<Ran>;
  /** A role's process dies at once: `control`, `agent`, `bus` or `supervisor`. */
  kill(role: string): Promise<void>;
  /** Everything on it ends at once; its disk stays. */
  powerOff(): Promise<void>;
  /** After `powerOff`: a fresh boot with the same name, addresses and disk; nothing is started. */
  powerOn(): Promise<void>;
  /** What to put before a command's words to run it there, for processes that a test keeps itself. */
  enter(): string[];
}

export interface TestBed extends AsyncDisposable {
  /** The networks' prefixes: management and data. */
  networks: { management: string; data: string };
  /**
   * Powers a machine on. Its cluster and tunnel addresses are set, so that `up` there makes a cloud that others join.
   * @param env more options of its `haneul`, as `HANEUL_…`; an empty text takes one back
   */
  machine(name: string, env?: Record<string, string>): Promise<Machine>;
  /** Nothing passes between two machines any more, on either network. */
  cut(one: Machine, other: Machine): Promise<void>;
  heal(one: Machine, other: Machine): Promise<void>;
  /** A machine without any network but its own. */
  isolate(machine: Machine): Promise<void>;
  rejoin(machine: Machine): Promise<void>;
}

export async function testBed(name: string): Promise<TestBed> {
  mkdirSync(beds, { recursive: true });
  removeLeftovers();
  const hub = await openBox('switch');
  const directory = join(beds, `${name}-${process.pid}`);
  mkdirSync(directory);
  const bed = await wire(hub);
  const [management, data] = [`10.99.${bed}`, `10.98.${bed}`];
  const machines = new Map<string, { box: Box; number: number }>();
  const links = async (box: Box, number: number): Promise<void> => {
    for (const [link, bridge, inside, address, mac] of [
      [`m${number}`, 'management', 'eth0', `${management}.${number}/24`, `02:be:d0:00:00:${hex(number)}`],
      [`d${number}`, 'data', 'eth1', `${data}.${number}/24`, `02:be:d1:00:00:${hex(number)}`],
    ] as const) {
      const peer = ['peer', 'name', inside, 'address', mac, 'netns', `${box.pid}`];
      const ends = [link, 'netns', `${hub.pid}`, 'type', 'veth', ...peer];
      await run(['ip', 'link', 'add', ...ends]);
      await hub.run(['ip', 'link', 'set', link, 'master', bridge, 'up']);
      await box.run(['ip', 'address', 'add', address, 'dev', inside]);
      await box.run(['ip', 'link', 'set', inside, 'up']);
    }
  };
  // The kernel takes its time to forget a network namespace.
  const unplug = async (number: number): Promise<void> => {
    for (const link of [`m${number}`, `d${number}`]) await hub.run(['ip', 'link', 'delete', link], { allow: true });
  };
  const pairs = (one: Machine, other: Machine): [string, string][] => {
    const [a, b] = [machines.get(one.name)!.number, machines.get(other.name)!.number];
    return [
      [`m${a}`, `m${b}`],
      [`m${b}`, `m${a}`],
      [`d${a}`, `d${b}`],
      [`d${b}`, `d${a}`],
    ];
  };
  const elements = (list: [string, string][]): string => list.map(([from, to]) => `"${from}" . "${to}"`).join(', ');
  const setLinks = async ({ name: of }: Machine, state: 'up' | 'down'): Promise<void> => {
    const { number } = machines.get(of)!;
    for (const link of [`m${number}`, `d${number}`]) await hub.run(['ip', 'link', 'set', link, state]);
  };

  return {
    networks: { management: `${management}.0/24`, data: `${data}.0/24` },
    async machine(machineName, env = {}) {
      const number = machines.size + 1;
      const disk = join(directory, machineName);
      const all = {
        HANEUL_CLUSTER_ADDRESS: `${management}.${number}`,
        HANEUL_TUNNEL_ADDRESS: `${data}.${number}`,
        ...env,
      };
      const boot = async (): Promise<void> => {
        const box = await openBox(machineName);
        machines.set(machineName, { box, number });
        // Whoever wonders whether the machine was started anew asks for this.
        const bootId = join(directory, `${machineName}.boot-id`);
        writeFileSync(bootId, `${randomUUID()}\n`);
        await box.run(['mount', '--bind', bootId, '/proc/sys/kernel/random/boot_id']);
        await links(box, number);
      };
      await boot();
      const boxOf = (): Box => machines.get(machineName)!.box;
      const enter = (): string[] => boxOf().enter;
      const haneul = async (args: string[], options: RunOptions): Promise<Ran> => {
        if (args[0] === 'up' && !existsSync(disk)) await placeGuestImage(disk);
        return boxOf().run([join(root, 'haneul'), ...args, '--data', disk], {
          env: all,
          timeoutMs: 600_000,
          ...options,
        });
      };
      return {
        name: machineName,
        address: `${management}.${number}`,
        dataAddress: `${data}.${number}`,
        data: disk,
        enter,
        haneul: (...args) => haneul(args, {}),
        tryHaneul: (...args) => haneul(args, { allow: true }),
        run: (command, options) => boxOf().run(command, options),
        async kill(role) {
          const pid = /\d+/.exec(readFileSync(join(disk, 'supervisor', `${role}.pid`), 'utf8'))?.[0];
          if (!pid) throw new Error(`${role} does not run on ${machineName}`);
          await boxOf().run(['kill', '-KILL', pid]);
        },
        async powerOff() {
          await unplug(number);
          await boxOf().end();
        },
        powerOn: boot,
      };
    },
    async cut(one, other) {
      await hub.run(['nft', 'add', 'element', 'bridge', 'bed', 'cut', `{ ${elements(pairs(one, other))} }`]);
    },
    async heal(one, other) {
      await hub.run(['nft', 'delete', 'element', 'bridge', 'bed', 'cut', `{ ${elements(pairs(one, other))} }`]);
    },
    isolate: machine => setLinks(machine, 'down'),
    rejoin: machine => setLinks(machine, 'up'),
    async [Symbol.asyncDispose]() {
      await Promise.all([...machines.values()].map(({ box }) => box.end()));
      await run(['ip', 'link', 'delete', `bed${bed}`], { allow: true });
      await hub.end();
      if (!process.env['HANEUL_KEEP_BED']) rmSync(directory, { recursive: true, force: true });
    },
  };
}

function hex(number: number): string {
  return number.toString(16).padStart(2, '0');
}

/** Makes the switch. @returns the bed's number, which no other bed has now */
async function wire(hub: Box): Promise<number> {
  for (const bridge of ['management', 'data']) {
    await hub.run(['ip', 'link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0']);
    await hub.run(['ip', 'link', 'set', bridge, 'up']);
  }
  const rules = `table bridge bed {
  set cut { type ifname . ifname; }
  chain forward {
    type filter hook forward priority 0
    meta iifname . meta oifname @cut drop
  }
}`;
  await hub.run(['nft', '-f', '-'], { input: rules });
  for (let bed = 1; bed < 250; bed++) {
    // A name can be taken once.
    const own = ['type', 'veth', 'peer', 'name', 'uplink', 'netns', String(hub.pid)];
    const { status, stderr } = await run(['ip', 'link', 'add', `bed${bed}`, ...own], { allow: true });
    if (status !== 0) {
      if (/exists/.test(stderr)) continue;
      throw new Error(stderr);
    }
    await hub.run(['ip', 'link', 'set', 'uplink', 'master', 'management', 'up']);
    await run(['ip', 'address', 'add', `10.99.${bed}.254/24`, 'dev', `bed${bed}`]);
    await run(['ip', 'link', 'set', `bed${bed}`, 'up']);
    return bed;
  }
  throw new Error('too many test beds on this machine');
}

/** Built once for all tests: a machine of the bed is too far from the packages that it is made of. */
async function placeGuestImage(disk: string): Promise<void> {
  const built = dirname(await testGuestImage());
  const images = join(disk, 'guest-images');
  mkdirSync(images, { recursive: true });
  for (const name of readdirSync(built)) if (name !== 'packages') cpSync(join(built, name), join(images, name));
  writeFileSync(join(disk, '.haneul'), '');
}

/** Removes the disks of beds whose process was killed; their machines ended with it. */
export function removeLeftovers(): void {
  for (const name of existsSync(beds) ? readdirSync(beds) : [])
    if (!existsSync(`/proc/${name.split('-').at(-1)}`))
      // What still ends may write one more file.
      rmSync(join(beds, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
}
