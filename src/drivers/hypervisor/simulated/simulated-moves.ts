// How simulated guests move: disks that are kept, copied and taken back, and guests that go over as they run.

import type { Guest, Sending, SendingAct } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { SimulatedGuest, SimulatedMachine } from '#/drivers/simulated-host.ts';
import { simulatedTexts } from '#/drivers/simulated-texts.ts';
import { Problem } from '#/platform/problem/problem.ts';

const mib = 1024 ** 2;
/** How often a guest that is sent has to be looked at before it is ready. */
const looks = 2;

/** What is to be so before power is looked at. @returns whether power is to be left alone */
export function prepareMove(host: SimulatedMachine, held: SimulatedGuest, guest: Guest): boolean {
  const { move } = guest;
  if (move?.kind !== 'leave' && held.sending) {
    // It goes on here: the control plane says so.
    held.sending = null;
    if (held.power === 'paused' && guest.power === 'running') held.power = 'running';
  }
  if (move?.kind !== 'keep') held.kept = null;
  switch (move?.kind) {
    case 'keep':
      if (held.kept?.id !== move.id) held.kept = { id: move.id, disk: held.disk, back: false };
      if (move.back && !held.kept.back) {
        held.disk = held.kept.disk;
        held.kept.back = true;
      }
      return false;
    case 'take':
      if (held.takenBy !== move.id) {
        held.disk = neighbour(host, guest, move.from.host, 'send', move.ticket).disk;
        held.takenBy = move.id;
      }
      return false;
    case 'arrive':
      if (held.takenBy !== move.id) Object.assign(held, { takenBy: move.id, arrived: false, power: 'stopped' });
      return true;
    case 'leave':
      // What does not run is not started; what stands still is not let go on.
      return held.sending !== null || (held.power !== 'running' && held.power !== 'paused');
    default:
      return false;
  }
}

export function sendSimulated(host: SimulatedMachine, held: SimulatedGuest, guest: Guest, act: SendingAct): Sending {
  const { move } = guest;
  if (move?.kind !== 'leave') throw new Problem('conflict', simulatedTexts.noMove, { serverId: guest.serverId });
  const total = guest.memoryMib * mib;
  const told = (phase: Sending['phase'], remaining: number, reason?: string): Sending => ({
    phase,
    ...(reason === undefined ? {} : { reason }),
    memory: { total, processed: total - remaining, remaining },
    disk: { total: 0, processed: 0, remaining: 0 },
  });
  if (act === 'cancel') {
    if (held.sending && held.power === 'paused') held.power = guest.power === 'paused' ? 'paused' : 'running';
    held.sending = null;
    return told('none', 0);
  }
  if (held.sending === null) {
    if (act !== 'begin') return told('none', 0);
    if (held.power !== 'running' && held.power !== 'paused') return told('failed', total, 'The guest does not run.');
    neighbour(host, guest, move.to.host, 'arrive', move.ticket);
    held.sending = { id: move.id, looks, phase: 'sending' };
    return told('sending', total);
  }
  const { sending } = held;
  if (sending.phase !== 'handed-over' && held.exitReason !== null) return told('failed', total, held.exitReason);
  if (sending.phase === 'sending' && (act === 'hurry' || --sending.looks <= 0)) {
    sending.phase = 'ready';
    held.power = 'paused';
  }
  if (act === 'hand-over' && sending.phase === 'ready') {
    const there = neighbour(host, guest, move.to.host, 'arrive', move.ticket);
    Object.assign(there, { disk: held.disk, boot: held.boot, power: 'paused', arrived: true });
    sending.phase = 'handed-over';
  }
  return told(sending.phase, sending.phase === 'sending' ? Math.round((total * sending.looks) / (looks + 1)) : 0);
}

/** The same guest on the other host, where the control plane must have planned it so. */
function neighbour(
  host: SimulatedMachine,
  { key, serverId }: Guest,
  name: string,
  kind: 'send' | 'arrive',
  ticket: string,
): SimulatedGuest {
  const there = host.neighbourhood?.machines.get(name)?.guests.get(key);
  const { move } = there?.entry ?? {};
  if (!there || move?.kind !== kind || move.ticket !== ticket)
    throw new Problem('unavailable', simulatedTexts.noPeer, { serverId, host: name });
  return there;
}
