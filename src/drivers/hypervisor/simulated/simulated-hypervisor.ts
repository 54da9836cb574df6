// Guests of a simulated host: they start, stop, reboot and die, and write a console log, but run nothing.

import type { Guest, GuestFacts, HypervisorDriver } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { SimulatedGuest, SimulatedMachine } from '#/drivers/simulated-host.ts';
import { prepareMove, sendSimulated } from '#/drivers/hypervisor/simulated/simulated-moves.ts';
import { noteContests, reaches } from '#/drivers/simulated-writers.ts';
import { simulatedTexts } from '#/drivers/simulated-texts.ts';
import type { Tools } from '#/drivers/tools.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface SimulatedHypervisorOptions {
  tools: Tools;
  host: SimulatedMachine;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  /** How long things take, in milliseconds. Default 0: a server is active at once. */
  delays?: { image?: number; start?: number; stop?: number; reboot?: number };
}

/** Lines of console that a guest keeps. */
const consoleLines = 2_000;
/** How long a copy of a disk claims to be. */
const copyBytes = 64 << 10;

/**
 * Runs the guests of a simulated host. Calls in `host.faults`: `hypervisor.capabilities`, `.list`, `.restore`,
 * `.ensureImage`, `.removeImage`, `.ensureGuest`, `.removeGuest`, `.reboot`, `.sendGuest`, `.copyDisk`, `.dropDiskCopy`,
 * `.consoleLog`, `.diagnostics`.
 */
export function simulatedHypervisor(options: SimulatedHypervisorOptions): HypervisorDriver {
  const { host, vcpus, memoryMib, diskGib, delays = {} } = options;
  const { clock } = options.tools;
  const gate = host.gate(clock);

  return {
    capabilities: () =>
      gate('hypervisor.capabilities', 0, () => ({
        type: 'simulated',
        version: 1_000_000,
        accelerator: 'simulated',
        vcpus,
        memoryMib,
        diskGib,
        cpuModel: 'simulated',
        architecture: 'x86_64',
      })),
    list: () =>
      gate('hypervisor.list', 0, () => ({ guests: [...host.guests.keys()], images: [...host.images.keys()] })),
    restore: () => gate('hypervisor.restore', 0, () => host.reportExits()),
    ensureImage: image =>
      gate('hypervisor.ensureImage', host.images.has(image.key) ? 0 : (delays.image ?? 0), () => {
        host.images.set(image.key, structuredClone(image));
        const format = image.format === 'qcow2' ? 'qcow2' : 'raw';
        return { path: `/simulated/${image.key}`, format, virtualSizeBytes: image.sizeBytes };
      }),
    removeImage: key => gate('hypervisor.removeImage', 0, () => void host.images.delete(key)),
    ensureGuest: guest =>
      gate('hypervisor.ensureGuest', delayOf(host.guests.get(guest.key), guest, delays), () => {
        const facts = ensure(host, guest, clock);
        noteDouble(host, guest.key);
        noteContests(host, guest);
        return facts;
      }),
    removeGuest: key => gate('hypervisor.removeGuest', delays.stop ?? 0, () => void host.guests.delete(key)),
    reboot: guest =>
      gate('hypervisor.reboot', delays.reboot ?? 0, () => {
        const held = find(host, guest.key);
        if (held.power === 'stopped' || held.power === 'crashed')
          throw new Problem('conflict', simulatedTexts.notRunning, { serverId: guest.serverId });
        start(held, clock);
      }),
    sendGuest: (guest, act) =>
      gate('hypervisor.sendGuest', 0, () => {
        const told = sendSimulated(host, find(host, guest.key), guest, act);
        noteDouble(host, guest.key);
        noteContests(host, guest);
        return told;
      }),
    copyDisk: (guest, id) =>
      gate('hypervisor.copyDisk', 0, () => {
        const held = find(host, guest.key);
        if (!held.entry.root) throw new Problem('conflict', simulatedTexts.noRootDisk, { serverId: guest.serverId });
        const disk = held.copies.get(id) ?? held.disk;
        held.copies.clear();
        held.copies.set(id, disk);
        return { format: 'raw', sizeBytes: copyBytes, content: { kind: 'simulated' } };
      }),
    dropDiskCopy: (key, id) => gate('hypervisor.dropDiskCopy', 0, () => void host.guests.get(key)?.copies.delete(id)),
    consoleLog: (key, lines) =>
      gate('hypervisor.consoleLog', 0, () => {
        const log = find(host, key).console;
        const wanted = lines === null ? log : lines > 0 ? log.slice(-lines) : [];
        return wanted.map(line => `${line}\n`).join('');
      }),
    async consoleSocket(key, kind) {
      throw new Problem('unsupported', simulatedTexts.noConsole, { serverId: serverIdOf(key), kind });
    },
    diagnostics: key => gate('hypervisor.diagnostics', 0, () => diagnosticsOf(find(host, key), clock)),
    onExit: listener => host.listen(listener),
    async close() {},
  };
}

