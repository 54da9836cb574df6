// What is done to a volume besides changing its words. API: Block Storage v3, "Volume actions".

import { endpoint, type EndpointOptions, since } from '#/platform/http/endpoint.ts';
import {
  any,
  isTrue,
  looseBoolean,
  nullable,
  object,
  open,
  optional,
  string,
  type TSchema,
} from '#/platform/http/schema.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  addAttachment,
  attachmentsOfVolume,
  checkNotOfServer,
  endAttachment,
  setAttachment,
} from '#/services/block-storage/attachments/attachment.store.ts';
import { admin, member, metadataSchema, readSize, wire } from '#/services/block-storage/page.ts';
import { checkQuota } from '#/services/block-storage/quotas/quota.store.ts';
import type { VolumeRow, VolumeStatus } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { typeForUse } from '#/services/block-storage/types/type.store.ts';
import { beginDelete } from '#/services/block-storage/volumes/delete-volume.ts';
import { extendVolume } from '#/services/block-storage/volumes/volume.operations.ts';
import { aVolume, moveVolume, updateVolume } from '#/services/block-storage/volumes/volume.store.ts';

type Handle<B> = (
  asked: Parameters<EndpointOptions<TSchema, TSchema, VolumeRow, undefined>['handle']>[0] & { ask: B },
) => Promise<unknown>;

/** One action: its key, its rule, what it takes. It answers `status`, with what it returns as the body, if anything. */
function action<B>(
  key: string,
  rule: { policy: string; allow?: string; versions?: string },
  ask: TSchema,
  status: 200 | 202,
  handle: Handle<B>,
  reply: TSchema | null = null,
) {
  return endpoint({
    ...rule,
    route: 'POST /v3/{project_id}/volumes/{volume_id}/action',
    action: key,
    find: aVolume,
    body: open({ [key]: ask }),
    replies: { [status]: reply },
    async handle(asked) {
      const body = asked.body as unknown as Record<string, B>;
      const result = await handle({ ...(asked as unknown as Parameters<Handle<B>>[0]), ask: body[key]! });
      return { [status]: result ?? undefined };
    },
  });
}

const nothing = any();
const ofActions = (name: string): { policy: string; allow: string } => ({
  policy: `volume_extension:volume_actions:${name}`,
  allow: member,
});

const reserve = action('os-reserve', ofActions('reserve'), nothing, 202, async ({ tx, found }) => {
  await moveVolume(tx, found.id, ['available'], 'attaching');
});

const unreserve = action('os-unreserve', ofActions('unreserve'), nothing, 202, async ({ tx, found }) => {
  if (found.status === 'reserved' || found.status === 'attaching')
    await updateVolume(tx, found.id, { status: 'available' });
});

interface AttachBody {
  instance_uuid?: string | null;
  host_name?: string | null;
  mountpoint?: string | null;
  mode?: 'rw' | 'ro' | null;
}
const attachBody = open({
  instance_uuid: optional(nullable(string({ max: 255 }))),
  host_name: optional(nullable(string({ max: 255 }))),
  mountpoint: optional(nullable(string({ max: 255 }))),
  mode: optional(nullable(string({ pattern: '^(rw|ro)$' }))),
});

const attach = action<AttachBody>(
  'os-attach',
  ofActions('attach'),
  attachBody,
  202,
  async ({ tx, found, ask, caller }) => {
    const serverId = ask.instance_uuid ?? null;
    const hostName = ask.host_name ?? null;
    if ((serverId === null) === (hostName === null))
      throw new Problem('invalid', t.invalidInput, { name: 'os-attach', why: 'it needs instance_uuid or host_name' });
    if (ask.mode === 'rw' && found.readOnly === 1)
      throw new Problem('invalid', t.invalidInput, { name: 'mode', why: 'the volume is read-only' });
    const mode = ask.mode ?? undefined;
    const { attachment } = await addAttachment(tx, caller, {
      volumeId: found.id,
      serverId,
      hostName,
      device: ask.mountpoint ?? null,
      mode,
    });
    await setAttachment(tx, attachment.id, { status: 'attached' });
  },
);

const detachBody = nullable(open({ attachment_id: optional(nullable(string({ max: 255 }))) }));

