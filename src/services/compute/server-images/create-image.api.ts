// An image of a server: of its disk, or of the volumes that it boots from.
// API: Compute, "Create Image (createImage Action)".

import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, since } from '#/platform/http/endpoint.ts';
import { object, optional, string } from '#/platform/http/schema.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { projectMember } from '#/services/compute/allow.ts';
import { beginAction, endAction } from '#/services/compute/server-actions/action.store.ts';
import { createServerImage } from '#/services/compute/server-images/create-image.operation.ts';
import { mappingOf } from '#/services/compute/server-images/image-mapping.rules.ts';
import { imageOf } from '#/services/compute/server-images/server-image.rules.ts';
import { hasLocalRoot } from '#/services/compute/server-migrations/destination.ts';
import { checkItems } from '#/services/compute/servers/create-ask.ts';
import { hostOf } from '#/services/compute/servers/power.operation.ts';
import { mustAllow, serverFinder } from '#/services/compute/servers/server.finder.ts';
import { blockDevicesOf, changeServer, type Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { metadata, name } from '#/services/compute/wire.ts';
import { snapshotVolume } from '#/services/block-storage/contract.ts';
import { registerMappingImage, registerServerImage, type ServerImageAsk } from '#/services/image/contract.ts';

const volumeBackedRule = 'os_compute_api:servers:create_image:allow_volume_backed';

const createImage = endpoint({
  policy: 'os_compute_api:servers:create_image',
  allow: projectMember,
  route: 'POST /v2.1/servers/{server_id}/action',
  action: 'createImage',
  find: serverFinder,
  body: object({ createImage: object({ name: name(), metadata: optional(metadata()) }) }),
  replies: { 202: object({ image_id: string() }) },
  older: [{ before: '2.45', change: () => undefined }],
  async handle({ tx, found, body, caller, policy, version, request }) {
    const ask = body.createImage;
    mustAllow('create_image', found, caller);
    await checkItems(tx, found.projectId, { metadata: ask.metadata });
    const host = hostOf(found);
    const image = { ...imageOf(found, ask), projectId: caller.projectId ?? found.projectId };
    await beginAction(tx, found, 'createImage', caller);
    let imageId: string;
    if (await hasLocalRoot(tx, found.id)) {
      imageId = await registerServerImage(tx, image);
      await changeServer(tx, found.id, { taskState: 'image_snapshot' });
      const input = { serverId: found.id, host, imageId };
      await start(tx, createServerImage, input, { resourceId: found.id, projectId: found.projectId });
    } else {
      const target = { project_id: found.projectId, user_id: found.userId };
      if (!policy.allows(volumeBackedRule, caller.credentials, target))
        throw new Problem('forbidden', t.needsRule, { rule: volumeBackedRule });
      imageId = await snapshotVolumes(tx, found, caller, image);
      await endAction(tx, found.id);
    }
    const location = `${new URL(request.base).origin}/image/v2/images/${imageId}`;
    return { 202: { image_id: imageId }, ...(since(version, '2.45') ? {} : { headers: { location } }) };
  },
});

/** Nothing is copied: the image names a snapshot of each volume, and the snapshots go their own way. */
async function snapshotVolumes(tx: Tx, server: Server, caller: Caller, image: ServerImageAsk): Promise<string> {
  const devices = (await blockDevicesOf(tx, [server.id])).get(server.id) ?? [];
  const snapshots = new Map<string, { id: string; sizeGib: number }>();
  for (const { id, volumeId } of devices)
    if (volumeId !== null) snapshots.set(id, await snapshotVolume(tx, caller, volumeId, `snapshot for ${image.name}`));
  return registerMappingImage(tx, {
    ...image,
    minDiskGib: 0,
    properties: {
      ...image.properties,
      root_device_name: server.rootDevice,
      bdm_v2: 'True',
      block_device_mapping: mappingOf(devices, snapshots),
    },
  });
}

export const createImageEndpoints = [createImage];
export const createImageRules = { [volumeBackedRule]: projectMember };
