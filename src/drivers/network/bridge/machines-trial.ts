// Tests only: several machines as namespaces on one underlay, each with a driver of its own, and guests on them.

import { type ChildProcess, fork } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isIPv6 } from 'node:net';
import type { Filters, HostPort, NetworkDriver } from '../network-driver.ts';
import { type Guest, guest, machineState, must, run, trialDirectory } from './host-trial.ts';
import type { Order } from './trial-machine.ts';

const program = fileURLToPath(new URL('./trial-machine.ts', import.meta.url));
const underlayMtu = 1500;

type Entry = Parameters<NetworkDriver['ensure']>[0];

export interface Machine {
  name: string;
  namespace: string;
  /** On the underlay: its end of the tunnels. */
  address: string;
  directory: string;
  /** Everything that the machine is to hold; what it held besides is removed. */
  apply(entries: Entry[]): Promise<void>;
  /** A guest behind a port of the machine. */
  plug(name: string, port: HostPort, address?: string, gateway?: string): Promise<Guest>;
  run(...command: string[]): Promise<{ status: number; text: string }>;
  /** How it stands with its highly available routers, as it told: id → state. */
  states: Map<string, string>;
  /** Its link to the others. */
  cut(): Promise<void>;
  heal(): Promise<void>;
}

export interface MachinesTrial extends AsyncDisposable {
  machines: Machine[];
}

/** @param addresses of each machine on the underlay, with prefix length */
export async function openMachines(addresses: string[]): Promise<MachinesTrial> {
  const pristine = await machineState();
  const directory = await trialDirectory();
  const hub = 't7e57-switch';
  await must('ip', 'netns', 'add', hub);
  await must('ip', '-n', hub, 'link', 'add', 'name', 'underlay', 'type', 'bridge');
  await must('ip', '-n', hub, 'link', 'set', 'underlay', 'up');
  const opened: { machine: Machine; end(): Promise<void> }[] = [];
  for (const [at, address] of addresses.entries()) opened.push(await openMachine(hub, directory.path, at, address));
  return {
    machines: opened.map(each => each.machine),
    async [Symbol.asyncDispose]() {
      for (const { end } of opened) await end();
      await must('ip', 'netns', 'delete', hub);
      await directory.remove();
      const left = (await machineState()).split('\n').filter(line => !pristine.includes(line));
      if (left.length > 0) throw new Error(`left behind: ${left.join('\n')}`);
    },
  };
}

async function openMachine(
  hub: string,
  root: string,
  at: number,
  address: string,
): Promise<{ machine: Machine; end(): Promise<void> }> {
  const name = `m${at + 1}`;
  const namespace = `t7e57-${name}`;
  const link = `u${at + 1}`;
  await must('ip', 'netns', 'add', namespace);
  await must('ip', '-n', hub, 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  await must('ip', '-n', hub, 'link', 'set', link, 'master', 'underlay', 'up');
  await must('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
  await must('ip', '-n', namespace, 'link', 'set', 'eth0', 'mtu', String(underlayMtu), 'up');
  await must(
    ...['ip', '-n', namespace, 'addr', 'add', address, 'dev', 'eth0'],
    ...(isIPv6(address.split('/')[0]!) ? ['nodad'] : []),
  );
  const directory = join(root, name);
  await mkdir(directory, { mode: 0o755 });
  const own = address.split('/')[0]!;
  const states = new Map<string, string>();
  const driver = await startDriver(name, namespace, directory, `7e57c${at + 1}`, own, states);
  const guests: Guest[] = [];
  const machine: Machine = {
    name,
    namespace,
    address: own,
    directory,
    states,
    async apply(entries) {
      const of = <E extends Entry>(kind: string): E[] => entries.filter(entry => entry.key.startsWith(kind)) as E[];
      const filters: Filters = { networks: of('network/'), ports: of('port/'), groups: [] };
      await driver.order({ do: 'apply', entries, filters });
    },
    async plug(guestName, port, guestAddress, gateway) {
      const made = await guest(guestName, port, guestAddress, gateway, namespace);
      guests.push(made);
      return made;
    },
    run: (...command) => run('nsenter', `--net=/run/netns/${namespace}`, ...command),
    async cut() {
      await must('ip', '-n', hub, 'link', 'set', link, 'down');
    },
    async heal() {
      await must('ip', '-n', hub, 'link', 'set', link, 'up');
    },
  };
  return {
    machine,
    async end() {
      for (const each of guests) await each.remove();
      await driver.order({ do: 'clear' });
      await driver.end();
      await must('ip', 'netns', 'delete', namespace);
    },
  };
}

async function startDriver(
  name: string,
  namespace: string,
  directory: string,
  cloud: string,
  address: string,
  states: Map<string, string>,
) {
  const child: ChildProcess = fork(program, [name, directory, cloud, address], {
    execPath: 'nsenter',
    execArgv: [`--net=/run/netns/${namespace}`, process.execPath],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, { resolve(): void; reject(error: Error): void }>();
  child.on('message', ({ id, failed, router }: { id: number; failed?: string; router?: [string, string] }) => {
    if (router) states.set(...router);
    const turn = waiting.get(id);
    waiting.delete(id);
    if (failed === undefined) turn?.resolve();
    else turn?.reject(new Error(`${name}: ${failed}`));
  });
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()));
  void gone.then(() => {
    for (const turn of waiting.values()) turn.reject(new Error(`${name} ended`));
  });
  const answer = (id: number): Promise<void> =>
    new Promise((resolve, reject) => void waiting.set(id, { resolve, reject }));
  let last = 0;
  await answer(0);
  return {
    order(order: Order extends infer O ? (O extends Order ? Omit<O, 'id'> : never) : never): Promise<void> {
      const id = ++last;
      const done = answer(id);
      child.send({ ...order, id });
      return done;
    },
    async end(): Promise<void> {
      child.send({ id: ++last, do: 'end' });
      await gone;
    },
  };
}
