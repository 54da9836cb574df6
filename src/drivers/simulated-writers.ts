// Who reaches a disk of simulated hosts, and so could write to it.

import type { Guest, GuestDisk } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { SimulatedMachine } from '#/drivers/simulated-host.ts';

/** Whether a disk would be given to a guest of this host now. */
export function reaches(host: SimulatedMachine, disk: GuestDisk): boolean {
  const { connection, volumeId } = disk;
  if (connection.kind !== 'nbd-host') return host.disks.get(`volume/${volumeId}`)?.exported ?? false;
  const held = host.neighbourhood?.machines.get(connection.host)?.disks.get(`volume/${volumeId}`);
  return held?.exported === true && held.tickets.includes(connection.ticket);
}

/**
 * Notes where two guests that run reach one disk: tests of volumes that are for one server alone ask the machine whether
 * that ever was.
 */
export function noteContest(at: SimulatedMachine, key: `volume/${string}`): void {
  const disk = at.disks.get(key);
  if (!disk?.exported) return;
  const writers = new Set<string>();
  for (const machine of at.neighbourhood?.machines.values() ?? [at])
    for (const guest of machine.guests.values())
      if (
        guest.power === 'running' &&
        guest.entry.disks.some(one => `volume/${one.volumeId}` === key && reaches(machine, one))
      )
        writers.add(`${machine.name} ${guest.entry.key}`);
  if (writers.size > 1) at.contested.add(`${key}: ${[...writers].join(', ')}`);
}

export function noteContests(host: SimulatedMachine, { disks }: Guest): void {
  for (const { connection, volumeId } of disks) {
    const at = connection.kind === 'nbd-host' ? host.neighbourhood?.machines.get(connection.host) : host;
    if (at) noteContest(at, `volume/${volumeId}`);
  }
}
