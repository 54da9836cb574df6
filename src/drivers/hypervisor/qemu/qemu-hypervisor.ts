// Guests as QEMU processes on this machine, under KVM where it really works and TCG where not.
// Each guest is a detached, sandboxed process of the unprivileged guest user; it outlives this driver.

import { chmod, mkdir, readdir, rm, statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Guest, GuestExit, HypervisorDriver } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import type { Tools } from '#/drivers/tools.ts';
import type { Channel } from '#/platform/channel/channel.ts';
import type { Timer } from '#/platform/clock/clock.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type Acceleration, chooseAccelerator } from './accelerator.ts';
import { cutLog, readConsole } from './console-log.ts';
import { diagnose } from './diagnostics.ts';
import { copyDisk, cutCopyShort, dropDiskCopy } from './disk-copy.ts';
import { newState, readState } from './guest-state.ts';
import { type QemuHost, readBootId } from './host.ts';
import { type FetchImage, keepImages } from './images.ts';
import { type Machine, openMachine } from './machine.ts';
import { guestPaths, idOf, isUuid, longestDirectory } from './paths.ts';
import { findProcesses, type GuestUser, killHard, qemuBinary } from './process.ts';

export interface QemuOptions {
  /** Where the image store is on another machine. */
  fetchImage?: FetchImage | undefined;
  /** Absolute; created when absent. All of its parents must let the guest user pass. */
  directory: string;
  /** Who guests run as. */
  user: GuestUser;
  tools: Tools;
  /** `auto` by default: KVM when a probe guest runs under it. */
  accelerator?: 'auto' | 'tcg' | 'kvm';
  /** Files of stock kernels: whether KVM can boot one of them tells more than a probe guest. */
  kernels?: string[];
  /** To other hosts; without it guests stay where they are. */
  channel?: Channel | null;
  /** How long a guest may take to power off when it is asked; 60,000 by default. */
  shutdownTimeoutMs?: number;
}

const logCheckMs = 5_000;

