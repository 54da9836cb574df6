// What the driver remembers of a guest across restarts, and what follows from it. The file is written whole and durably.

import { readFile } from 'node:fs/promises';
import type { Guest, GuestExit, GuestFacts } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { Accelerator } from './command-line.ts';
import type { DistantWay } from './distant-volumes.ts';

export interface GuestState {
  version: 1;
  /** The boot number that runs, or that ran last; -1 before the first. */
  boot: number;
  rootGeneration: number;
  /** The machine's boot that the guest was started in (/proc/sys/kernel/random/boot_id). */
  hostBootId: string;
  /** `starting` until the process has answered once; `stopped` when we stopped it; `arriving` while it waits for a guest. */
  phase: 'new' | 'starting' | 'running' | 'stopped' | 'exited' | 'arriving';
  /** A soft reboot is under way: when the guest powers off, it is started again. */
  rebooting: boolean;
  exit: Pick<GuestExit, 'kind' | 'reason'> | null;
  accelerator: Accelerator;
  /** The image under the root disk, which must stay; null for none. */
  base: string | null;
  rootGib: number;
  ephemeralGib: number[];
  swapMib: number;
  /** The migration that brought the disks or the guest here. */
  cameBy?: string;
  /** The migration by which it was last begun to be sent. */
  sentBy?: string;
  /** How volumes of other hosts are reached, by volume. */
  distant?: Record<string, DistantWay>;
  /** Disks that wait to be taken back, and what they were; `back` once they have been. */
  kept?: { id: string; back: boolean; rootGib: number; ephemeralGib: number[]; swapMib: number };
}

export function newState(accelerator: Accelerator): GuestState {
  return {
    version: 1,
    boot: -1,
    rootGeneration: -1,
    hostBootId: '',
    phase: 'new',
    rebooting: false,
    exit: null,
    accelerator,
    base: null,
    rootGib: 0,
    ephemeralGib: [],
    swapMib: 0,
  };
}

/** stay: nothing to do about power. restart: the process is of another boot. */
export type PowerMove = 'stay' | 'start' | 'stop' | 'restart';

/**
 * What must happen to the process so that the guest is as wanted.
 * A guest that exited by itself is started only under a new boot number, or after the host rebooted.
 */
export function decidePower(
  wanted: Pick<Guest, 'power' | 'boot' | 'rootGeneration' | 'root'>,
  state: GuestState,
  now: { alive: boolean; hostBootId: string },
): PowerMove {
  if (wanted.power === 'stopped') return now.alive ? 'stop' : 'stay';
  if (now.alive) {
    const rebuilt = wanted.root !== null && state.rootGeneration !== wanted.rootGeneration;
    return state.boot !== wanted.boot || rebuilt ? 'restart' : 'stay';
  }
  if (state.phase === 'exited' && state.boot === wanted.boot && state.hostBootId === now.hostBootId) return 'stay';
  return 'start';
}

/** After a restart of the agent: did this guest end while nobody watched? A host that rebooted explains itself. */
export function endedUnseen(state: GuestState, now: { alive: boolean; hostBootId: string }): boolean {
  return state.phase === 'running' && !now.alive && state.hostBootId === now.hostBootId;
}

/** What the driver says of a guest. @param status QEMU's run state, null when there is no process */
export function factsOf(state: GuestState, status: string | null): GuestFacts {
  const { accelerator } = state;
  const boot = Math.max(state.boot, 0);
  if (status !== null) return { power: status === 'paused' ? 'paused' : 'running', accelerator, boot };
  if (!state.exit) return { power: 'stopped', accelerator, boot };
  return {
    power: state.exit.kind === 'crash' ? 'crashed' : 'stopped',
    accelerator,
    boot,
    exitReason: state.exit.reason,
  };
}

/** Reads the record of a guest; null where there is none or it is unreadable. */
export async function readState(path: string): Promise<GuestState | null> {
  try {
    const state = JSON.parse(await readFile(path, 'utf8')) as GuestState;
    return state.version === 1 ? state : null;
  } catch {
    return null;
  }
}
