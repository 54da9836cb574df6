// Which disks a new server gets, from what was asked in Nova's several forms. Pure.

import { isTrue } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { BlockDevicePart, OldBlockDevicePart } from '#/services/compute/servers/create.schema.ts';
import { nextDevice } from '#/services/compute/servers/server.rules.ts';
import { t } from '#/services/compute/texts.ts';

export interface DiskAsk {
  source: 'volume' | 'image' | 'snapshot' | 'blank';
  destination: 'local' | 'volume';
  /** The image, volume or snapshot. */
  uuid: string | null;
  sizeGib: number | null;
  bootIndex: number | null;
  deleteOnTermination: boolean;
  /** `/dev/vdb`, given to every disk. */
  device: string;
  guestFormat: string | null;
  tag: string | null;
  volumeType: string | null;
}

const bad = (why: string): Problem => new Problem('invalid', t.badBlockDevice, { why });

/**
 * The disks in the order of their devices: root, ephemeral and swap of the flavor, then the others.
 * @throws Problem invalid for mappings that contradict themselves, or leave nothing to boot from
 */
export function disksOf(
  imageId: string | null,
  asked: { v2?: BlockDevicePart[]; old?: OldBlockDevicePart[] },
  flavor: { ephemeralGib: number; swapMib: number },
): DiskAsk[] {
  if (asked.v2 && asked.old) throw bad('block_device_mapping and block_device_mapping_v2 cannot be given together');
  const disks = asked.old
    ? asked.old.map((part, at) => fromOld(part, at, imageId === null))
    : (asked.v2 ?? []).filter(part => !isTrue(part.no_device ?? false)).map(fromPart);
  const boots = disks.filter(disk => disk.bootIndex === 0);
  if (
    imageId !== null &&
    !disks.some(disk => disk.source === 'image' && disk.destination === 'local' && disk.bootIndex === 0)
  ) {
    if (boots.length > 0) throw bad('both imageRef and a block device with boot_index 0 were given');
    disks.unshift(
      plainDisk({ source: 'image', destination: 'local', uuid: imageId, bootIndex: 0, deleteOnTermination: true }),
    );
  } else if (imageId === null && boots.length === 0) throw new Problem('invalid', t.noBootDevice);
  if (boots.length > 1) throw bad('only one block device can have boot_index 0');
  const root = disks.find(disk => disk.bootIndex === 0)!;
  if (root.source === 'blank') throw bad('a blank disk cannot be booted from');
  if (imageId !== null && root.uuid !== imageId && root.destination === 'local')
    throw bad('imageRef and the boot disk name different images');
  const indexes = disks
    .map(disk => disk.bootIndex ?? -1)
    .filter(index => index >= 0)
    .toSorted((a, b) => a - b);
  if (indexes.some((index, at) => index !== at)) throw bad('boot_index must count from 0 without gaps');
  checkLocal(disks, flavor);
  if (!disks.some(isEphemeral) && flavor.ephemeralGib > 0)
    disks.push(
      plainDisk({ source: 'blank', destination: 'local', sizeGib: flavor.ephemeralGib, deleteOnTermination: true }),
    );
  if (!disks.some(isSwap) && flavor.swapMib > 0)
    disks.push(plainDisk({ source: 'blank', destination: 'local', guestFormat: 'swap', deleteOnTermination: true }));
  return nameDevices(disks);
}

function isSwap(disk: DiskAsk): boolean {
  return disk.destination === 'local' && disk.source === 'blank' && disk.guestFormat === 'swap';
}

function isEphemeral(disk: DiskAsk): boolean {
  return disk.destination === 'local' && disk.source === 'blank' && disk.guestFormat !== 'swap';
}

/** What the host keeps itself cannot be more than the flavor has. */
function checkLocal(disks: DiskAsk[], flavor: { ephemeralGib: number; swapMib: number }): void {
  for (const disk of disks) if (isEphemeral(disk) && disk.sizeGib === null) disk.sizeGib = flavor.ephemeralGib;
  const ephemeral = disks.filter(isEphemeral).reduce((sum, disk) => sum + disk.sizeGib!, 0);
  if (ephemeral > flavor.ephemeralGib)
    throw bad(`the ephemeral disks are ${ephemeral} GiB, the flavor has ${flavor.ephemeralGib} GiB`);
  const swaps = disks.filter(isSwap);
  if (swaps.length > 1) throw bad('more than one swap disk was asked for');
  if (swaps.length === 1 && (swaps[0]!.sizeGib ?? 0) > flavor.swapMib)
    throw bad(`the swap disk is larger than the flavor's ${flavor.swapMib} MiB`);
}

