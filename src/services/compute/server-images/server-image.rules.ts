// What an image of a server says of itself. Pure.

import type { Server } from '#/services/compute/servers/server.store.ts';
import type { ServerImageAsk } from '#/services/image/contract.ts';

/**
 * What the server's own image says and an image of the server does not inherit: the signature of its bytes, what it starts
 * from, and what a volume keeps of the image that it was made of.
 */
const notInherited =
  /^(img_signature.*|cache_in_nova|bittorrent|block_device_mapping|bdm_v2|root_device_name|image_id|image_name|checksum|size|min_disk|min_ram|disk_format|container_format)$/;

/** The properties that the server was made with, what it is made of, and what the user says of it. */
export function imageOf(
  server: Server,
  ask: { name: string; metadata?: Record<string, string> },
): Omit<ServerImageAsk, 'projectId'> {
  const { image, flavor } = server;
  const inherited = Object.entries(image.properties).filter(([name]) => !notInherited.test(name));
  return {
    name: ask.name,
    minDiskGib: Math.max(image.minDiskGib, flavor.diskGib),
    minRamMib: image.minRamMib,
    properties: {
      ...Object.fromEntries(inherited),
      image_type: 'snapshot',
      instance_uuid: server.id,
      user_id: server.userId,
      ...(server.imageId === null ? {} : { base_image_ref: server.imageId }),
      ...ask.metadata,
    },
  };
}