/** @throws Problem invalid when the directory's name is too long for unix sockets in it */
export function qemuHypervisor(options: QemuOptions): HypervisorDriver {
  const { directory, user, tools } = options;
  if (directory.length > longestDirectory)
    throw new Problem('invalid', hypervisorTexts.directoryTooLong, { directory, limit: longestDirectory });
  const { clock, log, run } = tools;
  const guests = join(directory, 'guests');
  const images = keepImages(directory, user, tools, options.fetchImage);
  const machines = new Map<string, Machine>();
  const turns = new Map<string, Promise<unknown>>();
  /** Which copy is being made of which guest's disk. */
  const copying = new Map<string, string>();
  const listeners: ((exit: GuestExit) => void)[] = [];
  const untold: GuestExit[] = [];
  let acceleration: Promise<Acceleration> | undefined;
  let opened: Promise<QemuHost> | undefined;
  let logTimer: Timer | undefined;
  let closed = false;

  const accelerationOf = (): Promise<Acceleration> =>
    (acceleration ??= chooseAccelerator(options.accelerator ?? 'auto', user, directory, tools, options.kernels ?? []));

  function open(): Promise<QemuHost> {
    return (opened ??= (async () => {
      for (const path of [directory, guests, join(directory, 'images')]) {
        await mkdir(path, { recursive: true });
        // Guests reach their own files through these, whatever the umask; they list nothing.
        await chmod(path, path === directory || path === guests ? 0o711 : 0o755);
      }
      checkLogsLater();
      const shutdownTimeoutMs = options.shutdownTimeoutMs ?? 60_000;
      return {
        directory,
        user,
        tools,
        images,
        shutdownTimeoutMs,
        channel: options.channel ?? null,
        hostBootId: await readBootId(),
        acceleration: accelerationOf,
      };
    })());
  }

  function checkLogsLater(): void {
    if (closed) return;
    logTimer = clock.after(logCheckMs, () => {
      void checkLogs().finally(checkLogsLater);
    });
  }

  async function checkLogs(): Promise<void> {
    for (const { paths, pid } of machines.values()) {
      if (pid === null) continue;
      await cutLog(paths.console, paths.consoleOld).catch(error =>
        log.warn({ err: error }, 'a console log was not cut'),
      );
      await cutLog(paths.log, `${paths.log}.old`).catch(() => {});
    }
  }

  function exited(exit: GuestExit): void {
    if (listeners.length === 0) untold.push(exit);
    for (const listener of listeners) listener(exit);
  }

  /** One move per guest at a time, in the order of the calls. */
  function inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = turns.get(id) ?? Promise.resolve();
    const mine = before.then(work, work);
    const quiet = mine.catch(() => {});
    turns.set(id, quiet);
    void quiet.then(() => turns.get(id) === quiet && turns.delete(id));
    return mine;
  }

  /** The guest, made known when it is new. */
  async function machineOf(id: string): Promise<Machine> {
    const known = machines.get(id);
    if (known) return known;
    const host = await open();
    const state = (await readState(guestPaths(directory, id).state)) ?? newState((await accelerationOf()).kind);
    const machine = openMachine(host, id, state, exited);
    // One that `restore` was not told of (a record that never got written) must not get a twin.
    const pid = (await findProcesses(user, directory)).get(id);
    if (pid !== undefined) await machine.restore(pid);
    machines.set(id, machine);
    return machine;
  }

  function existing(key: Guest['key']): Machine {
    const id = idOf('server', key);
    const machine = machines.get(id);
    if (!machine) throw new Problem('notFound', hypervisorTexts.guestMissing, { server: id });
    return machine;
  }

  options.channel?.serve('guest', async ({ id, ticket, stream }) => {
    const asked = isUuid(id) ? machines.get(id) : undefined;
    return asked ? await asked.moves.open(ticket, stream) : null;
  });

  async function guestIds(): Promise<string[]> {
    return (await readdir(guests).catch(() => [])).filter(isUuid);
  }

  return {
    async capabilities() {
      await open();
      const { kind, kvmProblem } = await accelerationOf();
      const { stdout } = await run([qemuBinary, '--version']);
      const [major = 0, minor = 0, patch = 0] = (/version (\d+)\.(\d+)\.(\d+)/.exec(stdout) ?? []).slice(1).map(Number);
      const { blocks, bsize } = await statfs(directory);
      const processors = cpus();
      return {
        type: kind === 'kvm' ? 'KVM' : 'QEMU',
        version: major * 1_000_000 + minor * 1_000 + patch,
        accelerator: kind,
        kvmProblem,
        vcpus: processors.length,
        memoryMib: Math.floor(totalmem() / 1024 ** 2),
        diskGib: Math.floor((blocks * bsize) / 1024 ** 3),
        cpuModel: processors[0]?.model ?? 'unknown',
        architecture: 'x86_64',
      };
    },
    async list() {
      const ids = await guestIds();
      return { guests: ids.map(id => `server/${id}` as const), images: await images.list() };
    },
    async restore() {
      const host = await open();
      const processes = await findProcesses(user, directory);
      await Promise.all(
        (await guestIds()).map(async id => {
          if (machines.has(id)) return;
          const state = (await readState(guestPaths(directory, id).state)) ?? newState('tcg');
          const machine = openMachine(host, id, state, exited);
          machines.set(id, machine);
          await machine.restore(processes.get(id) ?? null);
        }),
      );
    },
    async ensureImage(image) {
      await open();
      return await inTurn(image.key, async () => {
        const { path, format, virtualSizeBytes } = await images.ensure(image);
        return { path, format, virtualSizeBytes };
      });
    },
    async removeImage(key) {
      const id = idOf('image', key);
      for (const machine of machines.values())
        if (machine.state.base === key)
          throw new Problem('conflict', hypervisorTexts.imageInUse, { image: id, server: machine.id });
      await inTurn(key, () => images.remove(key));
    },
    async ensureGuest(guest) {
      const id = idOf('server', guest.key);
      if (id !== guest.serverId)
        throw new Problem('invalid', hypervisorTexts.badKey, { key: guest.key, kind: 'server' });
      return await inTurn(id, async () => (await machineOf(id)).ensure(guest));
    },
    async removeGuest(key) {
      const id = idOf('server', key);
      // Not in turn: a stop that waits for the guest must not hold up its removal.
      await machines.get(id)?.kill();
      await inTurn(id, async () => {
        await machines.get(id)?.kill();
        machines.delete(id);
        const { directory: files } = guestPaths(directory, id);
        const pid = (await findProcesses(user, directory)).get(id);
        if (pid !== undefined) await killHard(pid, files, clock);
        await rm(files, { recursive: true, force: true, maxRetries: 3 });
      });
    },
    async reboot(guest, kind) {
      const id = idOf('server', guest.key);
      await inTurn(id, async () => (await machineOf(id)).reboot(guest, kind));
    },
    async sendGuest(guest, act) {
      const id = idOf('server', guest.key);
      return await inTurn(id, async () => (await machineOf(id)).moves.send(guest, act));
    },
    async copyDisk(guest, copyId) {
      const id = idOf('server', guest.key);
      return await inTurn(id, async () => {
        copying.set(id, copyId);
        try {
          return await copyDisk(await open(), await machineOf(id), guest, copyId);
        } finally {
          copying.delete(id);
        }
      });
    },
    async dropDiskCopy(key, copyId) {
      const id = idOf('server', key);
      const running = machines.get(id);
      // One that is under way need not come to its end.
      if (running && copying.get(id) === copyId) await cutCopyShort(running);
      await inTurn(id, async () => {
        const machine = machines.get(id);
        if (machine) await dropDiskCopy(await open(), machine.paths, key, copyId);
      });
    },
    consoleLog: async (key, lines) => await readConsole(existing(key).paths, lines),
    async consoleSocket(key, kind) {
      const machine = existing(key);
      machine.control();
      return kind === 'vnc' ? machine.paths.vnc : machine.paths.serial;
    },
    diagnostics: async key => await diagnose(existing(key)),
    onExit(listener) {
      listeners.push(listener);
      for (const exit of untold.splice(0)) listener(exit);
    },
    async close() {
      closed = true;
      logTimer?.cancel();
      for (const machine of machines.values()) machine.leave();
      machines.clear();
    },
  };
}
