// One guest on this host: its record, its process while there is one, and the moves between running and not.
// Callers do one move at a time; ends that nobody asked for are seen here and told at once.

import type { Guest, GuestExit, GuestFacts } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { sleep } from '#/platform/clock/clock.ts';
import { writeWhole } from '#/platform/files/write-whole.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { distantVolumes } from './distant-volumes.ts';
import { decidePower, endedUnseen, factsOf, type GuestState } from './guest-state.ts';
import type { QemuHost } from './host.ts';
import { dropKept } from './kept-disks.ts';
import { endingSentence, lastWords, launch, makeDirectories, prepare, reconnect, unknownEnding } from './launch.ts';
import { type Moves, movesOf } from './moves.ts';
import { type GuestPaths, guestPaths } from './paths.ts';
import { convergeDevices } from './plug.ts';
import { type Ending, isAlive, killHard, waitGone } from './process.ts';
import { type Qmp, QmpError } from './qmp.ts';

/** A guest that has a process. */
interface Live {
  pid: number;
  /** Null while the process does not answer. */
  qmp: Qmp | null;
  /** Known where we are its parent. */
  ending?: Ending;
  /** Why an end now is no exit. */
  purpose: 'none' | 'stop' | 'reboot' | 'leave' | 'arrive';
  over: boolean;
}

export interface Machine {
  readonly id: string;
  readonly paths: GuestPaths;
  readonly state: GuestState;
  readonly pid: number | null;
  /** Takes up a process that outlived the agent, or notes that it did not. */
  restore(pid: number | null): Promise<void>;
  ensure(guest: Guest): Promise<GuestFacts>;
  reboot(guest: Guest, kind: 'soft' | 'hard'): Promise<void>;
  /** What it does to come from another host, or to go to one. */
  readonly moves: Moves;
  /** Ends the process at once; a move under way is cut short. */
  kill(): Promise<void>;
  /** @throws Problem conflict when it does not run, unavailable when it does not answer */
  control(): Qmp;
  /** Lets go of the guest without touching it. */
  leave(): void;
}

const buttonRepeatMs = 10_000;
const quitTimeoutMs = 5_000;
const lostTimeoutMs = 1_000;
const reconnectMs = 2_000;

