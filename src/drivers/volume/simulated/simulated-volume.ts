// Disks of a simulated host: sizes, sources and snapshots, no bytes.

import type { SimulatedDisk, SimulatedMachine } from '#/drivers/simulated-host.ts';
import { noteContest } from '#/drivers/simulated-writers.ts';
import { simulatedTexts } from '#/drivers/simulated-texts.ts';
import type { Tools } from '#/drivers/tools.ts';
import type { Disk, DiskFacts, VolumeDriver } from '#/drivers/volume/volume-driver.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface SimulatedVolumeOptions {
  tools: Tools;
  host: SimulatedMachine;
  totalGib: number;
  /** How long building and growing a disk takes. Default 0. */
  delayMs?: number;
}

/** Keeps the disks of a simulated host. Calls in `host.faults`: `volume.list`, `.ensure`, `.remove`, `.capacity`, `.restore`. */
export function simulatedVolume({ tools, host, totalGib, delayMs = 0 }: SimulatedVolumeOptions): VolumeDriver {
  const gate = host.gate(tools.clock);
  return {
    list: () => gate('volume.list', 0, () => [...host.disks.keys()]),
    ensure: (disk, images) => {
      const delay = host.disks.get(disk.key)?.sizeGib === disk.sizeGib ? 0 : delayMs;
      return gate('volume.ensure', delay, () => {
        if (disk.source && 'image' in disk.source && !host.disks.has(disk.key)) images(disk.source.image);
        const facts = ensure(host, disk, totalGib);
        noteContest(host, disk.key);
        return facts;
      });
    },
    remove: key => gate('volume.remove', 0, () => void host.disks.delete(key)),
    capacity: () => gate('volume.capacity', 0, () => ({ totalGib, freeGib: totalGib - usedGib(host) })),
    restore: () => gate('volume.restore', 0, () => {}),
  };
}

function ensure(host: SimulatedMachine, disk: Disk, totalGib: number): DiskFacts {
  const { key, sizeGib: wantedGib } = disk;
  const held = host.disks.get(key);
  const freeGib = totalGib - usedGib(host);
  const neededGib = wantedGib - (held?.sizeGib ?? 0);
  if (neededGib > freeGib) throw new Problem('unavailable', simulatedTexts.noRoom, { key, freeGib, neededGib });
  const made = held ?? create(host, disk);
  made.sizeGib = Math.max(made.sizeGib, wantedGib);
  made.exported = disk.exported;
  made.tickets = [...disk.tickets];
  made.snapshots = new Set(disk.snapshots);
  host.disks.set(key, made);
  return { usedBytes: 0, ...(disk.exported && { connection: { kind: 'simulated', id: key } as const }) };
}

function create(host: SimulatedMachine, { key, source }: Disk): SimulatedDisk {
  const missing = source && missingSource(host, source);
  if (missing) throw new Problem('unavailable', simulatedTexts.missing, { key, needs: missing });
  return { sizeGib: 0, source: source ?? null, exported: false, tickets: [], snapshots: new Set() };
}

function missingSource(host: SimulatedMachine, source: NonNullable<Disk['source']>): string | null {
  if ('image' in source) return host.images.has(source.image) ? null : source.image;
  const origin = host.disks.get(source.disk);
  if (!origin) return source.disk;
  return 'snapshot' in source && !origin.snapshots.has(source.snapshot) ? `snapshot ${source.snapshot}` : null;
}

function usedGib(host: SimulatedMachine): number {
  let used = 0;
  for (const disk of host.disks.values()) used += disk.sizeGib;
  return used;
}
