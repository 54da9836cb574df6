// What users do with volumes.

import { adminCall, call, keep, type Line, make, remove } from '#/simulation/acts/act.ts';

const volume = '/volume/v3/{project}';
const action = `POST ${volume}/volumes/{volume}/action`;
const connector = { connector: { host: 'client', ip: '192.0.2.1' } };

export const volumeActs: Line[] = [
  make(8, 'volume', ({ name, dice, some }) => {
    const from = dice.chance(0.2) ? some('volume')?.id : undefined;
    const snapshot = !from && dice.chance(0.2) ? some('snapshot')?.id : undefined;
    const source = { ...(from && { source_volid: from }), ...(snapshot && { snapshot_id: snapshot }) };
    return { volume: { size: from || snapshot ? 8 : dice.between(1, 4), name: name(), ...source } };
  }),
  make(2, 'volume', ({ name, cloud, dice, some }) => {
    const imageRef = (dice.chance(0.3) && some('image')?.id) || cloud.template.imageId;
    return { volume: { size: 2, name: name(), imageRef } };
  }),
  remove(4, 'volume'),
  call(3, action, ({ dice }) => ({ 'os-extend': { new_size: dice.between(4, 12) } })),
  make(3, 'snapshot', ({ name, some, dice }) => ({
    snapshot: { volume_id: some('volume')?.id ?? 'none', name: name(), force: dice.chance(0.5) },
  })),
  remove(2, 'snapshot'),
  call(0.5, `PUT ${volume}/volumes/{volume}`, { volume: { description: 'renamed' } }),
  call(0.5, `PUT ${volume}/snapshots/{snapshot}`, { snapshot: { description: 'renamed' } }),
  ...['volume', 'snapshot'].flatMap(kind => [
    call(0.3, `POST ${volume}/${kind}s/{${kind}}/metadata`, { metadata: { one: '1' } }),
    call(0.3, `PUT ${volume}/${kind}s/{${kind}}/metadata`, { metadata: { two: '2' } }),
    call(0.3, `PUT ${volume}/${kind}s/{${kind}}/metadata/three`, { meta: { three: '3' } }),
    call(0.3, `DELETE ${volume}/${kind}s/{${kind}}/metadata/three`),
  ]),
  call(0.3, action, { 'os-set_bootable': { bootable: true } }),
  call(0.3, action, ({ dice }) => ({ 'os-update_readonly_flag': { readonly: dice.chance(0.5) } })),
  call(0.3, action, { 'os-set_image_metadata': { metadata: { os_distro: 'none' } } }),
  call(0.3, action, { 'os-unset_image_metadata': { key: 'os_distro' } }),
  call(0.3, action, { 'os-show_image_metadata': null }),
  call(0.3, action, ({ admin, dice }) => ({
    'os-retype': { new_type: dice.pick(['default', ...admin.kept('type')]), migration_policy: 'never' },
  })),
  call(0.3, action, { 'os-initialize_connection': connector }),
  call(0.3, action, { 'os-terminate_connection': connector }),
  // A machine of the user's own takes a volume, and gives it back, also one that is a server's: that must not be.
  call(0.5, action, { 'os-attach': { host_name: 'own-machine', mountpoint: '/dev/vdb' } }),
  call(1, action, { 'os-detach': null }),
  adminCall(0.3, 'POST /volume/v3/{project}/volumes/{volume}/action', { 'os-force_detach': null }),
  ...(['volume', 'snapshot'] as const).map(
    (kind): Line => [
      0.3,
      async ({ admin, some, unsettle }) => {
        const thing = some(kind);
        // Its snapshots go with it.
        unsettle(kind, 'snapshot');
        await admin.ask('POST', `${volume}/${kind}s/${thing?.id ?? 'none'}/action`, { 'os-force_delete': null });
        unsettle(kind, 'snapshot');
      },
    ],
  ),
  [
    0.5,
    async ({ create, some }) => {
      const attachment = { volume_uuid: some('volume')?.id ?? 'none', ...connector, mode: 'rw' };
      const made = await create('attachment', { attachment });
      // Detaching the volume ends it too.
      if (made) made.state = 'unknown';
    },
  ],
  call(0.3, `PUT ${volume}/attachments/{attachment}`, { attachment: connector }),
  call(0.3, `POST ${volume}/attachments/{attachment}/action`, { 'os-complete': null }),
  remove(0.6, 'attachment'),
  // Also one that is a server's.
  [
    0.5,
    async ({ ask, dice }) => {
      const { body } = await ask('GET', `${volume}/attachments`);
      const ids = ((body?.attachments ?? []) as { id: string }[]).map(({ id }) => id);
      await ask('DELETE', `${volume}/attachments/${ids.length ? dice.pick(ids) : 'none'}`);
    },
  ],
  ...(['os-volume-transfer', 'volume-transfers'] as const).flatMap((path): Line[] => [
    [
      0.5,
      async ({ ask, some, kept, name }) => {
        const transfer = { volume_id: some('volume')?.id ?? 'none', name: name() };
        const { body } = await ask('POST', `${volume}/${path}`, { transfer });
        if (body?.transfer) kept(path).push(`${body.transfer.id} ${body.transfer.auth_key}`);
      },
    ],
    [
      0.4,
      async ({ kept, other, unsettle }) => {
        const [id, auth_key] = kept(path).pop()?.split(' ') ?? ['none', 'none'];
        // A volume may be the other's then, with its snapshots; the audit sees to it that it is somebody's.
        unsettle('volume', 'snapshot');
        await other.ask('POST', `${volume}/${path}/${id}/accept`, { accept: { auth_key } });
        unsettle('volume', 'snapshot');
      },
    ],
    [
      0.3,
      async ({ kept, ask }) => {
        const [id] = kept(path).pop()?.split(' ') ?? ['none'];
        await ask('DELETE', `${volume}/${path}/${id}`);
      },
    ],
  ]),
  keep(0.3, `POST ${volume}/types`, 'type', ({ name }) => ({ volume_type: { name: name() } }), 'admin'),
  adminCall(0.2, `PUT ${volume}/types/{type}`, { volume_type: { description: 'another' } }),
  adminCall(0.2, `DELETE ${volume}/types/{type}`),
  adminCall(0.2, `POST ${volume}/types/{type}/extra_specs`, { extra_specs: { one: '1' } }),
  adminCall(0.2, `PUT ${volume}/types/{type}/extra_specs/one`, { one: '2' }),
  adminCall(0.2, `DELETE ${volume}/types/{type}/extra_specs/one`),
  keep(
    0.3,
    `POST ${volume}/types`,
    'private-type',
    ({ name }) => ({ volume_type: { name: name(), 'os-volume-type-access:is_public': false } }),
    'admin',
  ),
  ...['addProjectAccess', 'removeProjectAccess'].map(verb =>
    adminCall(0.3, `POST ${volume}/types/{private-type}/action`, ({ cloud }) => ({
      [verb]: { project: cloud.template.members[0]!.projectId },
    })),
  ),
  adminCall(0.5, `PUT ${volume}/os-quota-sets/{member}`, ({ dice }) => {
    const amount = dice.between(3, 60);
    return { quota_set: { volumes: amount, gigabytes: 20 * amount } };
  }),
  adminCall(0.5, `DELETE ${volume}/os-quota-sets/{member}`),
];
