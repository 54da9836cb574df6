// The reality of one simulated machine: what stays when its agent dies. Drivers made over the same host
// find what earlier ones left, so a test drops the agent at any point and starts a new one.

import type { BaseImage, Guest, GuestExit } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { Filters, HostGroup, MetadataHandler, NetworkEntry } from '#/drivers/network/network-driver.ts';
import { type Faults, simulatedFaults } from '#/drivers/simulated-faults.ts';
import type { Disk } from '#/drivers/volume/volume-driver.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import { sleep } from '#/platform/clock/clock.ts';

export interface SimulatedGuest {
  /** The last entry that was made so. */
  entry: Guest;
  power: 'running' | 'stopped' | 'paused' | 'crashed';
  /** The boot number that runs or ran last; -1 before the first start. */
  boot: number;
  /** Set when the guest ended by itself under `boot`. */
  exitReason: string | null;
  /** How often it really started: a reboot counts too. */
  starts: number;
  /** Which generation the root disk was made for. */
  rootGeneration: number;
  /** Tells its local disk's content from others. */
  disk: string;
  /** The disk that waits to be taken back. */
  kept: { id: string; disk: string; back: boolean } | null;
  /** The migration that brought it here. */
  takenBy: string | null;
  /** It came over as it ran, and waits to go on. */
  arrived: boolean;
  /** How far it is on its way to another host. */
  sending: { id: string; looks: number; phase: 'sending' | 'ready' | 'handed-over' } | null;
  /** The copies of its local disk, by id, as the disk was then. */
  copies: Map<string, string>;
  startedAt: number;
  console: string[];
}

export interface SimulatedDisk {
  sizeGib: number;
  /** What the first content came from, as the entry said. */
  source: Disk['source'] | null;
  exported: boolean;
  /** What other hosts show to reach it. */
  tickets: string[];
  snapshots: Set<string>;
}

/** The machines of one cloud, between which guests move. */
export interface Neighbourhood {
  machines: Map<string, SimulatedMachine>;
  /** Which of them have a guest, whether it runs or not. */
  holders: Map<Guest['key'], SimulatedHost[]>;
}

export type PlacedEntry = Exclude<NetworkEntry, HostGroup>;

export interface SimulatedHost {
  readonly name: string;
  /** Itself and the other machines of its cloud; absent where there is none. */
  neighbourhood?: Neighbourhood;
  /** Guests that ran here while they ran on a neighbour: there must never be one. */
  doubles: Set<string>;
  /** Disks here to which two guests could write at once. */
  contested: Set<string>;
  /** How many local disks of guests were made here. */
  disksMade: number;
  guests: Map<Guest['key'], SimulatedGuest>;
  images: Map<BaseImage['key'], BaseImage>;
  disks: Map<Disk['key'], SimulatedDisk>;
  network: Map<PlacedEntry['key'], PlacedEntry>;
  /** Null until the first `ensureFilters` since the machine started. */
  filters: Filters | null;
  faults: Faults;
  /** What the agent answers guests' metadata requests with; null while none listens. */
  metadata: MetadataHandler | null;
  /** Lets a guest end by itself. Nothing happens to one that does not run. */
  exit(serverId: string, kind: GuestExit['kind']): void;
  /** The machine loses power and comes back: disks and files stay, guests, exports and networks are gone. */
  reboot(): void;
  /** The agent dies: its drivers do nothing more, not even what they had begun. */
  dropAgent(): void;
}

/** What drivers share with the host, beyond what tests see. */
export interface SimulatedMachine extends SimulatedHost {
  listen(listener: (exit: GuestExit) => void): void;
  /** Tells the listener of the exits that nobody saw. */
  reportExits(): void;
  /** A gate for one driver: every call passes it. Latency and faults happen there. */
  gate(clock: Clock): Gate;
}

/**
 * Runs one call of a driver. `effect` happens at once, after the latency, unless the agent died meanwhile;
 * a dead agent's call never returns.
 */
export type Gate = <T>(call: string, delayMs: number, effect: () => T) => Promise<T>;

export function neighbourhood(): Neighbourhood {
  return { machines: new Map(), holders: new Map() };
}

/** A machine with nothing on it, which joins its neighbourhood. @param facts.random only decides random faults */
export function simulatedHost(facts: {
  random: Random;
  name?: string;
  neighbourhood?: Neighbourhood;
}): SimulatedMachine {
  let agent = 0;
  let listener: { agent: number; call: (exit: GuestExit) => void } | null = null;
  let unseen: GuestExit[] = [];
  const faults = simulatedFaults(facts.random);

  function reportExits(): void {
    if (listener?.agent !== agent) return;
    const exits = unseen;
    unseen = [];
    for (const exit of exits) listener.call(exit);
  }

  const host: SimulatedMachine = {
    name: facts.name ?? 'host',
    ...(facts.neighbourhood && { neighbourhood: facts.neighbourhood }),
    disksMade: 0,
    doubles: new Set(),
    contested: new Set(),
    guests: facts.neighbourhood ? new KnownGuests(facts.neighbourhood, () => host) : new Map(),
    images: new Map(),
    disks: new Map(),
    network: new Map(),
    filters: null,
    faults,
    metadata: null,
    exit(serverId, kind) {
      const guest = host.guests.get(`server/${serverId}`);
      if (!guest || (guest.power !== 'running' && guest.power !== 'paused')) return;
      guest.power = kind === 'crash' ? 'crashed' : 'stopped';
      guest.exitReason = kind === 'crash' ? 'The simulated guest crashed.' : 'shutdown';
      unseen.push({ serverId, boot: guest.boot, reason: guest.exitReason, kind });
      reportExits();
    },
    reboot() {
      for (const guest of host.guests.values()) {
        guest.power = 'stopped';
        guest.boot = -1;
        guest.exitReason = null;
        guest.arrived = false;
        guest.sending = null;
      }
      for (const disk of host.disks.values()) disk.exported = false;
      host.network.clear();
      host.filters = null;
      unseen = [];
      host.dropAgent();
    },
    dropAgent() {
      agent += 1;
      listener = null;
      host.metadata = null;
    },
    listen(call) {
      listener = { agent, call };
    },
    reportExits,
    gate(clock) {
      const mine = agent;
      return async (call, delayMs, effect) => {
        const fault = faults.take(call);
        if (delayMs > 0) await sleep(clock, delayMs);
        if (mine !== agent || fault === 'hang') return new Promise(() => {});
        if (fault === 'fail') throw faults.failure(call);
        const answer = effect();
        if (fault === 'loseAnswer') throw faults.failure(call);
        return answer;
      };
    },
  };
  facts.neighbourhood?.machines.set(host.name, host);
  return host;
}

/** A machine's guests, of whose coming and going the neighbourhood knows. */
class KnownGuests extends Map<Guest['key'], SimulatedGuest> {
  readonly #holders: Neighbourhood['holders'];
  readonly #machine: () => SimulatedHost;

  constructor({ holders }: Neighbourhood, machine: () => SimulatedHost) {
    super();
    this.#holders = holders;
    this.#machine = machine;
  }

  override set(key: Guest['key'], guest: SimulatedGuest): this {
    if (!this.has(key)) this.#holders.set(key, [...(this.#holders.get(key) ?? []), this.#machine()]);
    return super.set(key, guest);
  }

  override delete(key: Guest['key']): boolean {
    const others = (this.#holders.get(key) ?? []).filter(host => host !== this.#machine());
    if (others.length > 0) this.#holders.set(key, others);
    else this.#holders.delete(key);
    return super.delete(key);
  }
}
