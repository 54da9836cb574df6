// Volumes on a server: list, show, attach, change, detach. API: Compute, "Servers with volume attachments".

import { replan } from '#/host/hosts.ts';
import { newId } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type Microversion, since } from '#/platform/http/endpoint.ts';
import { any, array, as, isTrue, looseBoolean, nullable, object, optional, string } from '#/platform/http/schema.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { projectMember, projectReader } from '#/services/compute/allow.ts';
import { beginAction } from '#/services/compute/server-actions/action.store.ts';
import { tag } from '#/services/compute/servers/create.schema.ts';
import { hostOf } from '#/services/compute/servers/power.operation.ts';
import { mustAllow, serverFinder } from '#/services/compute/servers/server.finder.ts';
import { nextDevice } from '#/services/compute/servers/server.rules.ts';
import {
  type BlockDevice,
  blockDevicesOf,
  changeBlockDevice,
  findServer,
  insertBlockDevices,
  type Server,
} from '#/services/compute/servers/server.store.ts';
import { attachVolume, detachVolume } from '#/services/compute/servers/volume-attachment.operation.ts';
import { t } from '#/services/compute/texts.ts';
import { one, uuid } from '#/services/compute/wire.ts';
import { pageLimit } from '#/platform/http/page.ts';
import { beginDetach, reserveForServer, volumePlan } from '#/services/block-storage/contract.ts';

const anything = as<Record<string, unknown>>(any());
const path = '/v2.1/servers/{server_id}/os-volume_attachments';

function view(device: BlockDevice, version: Microversion): Record<string, unknown> {
  return {
    ...(since(version, '2.89') ? { attachment_id: device.attachmentId, bdm_uuid: device.id } : { id: device.volumeId }),
    volumeId: device.volumeId,
    serverId: device.serverId,
    device: device.device,
    ...(since(version, '2.70') ? { tag: device.tag } : {}),
    ...(since(version, '2.79') ? { delete_on_termination: device.deleteOnTermination === 1 } : {}),
  };
}

const attachmentFinder: Finder<Server & { devices: BlockDevice[]; device: BlockDevice | undefined }> = {
  async find({ tx, path: { server_id, volume_id } }) {
    const server = await findServer(tx, server_id!);
    if (!server) return undefined;
    const devices = (await blockDevicesOf(tx, [server.id])).get(server.id) ?? [];
    return {
      ...server,
      devices,
      device: devices.find(device => device.volumeId !== null && device.volumeId === volume_id),
    };
  },
  missing: serverFinder.missing,
};

function mustHave(
  { id, device }: Server & { device: BlockDevice | undefined },
  volumeId: string,
): BlockDevice & { volumeId: string } {
  if (!device) throw new Problem('notFound', t.attachmentNotFound, { id, volume: volumeId.slice(0, 80) });
  return device as BlockDevice & { volumeId: string };
}

const list = endpoint({
  policy: 'os_compute_api:os-volumes-attachments:index',
  allow: projectReader,
  route: `GET ${path}`,
  find: attachmentFinder,
  replies: { 200: object({ volumeAttachments: array(anything) }) },
  async handle({ found, query, version }) {
    const offset = pageLimit(query['offset'], 0);
    const devices = found.devices
      .filter(device => device.volumeId !== null)
      .slice(offset, offset + pageLimit(one(query, 'limit')));
    return { 200: { volumeAttachments: devices.map(device => view(device, version)) } };
  },
});

const show = endpoint({
  policy: 'os_compute_api:os-volumes-attachments:show',
  allow: projectReader,
  route: `GET ${path}/{volume_id}`,
  find: attachmentFinder,
  replies: { 200: object({ volumeAttachment: anything }) },
  handle: async ({ found, path: { volume_id }, version }) => ({
    200: { volumeAttachment: view(mustHave(found, volume_id!), version) },
  }),
});

const fields = { volumeId: uuid(), device: optional(nullable(string({ max: 255, pattern: '^/?[a-zA-Z0-9/._-]*$' }))) };