/** Ends the attachment that was named, or the only one. */
async function detachOne({
  tx,
  found,
  ask,
}: Parameters<Handle<{ attachment_id?: string | null } | null>>[0]): Promise<void> {
  const own = await attachmentsOfVolume(tx, found.id);
  const id = ask?.attachment_id ?? null;
  if (id === null && own.length > 1)
    throw new Problem('invalid', t.invalidInput, { name: 'attachment_id', why: 'the volume has several attachments' });
  const attachment = id === null ? own[0] : own.find(row => row.id === id);
  if (!attachment)
    throw new Problem('invalid', t.wrongStatus, { id: found.id, wanted: 'in-use', status: found.status });
  checkNotOfServer(attachment);
  await endAttachment(tx, attachment.id);
}

const detach = action('os-detach', ofActions('detach'), detachBody, 202, detachOne);
const forceDetach = action(
  'os-force_detach',
  { policy: 'volume_extension:volume_admin_actions:force_detach', allow: admin },
  detachBody,
  202,
  detachOne,
);

const beginDetaching = action(
  'os-begin_detaching',
  ofActions('begin_detaching'),
  nothing,
  202,
  async ({ tx, found }) => {
    await moveVolume(tx, found.id, ['in-use'], 'detaching');
  },
);

const rollDetaching = action('os-roll_detaching', ofActions('roll_detaching'), nothing, 202, async ({ tx, found }) => {
  if (found.status === 'detaching') await updateVolume(tx, found.id, { status: 'in-use' });
});

const connectorBody = object({ connector: open({}) });

const initializeConnection = action(
  'os-initialize_connection',
  ofActions('initialize_connection'),
  connectorBody,
  200,
  async ({ found }) => ({ connection_info: connectionOf(found) }),
  wire,
);

/** Disks are served by the host that holds them; guests reach them through compute alone. */
export function connectionOf({ id, host, readOnly }: VolumeRow) {
  return {
    driver_volume_type: 'local',
    data: { volume_id: id, host, access_mode: readOnly === 1 ? 'ro' : 'rw', encrypted: false, qos_specs: null },
  };
}

const terminateConnection = action(
  'os-terminate_connection',
  ofActions('terminate_connection'),
  connectorBody,
  202,
  async () => {},
);

const extend = action<{ new_size: unknown }>(
  'os-extend',
  { policy: 'volume:extend', allow: member },
  object({ new_size: any() }),
  202,
  async ({ tx, found, ask, version }) => {
    const { id, status, sizeGib, host, projectId } = found;
    const toGib = readSize('new_size', ask.new_size);
    const from: VolumeStatus[] = since(version, '3.42') ? ['available', 'in-use'] : ['available'];
    if (!from.includes(status)) throw new Problem('invalid', t.wrongStatus, { id, wanted: from, status });
    if (toGib <= sizeGib) throw new Problem('invalid', t.notLarger, { sizeGib, newGib: toGib });
    await checkQuota(tx, projectId, { gigabytes: toGib - sizeGib }, toGib);
    await moveVolume(tx, id, from, 'extending', { previousStatus: status });
    const input = { volumeId: id, host: host!, fromGib: sizeGib, toGib };
    await start(tx, extendVolume, input, { resourceId: id, projectId });
  },
);

const setBootable = action<{ bootable: unknown }>(
  'os-set_bootable',
  { policy: 'volume:update' },
  object({ bootable: looseBoolean() }),
  200,
  async ({ tx, found, ask }) => {
    await updateVolume(tx, found.id, { bootable: isTrue(ask.bootable) ? 1 : 0 });
  },
);

const setReadOnly = action<{ readonly: unknown }>(
  'os-update_readonly_flag',
  { policy: 'volume:update_readonly_flag', allow: member },
  object({ readonly: looseBoolean() }),
  202,
  async ({ tx, found, ask }) => {
    const { id, status } = found;
    if (status !== 'available') throw new Problem('invalid', t.wrongStatus, { id, wanted: 'available', status });
    await updateVolume(tx, id, { readOnly: isTrue(ask.readonly) ? 1 : 0 });
  },
);

const statuses: readonly VolumeStatus[] = [
  'creating',
  'available',
  'deleting',
  'error',
  'error_deleting',
  'error_extending',
  'in-use',
  'reserved',
  'attaching',
  'detaching',
  'maintenance',
];