/** A guest runs on one host at most: tests ask the machine whether that held at every moment. */
function noteDouble(host: SimulatedMachine, key: Guest['key']): void {
  if (host.guests.get(key)?.power !== 'running') return;
  for (const other of host.neighbourhood?.holders.get(key) ?? [])
    if (other !== host && other.guests.get(key)?.power === 'running') host.doubles.add(key);
}

function ensure(host: SimulatedMachine, guest: Guest, clock: Clock): GuestFacts {
  const held = host.guests.get(guest.key) ?? create(host, guest);
  const asked = structuredClone(guest);
  if (prepareMove(host, held, guest)) {
    host.guests.set(guest.key, held);
    held.entry = asked;
    return factsOf(held, guest);
  }
  const wanted = guest.power;
  if (held.arrived) {
    // It came over as it ran.
    held.arrived = false;
    if (wanted !== 'stopped' && held.power === 'paused') held.power = wanted;
  }
  const runs = held.power === 'running' || held.power === 'paused';
  // A guest that ended by itself stays down until a higher number asks for it again.
  const due = wanted !== 'stopped' && (guest.boot > held.boot || (!runs && held.exitReason === null));
  if (wanted !== 'stopped' && (due || runs)) checkParts(host, guest);
  host.guests.set(guest.key, held);
  held.entry = asked;
  if (held.rootGeneration !== guest.rootGeneration) held.disk = newDisk(host, guest);
  held.rootGeneration = guest.rootGeneration;
  if (wanted === 'stopped') {
    if (runs) say(held, clock, 'reboot: Power down');
    held.power = 'stopped';
    held.exitReason = null;
  } else if (due) {
    start(held, clock);
  }
  if (held.power === 'running' || held.power === 'paused') held.power = wanted;
  return factsOf(held, guest);
}

function factsOf(held: SimulatedGuest, { move }: Guest): GuestFacts {
  return {
    power: held.power,
    accelerator: 'simulated',
    boot: Math.max(held.boot, 0),
    ...(held.exitReason !== null && { exitReason: held.exitReason }),
    ...(move?.kind === 'leave' && { layout: { places: {}, disks: {} } }),
  };
}

/** What can be told apart of a disk's content: where and how often it was made. */
function newDisk(host: SimulatedMachine, { key, rootGeneration }: Guest): string {
  return `${host.name} ${host.disksMade++}: ${key} ${rootGeneration}`;
}

function create(host: SimulatedMachine, guest: Guest): SimulatedGuest {
  return {
    entry: guest,
    power: 'stopped',
    boot: -1,
    exitReason: null,
    starts: 0,
    rootGeneration: guest.rootGeneration,
    disk: newDisk(host, guest),
    kept: null,
    takenBy: null,
    arrived: false,
    sending: null,
    copies: new Map(),
    startedAt: 0,
    console: [],
  };
}