const attach = endpoint({
  policy: 'os_compute_api:os-volumes-attachments:create',
  allow: projectMember,
  route: `POST ${path}`,
  find: attachmentFinder,
  body: {
    '2.1': object({ volumeAttachment: object(fields) }),
    '2.49': object({ volumeAttachment: object({ ...fields, tag: optional(tag()) }) }),
    '2.79': object({
      volumeAttachment: object({ ...fields, tag: optional(tag()), delete_on_termination: optional(looseBoolean()) }),
    }),
  },
  replies: { 200: object({ volumeAttachment: anything }) },
  async handle({ tx, found, body, caller, version }) {
    const ask = (
      body as {
        volumeAttachment: { volumeId: string; device?: string | null; tag?: string; delete_on_termination?: unknown };
      }
    ).volumeAttachment;
    mustAllow('attach_volume', found, caller);
    const host = hostOf(found);
    if (found.devices.some(device => device.volumeId === ask.volumeId))
      throw new Problem('invalid', t.alreadyAttached, { volume: ask.volumeId, id: found.id });
    const taken = found.devices.flatMap(device => device.device ?? []);
    const device = deviceFor(ask.device ?? null, taken);
    const { attachmentId, volume } = await reserveForServer(tx, caller, {
      volumeId: ask.volumeId,
      serverId: found.id,
      host,
      device,
    });
    const row: BlockDevice = {
      id: newId(tx),
      serverId: found.id,
      position: 1 + Math.max(-1, ...found.devices.map(one => one.position)),
      source: 'volume',
      destination: 'volume',
      volumeId: volume.id,
      attachmentId,
      device,
      bootIndex: null,
      sizeGib: volume.sizeGib,
      guestFormat: null,
      tag: ask.tag ?? null,
      deleteOnTermination: isTrue(ask.delete_on_termination ?? false) ? 1 : 0,
      madeHere: 0,
      readOnly: volume.readOnly ? 1 : 0,
      connection: null,
      detaching: 0,
    };
    await insertBlockDevices(tx, [row]);
    await beginAction(tx, found, 'attach_volume', caller);
    const input = {
      serverId: found.id,
      host,
      blockDeviceId: row.id,
      volumeId: volume.id,
      attachmentId,
      device,
      volumeKey: await volumePlan(tx, volume.id),
    };
    await start(tx, attachVolume, input, { resourceId: found.id, projectId: found.projectId });
    return { 200: { volumeAttachment: view(row, version) } };
  },
});

/** What was asked for where the guest can have it under that name; else the next free one. @throws Problem invalid when taken */
function deviceFor(asked: string | null, taken: string[]): string {
  const full = asked ? asked.replace(/^(\/dev\/)?/, '/dev/') : null;
  if (full && taken.includes(full)) throw new Problem('conflict', t.deviceInUse, { device: full });
  if (full && /^\/dev\/vd[b-z]$/.test(full)) return full;
  return `/dev/${nextDevice(taken)}`;
}

const changed = {
  volumeId: uuid(),
  device: optional(nullable(string())),
  serverId: optional(string()),
  id: optional(string()),
  tag: optional(nullable(string())),
  delete_on_termination: optional(looseBoolean()),
};

const update = endpoint({
  policy: 'os_compute_api:os-volumes-attachments:update',
  allow: projectMember,
  route: `PUT ${path}/{volume_id}`,
  versions: '2.85-',
  find: attachmentFinder,
  body: object({ volumeAttachment: object(changed) }),
  replies: { 202: null },
  async handle({ tx, found, body, caller, path: { volume_id } }) {
    const ask = body.volumeAttachment;
    const device = mustHave(found, volume_id!);
    if (ask.volumeId !== device.volumeId) throw new Problem('invalid', t.volumeUpdate);
    mustAllow('update_metadata', found, caller);
    if (ask.delete_on_termination !== undefined)
      await changeBlockDevice(tx, device.id, { deleteOnTermination: isTrue(ask.delete_on_termination) ? 1 : 0 });
    return { 202: undefined };
  },
});

const detach = endpoint({
  policy: 'os_compute_api:os-volumes-attachments:delete',
  allow: projectMember,
  route: `DELETE ${path}/{volume_id}`,
  find: attachmentFinder,
  replies: { 202: null },
  async handle({ tx, found, caller, path: { volume_id } }) {
    const device = mustHave(found, volume_id!);
    mustAllow('detach_volume', found, caller);
    if (device.bootIndex === 0) throw new Problem('conflict', t.rootVolume);
    if (device.detaching === 1) return { 202: undefined };
    const host = hostOf(found);
    const { attachmentId } = await beginDetach(tx, caller, device.volumeId, found.id);
    await changeBlockDevice(tx, device.id, { detaching: 1 });
    await beginAction(tx, found, 'detach_volume', caller);
    await replan(tx, host);
    const input = {
      serverId: found.id,
      host,
      blockDeviceId: device.id,
      volumeId: device.volumeId,
      attachmentId,
      device: device.device!,
    };
    await start(tx, detachVolume, input, { resourceId: found.id, projectId: found.projectId });
    return { 202: undefined };
  },
});

export const volumeAttachmentEndpoints = [list, show, attach, update, detach];