const resetStatus = action<{ status?: string; attach_status?: string }>(
  'os-reset_status',
  { policy: 'volume_extension:volume_admin_actions:reset_status', allow: admin },
  open({
    status: optional(string({ max: 40 })),
    attach_status: optional(nullable(string({ max: 40 }))),
    migration_status: optional(nullable(string({ max: 40 }))),
  }),
  202,
  async ({ tx, found, ask }) => {
    const status = ask.status?.toLowerCase();
    if (status === undefined && ask.attach_status === undefined && !('migration_status' in ask))
      throw new Problem('invalid', t.invalidInput, { name: 'os-reset_status', why: 'there is no status in it' });
    const known = statuses.find(one => one === status);
    if (status !== undefined && !known)
      throw new Problem('invalid', t.invalidInput, { name: 'status', why: `it must be one of ${statuses.join(', ')}` });
    if (ask.attach_status === 'detached')
      for (const attachment of await attachmentsOfVolume(tx, found.id)) {
        checkNotOfServer(attachment);
        await endAttachment(tx, attachment.id);
      }
    if (known) await updateVolume(tx, found.id, { status: known, previousStatus: null });
  },
);

const forceDelete = action(
  'os-force_delete',
  { policy: 'volume_extension:volume_admin_actions:force_delete', allow: admin },
  nothing,
  202,
  async ({ tx, found }) => {
    (await attachmentsOfVolume(tx, found.id)).forEach(checkNotOfServer);
    await beginDelete(tx, found, { force: true });
  },
);

const setImageMetadata = action<{ metadata: Record<string, string> }>(
  'os-set_image_metadata',
  { policy: 'volume_extension:volume_image_metadata:set', allow: member },
  object({ metadata: metadataSchema }),
  200,
  async ({ tx, found, ask }) => {
    const metadata = { ...(JSON.parse(found.imageMetadata) as Record<string, string>), ...ask.metadata };
    await updateVolume(tx, found.id, { imageMetadata: JSON.stringify(metadata) });
    return { metadata };
  },
  wire,
);

const unsetImageMetadata = action<{ key: string }>(
  'os-unset_image_metadata',
  { policy: 'volume_extension:volume_image_metadata:remove', allow: member },
  object({ key: string({ min: 1, max: 255 }) }),
  200,
  async ({ tx, found, ask }) => {
    const { [ask.key]: gone, ...rest } = JSON.parse(found.imageMetadata) as Record<string, string>;
    if (gone === undefined)
      throw new Problem('notFound', t.keyNotFound, { key: ask.key.slice(0, 80), what: 'volume_image_metadata' });
    await updateVolume(tx, found.id, { imageMetadata: JSON.stringify(rest) });
  },
);

const showImageMetadata = action(
  'os-show_image_metadata',
  { policy: 'volume:get_volume_metadata' },
  nothing,
  200,
  async ({ found }) => ({ metadata: JSON.parse(found.imageMetadata) as object }),
  wire,
);

const retype = action<{ new_type: string; migration_policy?: string }>(
  'os-retype',
  { policy: 'volume:retype', allow: member },
  open({
    new_type: string({ min: 1, max: 255 }),
    migration_policy: optional(string({ pattern: '^(never|on-demand)$' })),
  }),
  202,
  async ({ tx, found, ask, caller }) => {
    const { id, status } = found;
    if (status !== 'available' && status !== 'in-use')
      throw new Problem('invalid', t.wrongStatus, { id, wanted: ['available', 'in-use'], status });
    const type = await typeForUse(tx, caller, ask.new_type);
    if (type.id === found.typeId)
      throw new Problem('invalid', t.invalidInput, { name: 'new_type', why: 'the volume is of that type' });
    // Every type of ours is kept the same way, so nothing has to be moved.
    await updateVolume(tx, id, { typeId: type.id });
  },
);

export const actionRules = {
  'volume:create_from_image': member,
  'volume:force_delete': admin,
  'volume:extend_attached_volume': member,
};

export const actionEndpoints = [
  reserve,
  unreserve,
  attach,
  detach,
  forceDetach,
  beginDetaching,
  rollDetaching,
  initializeConnection,
  terminateConnection,
  extend,
  setBootable,
  setReadOnly,
  resetStatus,
  forceDelete,
  setImageMetadata,
  unsetImageMetadata,
  showImageMetadata,
  retype,
];
