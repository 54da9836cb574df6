// What a server holds elsewhere, and how it is given back: ports, volumes, room on its host, the image's bytes.

import type { Tx } from '#/platform/database/tx.ts';
import {
  blockDevicesOf,
  deleteBlockDevice,
  deleteNic,
  nicsOf,
  type Server,
} from '#/services/compute/servers/server.store.ts';
import { deleteForServer, dropAttachment } from '#/services/block-storage/contract.ts';
import { keepForUse, releaseUse } from '#/services/image/contract.ts';
import { releaseServerPort } from '#/services/network/contract.ts';
import { release } from '#/services/placement/contract.ts';

/** The images that a server's local disks and kernel come from. */
export function imagesOf(server: Pick<Server, 'imageId' | 'image'>): string[] {
  const { kernel_id, ramdisk_id } = server.image.properties;
  return [server.imageId, server.imageId && kernel_id, server.imageId && ramdisk_id].filter(
    id => typeof id === 'string' && id !== '',
  ) as string[];
}

export async function keepImages(tx: Tx, server: Pick<Server, 'id' | 'imageId' | 'image'>): Promise<void> {
  for (const imageId of imagesOf(server)) await keepForUse(tx, imageId, `server/${server.id}`);
}

export async function releaseImages(tx: Tx, server: Pick<Server, 'id' | 'imageId' | 'image'>): Promise<void> {
  for (const imageId of imagesOf(server)) await releaseUse(tx, imageId, `server/${server.id}`);
}

/**
 * Gives back all that a server holds. Ports and volumes made for it go with it: volumes when they are to be deleted on
 * termination, or (`undone`) when the server never came to be.
 */
export async function releaseAll(tx: Tx, server: Server, options: { undone?: boolean } = {}): Promise<void> {
  for (const nic of (await nicsOf(tx, [server.id])).get(server.id) ?? []) {
    await releaseServerPort(tx, nic.portId);
    await deleteNic(tx, nic.portId);
  }
  for (const device of (await blockDevicesOf(tx, [server.id])).get(server.id) ?? []) {
    if (device.volumeId === null) continue;
    if (device.attachmentId !== null) await dropAttachment(tx, device.attachmentId);
    const ours = options.undone ? device.madeHere === 1 : device.deleteOnTermination === 1;
    if (ours) await deleteForServer(tx, device.volumeId);
    await deleteBlockDevice(tx, device.id);
  }
  await releaseImages(tx, server);
  await release(tx, server.id);
}
