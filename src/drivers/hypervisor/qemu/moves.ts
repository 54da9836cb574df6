// What a guest's entry says of its moves, done: taken disks, a process that waits, a guest that is sent or goes on here.

import { rm } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Guest, GuestFacts, GuestMove, Sending, SendingAct } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { hypervisorTexts } from '#/drivers/hypervisor/texts.ts';
import { isSameTicket } from '#/platform/channel/channel.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type Arriving, arrived, prepareEmptyDisks, receive } from './arrival.ts';
import { sendDisks, takeDisks } from './carried-disks.ts';
import type { LaunchFacts } from './command-line.ts';
import { type Departure, depart, settle } from './departure.ts';
import { factsOf, type GuestState, newState } from './guest-state.ts';
import type { QemuHost } from './host.ts';
import { launchFacts, makeDirectories } from './launch.ts';
import { layoutOf } from './layout.ts';
import type { GuestPaths } from './paths.ts';
import type { Qmp } from './qmp.ts';

/** What a machine lends to its moves. */
export interface MachineParts {
  id: string;
  host: QemuHost;
  state: GuestState;
  paths: GuestPaths;
  save(): Promise<void>;
  running(): boolean;
  control(): Qmp;
  /** Ends the process, without asking the guest. */
  end(): Promise<void>;
  /** Starts a process that waits for a guest; its end is no exit. */
  wait(guest: Guest, facts: LaunchFacts): Promise<Qmp>;
  /** The guest that came is this host's: its end is an exit from here on. */
  welcome(): void;
}

export interface Moves {
  /** Before power is looked at. @returns facts where that is all there is to do */
  prepare(guest: Guest): Promise<GuestFacts | null>;
  send(guest: Guest, act: SendingAct): Promise<Sending>;
  /** For another host's agent; null when the plan gives it nothing. */
  open(ticket: string, stream: string): Promise<Duplex | null>;
  /** Lets go of what is under way; the process is gone or left alone. */
  drop(): void;
}

const nothing = { total: 0, processed: 0, remaining: 0 };
const turnMs = 1_000;

export function movesOf(parts: MachineParts): Moves {
  const { id, host, state, paths } = parts;
  let departure: Departure | null = null;
  /** What the plan last said, once it was made so. */
  let current: GuestMove | null = null;

  async function wipe(phase: GuestState['phase'], cameBy: string): Promise<void> {
    await parts.end();
    await rm(paths.run, { recursive: true, force: true });
    for (const key of Object.keys(state)) delete (state as unknown as Record<string, unknown>)[key];
    Object.assign(state, newState((await host.acceleration()).kind), { phase, cameBy });
    await makeDirectories(host, paths);
  }

  async function wait(guest: Guest, move: Arriving): Promise<GuestFacts> {
    if (state.cameBy !== move.id || state.phase !== 'arriving' || !parts.running()) {
      await wipe('new', move.id);
      await prepareEmptyDisks(host, guest, move, state, paths);
      await parts.save();
      const facts = await launchFacts(host, guest, paths);
      const qmp = await parts.wait(guest, { ...facts, incoming: move.layout.places });
      await receive(qmp, move, paths);
      Object.assign(state, { phase: 'arriving', boot: guest.boot, hostBootId: host.hostBootId });
      await parts.save();
    }
    return factsOf(state, null);
  }

  /** It stays here, or is here: what was begun to be sent goes on, and what came is let go on. */
  async function settleHere(guest: Guest): Promise<void> {
    if (departure || state.sentBy !== undefined) {
      const was = departure;
      departure = null;
      await was?.stop();
      if (!was && parts.running()) await settle(parts.control(), host.tools.clock);
      delete state.sentBy;
      await parts.save();
    }
    if (state.phase !== 'arriving') return;
    if (parts.running()) {
      await arrived(parts.control(), host.tools.clock, id);
      parts.welcome();
      Object.assign(state, { phase: 'running', boot: guest.boot });
    } else state.phase = 'stopped';
    await parts.save();
  }

  return {
    async prepare(guest) {
      const { move = null } = guest;
      if (move && move.kind !== 'keep' && !host.channel)
        throw new Problem('unsupported', hypervisorTexts.noChannel, { server: id });
      if (move?.kind === 'arrive') {
        const facts = await wait(guest, move);
        current = move;
        return facts;
      }
      if (move?.kind === 'leave') {
        current = move;
        if (!parts.running()) return factsOf(state, null);
        const qmp = parts.control();
        const { status } = await qmp.execute<{ status: string }>('query-status');
        // However it stands still: it does not run.
        const power = status === 'running' ? status : 'paused';
        return { ...factsOf(state, power), layout: await layoutOf(qmp) };
      }
      await settleHere(guest);
      if (move?.kind === 'take' && state.cameBy !== move.id) {
        await wipe('stopped', move.id);
        await takeDisks(host, guest, move, state, paths);
        await parts.save();
      }
      current = move;
      return null;
    },
    async send(guest, act) {
      const { move } = guest;
      if (move?.kind !== 'leave') throw new Problem('conflict', hypervisorTexts.notLeaving, { server: id });
      const told = (phase: Sending['phase'], reason?: string): Sending => ({
        phase,
        ...(reason === undefined ? {} : { reason }),
        memory: nothing,
        disk: nothing,
      });
      if (!parts.running()) return told('failed', hypervisorTexts.notRunning.say('en', { server: id }));
      if (departure?.id !== move.id) {
        if (act !== 'begin' && act !== 'hurry') return told('none');
        if (state.sentBy === move.id) {
          const over = await settle(parts.control(), host.tools.clock);
          return over ? told('handed-over') : told('failed', hypervisorTexts.agentRestarted.say('en', {}));
        }
        state.sentBy = move.id;
        await parts.save();
        departure = depart(host, parts.control(), move, paths);
      }
      if (act === 'hurry') await departure.hurry();
      if (act === 'hand-over') await departure.handOver();
      else if (act === 'cancel') await departure.stop();
      else if (departure.look().phase === 'sending') await departure.turn(turnMs);
      return departure.look();
    },
    async open(ticket, stream) {
      if (!current || !('ticket' in current) || !isSameTicket(current.ticket, ticket)) return null;
      if (current.kind === 'send' && stream === 'disks' && !parts.running()) return sendDisks(state, paths, host.user);
      if (current.kind !== 'arrive' || !parts.running()) return null;
      const path = stream === 'memory' ? paths.incomingMemory : stream === 'disks' ? paths.incomingDisks : null;
      return path === null ? null : connect({ path, allowHalfOpen: true });
    },
    drop() {
      void departure?.stop().catch(() => {});
      departure = null;
    },
  };
}