/** What a real hypervisor would not start without. */
function checkParts(host: SimulatedMachine, guest: Guest): void {
  const needed: string[] = [];
  for (const image of [guest.root?.image, guest.kernel?.kernel, guest.kernel?.ramdisk])
    if (image && !host.images.has(image)) needed.push(image);
  for (const disk of guest.disks) if (!reaches(host, disk)) needed.push(`volume/${disk.volumeId}`);
  for (const { portId } of guest.nics) if (!host.network.has(`port/${portId}`)) needed.push(`port/${portId}`);
  if (needed.length > 0) throw new Problem('unavailable', simulatedTexts.missing, { key: guest.key, needs: needed });
}

function start(held: SimulatedGuest, clock: Clock): void {
  const guest = held.entry;
  held.power = 'running';
  held.boot = guest.boot;
  held.exitReason = null;
  held.starts += 1;
  held.startedAt = clock.monotonic();
  const hostname = String(guest.instanceData.metaData['hostname'] ?? guest.name).split('.')[0]!;
  say(held, clock, `Linux version 6.1.0-simulated (${guest.vcpus} vCPU, ${guest.memoryMib} MiB)`);
  for (const [index, nic] of guest.nics.entries())
    say(held, clock, `virtio_net eth${index}: ${nic.mac} mtu ${nic.mtu}`);
  for (const disk of guest.disks) say(held, clock, `virtio_blk ${disk.device}: ${disk.volumeId}`);
  say(held, clock, `haneul: ssh up, host ${hostname}`);
  if (guest.instanceData.userData !== undefined) say(held, clock, 'haneul: user-data: exit status 0');
  held.console.push('=== end of boot ===', '', `${hostname} login:`);
}

function say(held: SimulatedGuest, clock: Clock, line: string): void {
  const seconds = (clock.monotonic() - held.startedAt) / 1000;
  held.console.push(`[${seconds.toFixed(6).padStart(12)}] ${line}`);
  if (held.console.length > consoleLines) held.console.splice(0, held.console.length - consoleLines);
}

function delayOf(held: SimulatedGuest | undefined, guest: Guest, delays: { start?: number; stop?: number }): number {
  const runs = held?.power === 'running' || held?.power === 'paused';
  if (guest.power === 'stopped') return runs ? (delays.stop ?? 0) : 0;
  return runs && held?.boot === guest.boot ? 0 : (delays.start ?? 0);
}

function diagnosticsOf(held: SimulatedGuest, clock: Clock): Record<string, unknown> {
  const { entry } = held;
  const diagnostics: Record<string, unknown> = {
    state: held.power,
    uptime: held.power === 'running' ? Math.floor((clock.monotonic() - held.startedAt) / 1000) : 0,
    memory: entry.memoryMib * 1024,
    'memory-actual': entry.memoryMib * 1024,
    'memory-rss': 0,
  };
  for (let cpu = 0; cpu < entry.vcpus; cpu += 1) diagnostics[`cpu${cpu}_time`] = 0;
  for (const device of [...(entry.root ? ['vda'] : []), ...entry.disks.map(disk => disk.device)])
    for (const counter of ['read', 'read_req', 'write', 'write_req', 'errors']) diagnostics[`${device}_${counter}`] = 0;
  for (const { tap } of entry.nics)
    for (const counter of ['rx', 'rx_packets', 'rx_errors', 'rx_drop', 'tx', 'tx_packets', 'tx_errors', 'tx_drop'])
      diagnostics[`${tap}_${counter}`] = 0;
  return diagnostics;
}

function find(host: SimulatedMachine, key: Guest['key']): SimulatedGuest {
  const held = host.guests.get(key);
  if (!held) throw new Problem('notFound', simulatedTexts.noGuest, { serverId: serverIdOf(key) });
  return held;
}

function serverIdOf(key: Guest['key']): string {
  return key.slice('server/'.length);
}