function fromPart(part: BlockDevicePart): DiskAsk {
  const source = part.source_type;
  if (!source) throw bad('each entry needs a source_type');
  const destination = part.destination_type ?? (source === 'volume' || source === 'snapshot' ? 'volume' : 'local');
  const bootIndex =
    part.boot_index === null || part.boot_index === undefined || Number(part.boot_index) < 0
      ? null
      : Number(part.boot_index);
  const uuid = part.uuid ?? null;
  const sizeGib = part.volume_size === null || part.volume_size === undefined ? null : Number(part.volume_size);
  if (source !== 'blank' && uuid === null) throw bad(`a ${source} needs its uuid`);
  if (source === 'blank' && uuid !== null) throw bad('a blank disk has no uuid');
  if ((source === 'volume' || source === 'snapshot') && destination === 'local')
    throw bad(`a ${source} cannot become a local disk`);
  if (source === 'image' && destination === 'local' && bootIndex !== 0)
    throw bad('an image becomes a local disk only where it is booted from');
  if (source === 'image' && destination === 'volume' && sizeGib === null)
    throw bad('a volume made of an image needs volume_size');
  if (source === 'blank' && destination === 'volume' && sizeGib === null) throw bad('a blank volume needs volume_size');
  if (sizeGib !== null && (sizeGib < 1 || sizeGib > 2_147_483_647)) throw bad('volume_size is out of range');
  return plainDisk({
    source,
    destination,
    uuid,
    sizeGib,
    bootIndex,
    deleteOnTermination: isTrue(part.delete_on_termination ?? destination === 'local'),
    device: part.device_name ?? '',
    guestFormat: part.guest_format ?? null,
    tag: part.tag ?? null,
    volumeType: part.volume_type ?? null,
  });
}

function fromOld(part: OldBlockDevicePart, at: number, boots: boolean): DiskAsk {
  const source = part.volume_id ? 'volume' : 'snapshot';
  const uuid = part.volume_id ?? part.snapshot_id;
  if (!uuid) throw bad('each entry needs a volume_id or a snapshot_id');
  return plainDisk({
    source,
    destination: 'volume',
    uuid,
    sizeGib: part.volume_size ? Number(part.volume_size) : null,
    bootIndex: boots && at === 0 ? 0 : null,
    deleteOnTermination: isTrue(part.delete_on_termination ?? false),
    device: part.device_name ?? '',
  });
}

function plainDisk(disk: Partial<DiskAsk> & Pick<DiskAsk, 'source' | 'destination'>): DiskAsk {
  return {
    uuid: null,
    sizeGib: null,
    bootIndex: null,
    deleteOnTermination: false,
    device: '',
    guestFormat: null,
    tag: null,
    volumeType: null,
    ...disk,
  };
}

/** The root is the first device; local disks stand before volumes; names that were asked for are kept for volumes. */
function nameDevices(disks: DiskAsk[]): DiskAsk[] {
  const order = (disk: DiskAsk): number => (disk.bootIndex === 0 ? 0 : isEphemeral(disk) ? 1 : isSwap(disk) ? 2 : 3);
  const sorted = disks.toSorted((a, b) => order(a) - order(b));
  const local = new Set(sorted.filter(disk => disk.destination === 'local' || disk.bootIndex === 0));
  const taken: string[] = [];
  for (const disk of sorted) {
    if (!local.has(disk)) continue;
    disk.device = `/dev/${nextDevice(taken)}`;
    taken.push(disk.device);
  }
  for (const disk of sorted) {
    if (local.has(disk) || disk.device === '') continue;
    const asked = disk.device.replace(/^(\/dev\/)?/, '/dev/');
    disk.device =
      /^\/dev\/[a-z]d[a-z]{1,2}$/.test(asked) && !taken.some(device => device.slice(-1) === asked.slice(-1))
        ? asked.replace(/\/[a-z]d/, '/vd')
        : '';
    if (disk.device) taken.push(disk.device);
  }
  for (const disk of sorted) {
    if (disk.device) continue;
    disk.device = `/dev/${nextDevice(taken)}`;
    taken.push(disk.device);
  }
  return sorted;
}
