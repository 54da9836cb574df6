// An image of a server's disk. API: Compute, "Create Image (createImage Action)".

import { endpoint, since } from '#/platform/http/endpoint.ts';
import { object, optional, string } from '#/platform/http/schema.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { projectMember } from '#/services/compute/allow.ts';
import { beginAction } from '#/services/compute/server-actions/action.store.ts';
import { createServerImage } from '#/services/compute/server-images/create-image.operation.ts';
import { imageOf } from '#/services/compute/server-images/server-image.rules.ts';
import { checkItems } from '#/services/compute/servers/create-ask.ts';
import { hostOf } from '#/services/compute/servers/power.operation.ts';
import { mustAllow, serverFinder } from '#/services/compute/servers/server.finder.ts';
import { changeServer } from '#/services/compute/servers/server.store.ts';
import { metadata, name } from '#/services/compute/wire.ts';
import { registerServerImage } from '#/services/image/contract.ts';

const createImage = endpoint({
  policy: 'os_compute_api:servers:create_image',
  allow: projectMember,
  route: 'POST /v2.1/servers/{server_id}/action',
  action: 'createImage',
  find: serverFinder,
  body: object({ createImage: object({ name: name(), metadata: optional(metadata()) }) }),
  replies: { 202: object({ image_id: string() }) },
  older: [{ before: '2.45', change: () => undefined }],
  async handle({ tx, found, body, caller, version, request }) {
    const ask = body.createImage;
    mustAllow('create_image', found, caller);
    await checkItems(tx, found.projectId, { metadata: ask.metadata });
    const host = hostOf(found);
    const projectId = caller.projectId ?? found.projectId;
    const imageId = await registerServerImage(tx, { ...imageOf(found, ask), projectId });
    await beginAction(tx, found, 'createImage', caller);
    await changeServer(tx, found.id, { taskState: 'image_snapshot' });
    const input = { serverId: found.id, host, imageId };
    await start(tx, createServerImage, input, { resourceId: found.id, projectId: found.projectId });
    const location = `${new URL(request.base).origin}/image/v2/images/${imageId}`;
    return { 202: { image_id: imageId }, ...(since(version, '2.45') ? {} : { headers: { location } }) };
  },
});

export const createImageEndpoints = [createImage];
