// A host's three drivers behind one door: an entry goes to the driver of its kind.

import type { BaseImage, Guest, HypervisorDriver } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { HostGroup, NetworkDriver, NetworkEntry } from '#/drivers/network/network-driver.ts';
import type { Disk, VolumeDriver } from '#/drivers/volume/volume-driver.ts';
import { type HostEntry, kindOf } from '#/host/plan.ts';

export interface HostDrivers {
  hypervisor: HypervisorDriver;
  network: NetworkDriver;
  volume: VolumeDriver;
}

type ImagePath = Awaited<ReturnType<HypervisorDriver['ensureImage']>>;

/** @param imagePaths where the images that are on the host lie; kept up to date here @returns the facts to report */
export async function ensureEntry(
  { hypervisor, network, volume }: HostDrivers,
  entry: HostEntry,
  imagePaths: Map<string, ImagePath>,
): Promise<Record<string, unknown>> {
  switch (kindOf(entry.key)) {
    case 'image': {
      const image = await hypervisor.ensureImage(entry as BaseImage);
      imagePaths.set(entry.key, image);
      return { virtualSizeBytes: image.virtualSizeBytes };
    }
    case 'server':
      return { ...(await hypervisor.ensureGuest(entry as Guest)) };
    case 'volume':
      return { ...(await volume.ensure(entry as Disk, key => imagePaths.get(key)!)) };
    case 'security-group':
      return {}; // It lives in the filters.
    default:
      await network.ensure(entry as Exclude<NetworkEntry, HostGroup>);
      return {};
  }
}

/** Takes away what the key names. What is gone already is no failure. */
export async function removeEntry({ hypervisor, network, volume }: HostDrivers, key: string): Promise<void> {
  switch (kindOf(key)) {
    case 'image':
      return hypervisor.removeImage(key as BaseImage['key']);
    case 'server':
      return hypervisor.removeGuest(key as Guest['key']);
    case 'volume':
      return volume.remove(key as Disk['key']);
    case 'security-group':
      return; // It lives in the filters.
    default:
      return network.remove(key as Exclude<NetworkEntry['key'], HostGroup['key']>);
  }
}

/** The keys of all that the host holds of this cloud. */
export async function listEntries({ hypervisor, network, volume }: HostDrivers): Promise<Set<string>> {
  const [held, networks, disks] = await Promise.all([hypervisor.list(), network.list(), volume.list()]);
  return new Set([...held.guests, ...held.images, ...networks, ...disks]);
}

/** Lets go of everything without touching it. */
export async function closeDrivers({ hypervisor, network, volume }: HostDrivers): Promise<void> {
  await Promise.all([hypervisor.close(), network.close(), volume.close?.()]);
}