export function openMachine(host: QemuHost, id: string, state: GuestState, exited: (exit: GuestExit) => void): Machine {
  const { clock, log } = host.tools;
  const paths = guestPaths(host.directory, id);
  const distant = distantVolumes(host, id, paths);
  let live: Live | null = null;
  let saving: Promise<void> = Promise.resolve();
  let left = false;

  /** One write at a time; each writes what the state is by then. */
  function save(): Promise<void> {
    const write = () => writeWhole(paths.state, JSON.stringify(state));
    saving = saving.then(write, write);
    return saving;
  }

  function control(): Qmp {
    if (!live || live.over) throw new Problem('conflict', hypervisorTexts.notRunning, { server: id });
    if (!live.qmp || live.qmp.isClosed) throw new Problem('unavailable', hypervisorTexts.notAnswering, { server: id });
    return live.qmp;
  }

  async function runState(): Promise<string> {
    return (await control().execute<{ status: string }>('query-status')).status;
  }

  /** Volumes of other hosts are within the guest's reach, also under the next agent. */
  async function reachVolumes(guest: Guest): Promise<void> {
    await distant.offer(guest);
    await rememberWays();
  }

  async function rememberWays(): Promise<void> {
    const ways = distant.ways();
    if (JSON.stringify(ways) === JSON.stringify(state.distant ?? {})) return;
    state.distant = ways;
    await save();
  }

  /** Follows a connection: power-off, panic, and its end. */
  function watch(of: Live, qmp: Qmp): void {
    of.qmp = qmp;
    qmp.onEvent(({ event, data }) => {
      if (of.purpose !== 'none') return;
      if (event === 'SHUTDOWN' && data['guest'] === true) void end(of, shutdownExit(data['reason']));
      if (event === 'GUEST_PANICKED') void end(of, panicExit);
    });
    void qmp.closed.then(() => lost(of));
  }

  /** The guest ended by itself: note it, tidy up, tell. */
  async function end(of: Live, exit: Pick<GuestExit, 'kind' | 'reason'>): Promise<void> {
    if (of.over || left) return;
    of.over = true;
    const { boot } = state;
    Object.assign(state, { phase: 'exited', exit, rebooting: false } satisfies Partial<GuestState>);
    try {
      await save();
      await terminate(of);
    } catch (error) {
      log.error({ server: id, err: error }, 'the end of a guest could not be noted');
    } finally {
      if (live === of) live = null;
    }
    log.info({ server: id, ...exit }, 'guest exited');
    exited({ serverId: id, boot, ...exit });
  }

  /** The connection ended: did the process, too? */
  async function lost(of: Live): Promise<void> {
    if (of.over || left || of.purpose === 'stop') return;
    if (of.purpose === 'arrive') {
      // No guest was in it yet.
      of.over = true;
      if (live === of) live = null;
      return;
    }
    if (await waitGone(of.pid, paths.directory, clock, lostTimeoutMs)) {
      // Our own child's end is told a moment after it is gone.
      if (!of.ending) await sleep(clock, 50);
      const reason = [endingSentence(of.ending) || unknownEnding, await lastWords(paths)].filter(Boolean).join(' ');
      return await end(of, { kind: 'crash', reason });
    }
    log.warn({ server: id, pid: of.pid }, 'the guest process no longer answers');
    of.qmp = null;
    await findAgain(of);
  }

  /** Connects again until it succeeds or the process is gone. */
  async function findAgain(of: Live): Promise<void> {
    while (!of.over && of.purpose !== 'stop' && of.purpose !== 'leave') {
      if (!(await isAlive(of.pid, paths.directory)))
        return await end(of, { kind: 'crash', reason: endingSentence(of.ending) || unknownEnding });
      try {
        return await takeUp(of, await reconnect(paths, clock));
      } catch {
        await sleep(clock, reconnectMs);
      }
    }
  }

  /** What happened while nobody was connected. */
  async function takeUp(of: Live, qmp: Qmp): Promise<void> {
    if (left) return qmp.close();
    watch(of, qmp);
    const { status } = await qmp.execute<{ status: string }>('query-status');
    if (status === 'guest-panicked') return await end(of, panicExit);
    if (status !== 'shutdown') return;
    if (!state.rebooting) return await end(of, shutdownExit('guest-shutdown'));
    await startAgainInside(qmp);
  }

  async function start(guest: Guest): Promise<void> {
    await reachVolumes(guest);
    const facts = await prepare(host, guest, state, paths);
    const { hostBootId } = host;
    const { boot } = guest;
    const { accelerator } = facts;
    Object.assign(state, {
      boot,
      hostBootId,
      accelerator,
      phase: 'starting',
      exit: null,
      rebooting: false,
    } satisfies Partial<GuestState>);
    await save();
    const launched = await launch(host, guest, facts);
    const of: Live = { pid: launched.pid, qmp: null, purpose: 'none', over: false };
    void launched.ended.then(ending => (of.ending = ending));
    live = of;
    watch(of, launched.qmp);
    state.phase = 'running';
    await save();
    if (guest.power === 'running') await launched.qmp.execute('cont');
  }

  /** Asks the guest to power off. @returns false when it did not within the time */
  async function askToPowerOff(of: Live, qmp: Qmp): Promise<boolean> {
    const off = new AbortController();
    const deaf = qmp.onEvent(({ event }) => {
      if (event === 'SHUTDOWN' || event === 'GUEST_PANICKED') off.abort();
    });
    void qmp.closed.then(() => off.abort());
    try {
      const until = clock.monotonic() + host.shutdownTimeoutMs;
      for (let rest = host.shutdownTimeoutMs; rest > 0 && !off.signal.aborted; rest = until - clock.monotonic()) {
        // A guest that boots does not hear the button; pressing it again does no harm.
        await qmp.execute('system_powerdown');
        await sleep(clock, Math.min(rest, buttonRepeatMs), off.signal);
      }
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
    } finally {
      deaf();
    }
    return off.signal.aborted && !of.over;
  }

  async function stop(kindly: boolean): Promise<void> {
    const of = live;
    if (!of) return;
    of.purpose = 'stop';
    if (kindly && of.qmp && !of.qmp.isClosed && (await runState()) === 'running') await askToPowerOff(of, of.qmp);
    await terminate(of);
    of.over = true;
    if (live === of) live = null;
    Object.assign(state, { phase: 'stopped', exit: null, rebooting: false } satisfies Partial<GuestState>);
    await save();
  }

  /** Ends the process: by QMP, so that it flushes its disks; by force when it does not listen. */
  async function terminate(of: Live): Promise<void> {
    const asked = of.qmp?.execute('quit', undefined, quitTimeoutMs).then(
      () => true,
      () => false,
    );
    if (await asked) if (await waitGone(of.pid, paths.directory, clock, quitTimeoutMs)) return;
    if (!(await killHard(of.pid, paths.directory, clock)))
      throw new Problem('unavailable', hypervisorTexts.notAnswering, { server: id });
  }

  /** A guest that powered off comes up again in the same process. */
  async function startAgainInside(qmp: Qmp): Promise<void> {
    await qmp.execute('system_reset');
    await qmp.execute('cont');
    state.rebooting = false;
    await save();
  }

  async function softReboot(of: Live, qmp: Qmp): Promise<void> {
    state.rebooting = true;
    await save();
    of.purpose = 'reboot';
    try {
      await askToPowerOff(of, qmp);
      await startAgainInside(qmp);
    } finally {
      if (of.purpose === 'reboot') of.purpose = 'none';
      if (qmp.isClosed) await lost(of);
    }
  }

  async function setPaused(wanted: boolean): Promise<string> {
    const status = await runState();
    if (wanted && status === 'running') await control().execute('stop');
    // `prelaunch`: started, but the agent ended before it let the guest run. `io-error`: try again.
    else if (!wanted && status !== 'running') await control().execute('cont');
    else return status;
    return await runState();
  }

  async function ensurePower(guest: Guest): Promise<void> {
    // An exit that is just being noted is an exit.
    const alive = live !== null && !live.over;
    const move = decidePower(guest, state, { alive, hostBootId: host.hostBootId });
    if (move === 'stop') await stop(true);
    if (move === 'restart') await stop(state.rootGeneration === guest.rootGeneration);
    if (move === 'start' || move === 'restart') {
      await stop(false);
      await start(guest);
    }
  }

  const moves = movesOf({
    id,
    host,
    state,
    paths,
    save,
    control,
    running: () => live !== null && !live.over,
    end: () => stop(false),
    async wait(guest, facts) {
      await reachVolumes(guest);
      const launched = await launch(host, guest, facts);
      const of: Live = { pid: launched.pid, qmp: null, purpose: 'arrive', over: false };
      void launched.ended.then(ending => (of.ending = ending));
      live = of;
      watch(of, launched.qmp);
      return launched.qmp;
    },
    welcome() {
      if (live) live.purpose = 'none';
    },
  });

  return {
    id,
    paths,
    state,
    moves,
    get pid() {
      return live?.pid ?? null;
    },
    control,
    async restore(pid) {
      if (pid !== null) {
        await distant.takeUp(state.distant ?? {});
        const of: Live = { pid, qmp: null, purpose: state.phase === 'arriving' ? 'arrive' : 'none', over: false };
        live = of;
        if (state.phase === 'starting') state.phase = 'running';
        try {
          await takeUp(of, await reconnect(paths, clock));
        } catch (error) {
          log.warn({ server: id, pid, err: error }, 'a guest that outlived the agent does not answer');
          void findAgain(of);
        }
        return;
      }
      if (!endedUnseen(state, { alive: false, hostBootId: host.hostBootId })) return;
      const reason = ['QEMU ended while nobody watched.', await lastWords(paths)].filter(Boolean).join(' ');
      const exit = { kind: 'crash', reason } as const;
      Object.assign(state, { phase: 'exited', exit } satisfies Partial<GuestState>);
      await save();
      exited({ serverId: id, boot: state.boot, ...exit });
    },
    async ensure(guest) {
      await makeDirectories(host, paths);
      const moving = await moves.prepare(guest);
      if (moving) return moving;
      await ensurePower(guest);
      if (guest.move?.kind !== 'keep' && (await dropKept(host, state, paths))) await save();
      if (guest.power === 'stopped') {
        distant.close();
        if (state.phase === 'new') {
          await prepare(host, guest, state, paths);
          state.phase = 'stopped';
          await save();
        }
        return factsOf(state, null);
      }
      try {
        if (!live || live.over) return factsOf(state, null);
        await reachVolumes(guest);
        const status = await setPaused(guest.power === 'paused');
        await convergeDevices(guest, control(), clock, paths);
        await distant.withdraw(guest);
        await rememberWays();
        return factsOf(state, status);
      } catch (error) {
        // It may have ended under our hands: that is told as what it is.
        if (live?.qmp?.isClosed) await sleep(clock, lostTimeoutMs);
        if (!live) return factsOf(state, null);
        throw error instanceof QmpError
          ? new Problem('unavailable', hypervisorTexts.notAnswering, { server: id }, { cause: error })
          : error;
      }
    },
    async reboot(guest, kind) {
      if (kind === 'hard') {
        await stop(false);
        await start({ ...guest, power: 'running' });
        return;
      }
      const qmp = control();
      const of = live!;
      if ((await runState()) === 'paused') await qmp.execute('cont');
      await softReboot(of, qmp);
    },
    async kill() {
      moves.drop();
      distant.close();
      if (!live) return;
      live.purpose = 'stop';
      await killHard(live.pid, paths.directory, clock);
      live.over = true;
      live.qmp?.close();
      live = null;
    },
    leave() {
      left = true;
      distant.close();
      if (live) live.purpose = 'leave';
      live?.qmp?.close();
      live = null;
    },
  };
}

const panicExit = { kind: 'crash', reason: 'The operating system of the guest panicked.' } as const;

function shutdownExit(reason: unknown): Pick<GuestExit, 'kind' | 'reason'> {
  if (reason === 'guest-panic') return panicExit;
  return { kind: 'shutdown', reason: 'The guest powered itself off.' };
}
