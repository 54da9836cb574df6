// What users do with servers.

import { adminCall, call, keep, type Line, make, remove, type User } from '#/simulation/acts/act.ts';
import type { Thing } from '#/simulation/model.ts';

const compute = '/compute/v2.1';
const action = `POST ${compute}/servers/{server}/action`;

/** Of the right form; nobody has the other half. */
const publicKey = `ssh-ed25519 ${Buffer.concat([
  Buffer.from('0000000b7373682d6564323535313900000020', 'hex'),
  Buffer.alloc(32, 7),
]).toString('base64')} one`;

async function createServer(user: User, network?: Thing): Promise<void> {
  const { create, name, dice, some, cloud, model } = user;
  const { flavors, imageId } = cloud.template;
  const port = !network && dice.chance(0.3) ? some('port') : undefined;
  const own = network ?? (dice.chance(0.6) ? some('network') : undefined);
  const networks = port ? [{ port: port.id }] : own ? [{ uuid: own.id }] : 'none';
  const volume = dice.chance(0.15) ? some('volume') : undefined;
  const group = dice.chance(0.3) ? some('server_group') : undefined;
  const key = dice.chance(0.2) ? some('keypair') : undefined;
  const imageRef = (dice.chance(0.1) && some('image')?.id) || imageId;
  const disk = dice.chance(0.2)
    ? {
        block_device_mapping_v2: [
          {
            boot_index: 0,
            uuid: imageRef,
            source_type: 'image',
            destination_type: 'volume',
            volume_size: 2,
            delete_on_termination: dice.chance(0.7),
          },
        ],
      }
    : volume
      ? {
          imageRef,
          block_device_mapping_v2: [
            { boot_index: 0, uuid: imageRef, source_type: 'image', destination_type: 'local' },
            { boot_index: -1, uuid: volume.id, source_type: 'volume', destination_type: 'volume' },
          ],
        }
      : { imageRef };
  const sent = {
    server: { name: name(), flavorRef: dice.pick(flavors), networks, ...(key && { key_name: key.id }), ...disk },
    ...(group && { 'os:scheduler_hints': { group: group.id } }),
  };
  const made = await create('server', sent);
  if (made && dice.chance(0.1)) await model.remove(made);
}

/** Longer than a host is silent before it counts as down. */
const silentMs = 15_000;

/** As the manual says: whoever evacuates a server sees to it first that its host is off, and that it stays so. */
async function evacuate({ admin, cloud, some }: User, how: object, version?: string): Promise<void> {
  const path = `${compute}/servers/${some('server')?.id ?? 'none'}`;
  const { body } = await admin.ask('GET', path);
  const host = cloud.hosts.find(({ name }) => name === body?.server?.['OS-EXT-SRV-ATTR:host']);
  host?.powerOff();
  if (host) await new Promise<void>(resolve => void cloud.time.after(silentMs, resolve));
  await admin.ask('POST', `${path}/action`, { evacuate: how }, version);
  host?.powerOn();
}

/** What is named at random seldom is ready: who is patient makes what there is not, and waits. */
async function patiently({ cloud }: User, attempt: (first: boolean) => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 12; tries++) {
    if (await attempt(tries === 0)) return;
    await new Promise<void>(resolve => void cloud.time.after(5_000, resolve));
  }
}

const attachVolume = (user: User): Promise<void> =>
  patiently(user, async first => {
    const { ask, create, dice, name } = user;
    const { body: own } = await ask('GET', `${compute}/servers/detail?status=ACTIVE`);
    const { body: free } = await ask('GET', '/volume/v3/{project}/volumes/detail?status=available');
    const [servers = [], volumes = []] = [own?.servers, free?.volumes] as ({ id: string }[] | undefined)[];
    if (first && servers.length === 0) await createServer(user);
    if (first && volumes.length === 0) await create('volume', { volume: { size: 1, name: name() } });
    if (servers.length === 0 || volumes.length === 0) return false;
    const volumeAttachment = { volumeId: dice.pick(volumes).id };
    await ask('POST', `${compute}/servers/${dice.pick(servers).id}/os-volume_attachments`, { volumeAttachment });
    return true;
  });

/** A port may be deleted while a server has it. */
const deletePluggedPort = (user: User): Promise<void> =>
  patiently(user, async first => {
    const { ask, create, dice, name, unsettle } = user;
    const { body } = await ask('GET', '/network/v2.0/ports?status=ACTIVE');
    const ports = (body?.ports ?? []) as { id: string; device_owner: string }[];
    const plugged = ports.filter(port => port.device_owner.startsWith('compute:'));
    if (plugged.length > 0) {
      unsettle('port');
      await ask('DELETE', `/network/v2.0/ports/${dice.pick(plugged).id}`);
      return true;
    }
    const network = first && (await create('network', { network: { name: name() } }));
    if (network) {
      const subnet = { name: name(), network_id: network.id, ip_version: 4, cidr: '10.77.0.0/24' };
      await create('subnet', { subnet });
      await createServer(user, network);
    }
    return false;
  });

export const serverActs: Line[] = [
  [12, createServer],
  remove(8, 'server'),
  ...[
    { 'os-stop': null },
    { 'os-start': null },
    { reboot: { type: 'SOFT' } },
    { reboot: { type: 'HARD' } },
    { pause: null },
    { unpause: null },
    { lock: null },
    { unlock: null },
  ].map(body => call(1, action, body)),
  call(1, action, ({ cloud, some, dice }) => ({
    rebuild: { imageRef: (dice.chance(0.3) && some('image')?.id) || cloud.template.imageId },
  })),
  call(1.5, action, ({ name }) => ({ createImage: { name: name() } })),
  call(2, action, ({ cloud, dice }) => ({ resize: { flavorRef: dice.pick(cloud.template.flavors) } })),
  call(1.5, action, { confirmResize: null }),
  call(1, action, { revertResize: null }),
  adminCall(1, action, { migrate: null }),
  adminCall(1, action, { 'os-migrateLive': { host: null, block_migration: 'auto' } }),
  [0.5, user => evacuate(user, {})],
  [0.2, user => evacuate(user, { onSharedStorage: false }, '2.13')],
  adminCall(1.5, action, { 'os-migrateLive': { block_migration: 'auto', host: null } }),
  // One that moves is let go of, or hurried.
  [
    0.3,
    async ({ admin, some, dice }) => {
      const { body } = await admin.ask('GET', `${compute}/os-migrations?status=running`);
      const moving = ((body?.migrations ?? []) as { id: number; instance_uuid: string }[])[0];
      const server = moving?.instance_uuid ?? some('server')?.id ?? 'none';
      const path = `${compute}/servers/${server}/migrations/${moving?.id ?? 1}`;
      if (dice.chance(0.5)) await admin.ask('POST', `${path}/action`, { force_complete: null });
      await admin.ask('DELETE', path);
    },
  ],
  [
    0.3,
    async ({ ask, some }) => {
      const server = some('server');
      if (server) server.state = 'unknown';
      await ask('POST', `${compute}/servers/${server?.id ?? 'none'}/action`, { forceDelete: null });
    },
  ],
  call(0.2, action, { restore: null }),
  call(0.3, action, { 'os-getConsoleOutput': { length: 5 } }),
  call(0.2, `${action} 2.5`, { 'os-getVNCConsole': { type: 'novnc' } }),
  call(0.2, `${action} 2.5`, { 'os-getSerialConsole': { type: 'serial' } }),
  call(0.2, `POST ${compute}/servers/{server}/remote-consoles`, {
    remote_console: { protocol: 'serial', type: 'serial' },
  }),
  ...['addSecurityGroup', 'removeSecurityGroup'].map(verb =>
    call(0.5, action, ({ some }) => ({ [verb]: { name: some('security_group')?.id ?? 'default' } })),
  ),
  call(0.5, `PUT ${compute}/servers/{server}`, ({ dice }) => ({ server: { description: `of ${dice.between(1, 9)}` } })),
  call(0.3, `POST ${compute}/servers/{server}/metadata`, { metadata: { one: '1' } }),
  call(0.3, `PUT ${compute}/servers/{server}/metadata`, { metadata: { two: '2' } }),
  call(0.3, `PUT ${compute}/servers/{server}/metadata/three`, { meta: { three: '3' } }),
  call(0.3, `DELETE ${compute}/servers/{server}/metadata/three`),
  call(0.3, `PUT ${compute}/servers/{server}/tags`, { tags: ['one', 'two'] }),
  call(0.2, `PUT ${compute}/servers/{server}/tags/three`),
  call(0.2, `DELETE ${compute}/servers/{server}/tags/three`),
  call(0.2, `DELETE ${compute}/servers/{server}/tags`),
  ...(['POST', 'PUT'] as const).map(
    (method): Line => [
      method === 'POST' ? 4 : 0.5,
      async ({ ask, some, dice }) => {
        const volume = some('volume');
        const volumeId = volume?.id ?? 'none';
        const ends = dice.chance(0.2);
        // It goes with its server then.
        if (volume && ends) volume.state = 'unknown';
        const path = `${compute}/servers/{server}/os-volume_attachments${method === 'PUT' ? `/${volumeId}` : ''}`;
        await ask(method, path, { volumeAttachment: { volumeId, delete_on_termination: ends } });
      },
    ],
  ),
  [4, attachVolume],
  call(3, `DELETE ${compute}/servers/{server}/os-volume_attachments/{volume}`),
  call(3, `POST ${compute}/servers/{server}/os-interface`, ({ some, dice }) => {
    const port = some('port')?.id;
    return { interfaceAttachment: port && dice.chance(0.5) ? { port_id: port } : { net_id: some('network')?.id } };
  }),
  call(2, `DELETE ${compute}/servers/{server}/os-interface/{port}`),
  // What it really has: those named at random seldom are.
  [
    2,
    async ({ ask, some, dice }) => {
      const server = some('server');
      if (!server) return;
      const volumes = dice.chance(0.5);
      const part = volumes ? 'os-volume_attachments' : 'os-interface';
      const { body } = await ask('GET', `${server.path}/${part}`);
      const has = (body?.volumeAttachments ?? body?.interfaceAttachments ?? []) as Record<string, string>[];
      if (has.length === 0) return;
      const one = dice.pick(has);
      await ask('DELETE', `${server.path}/${part}/${volumes ? one['volumeId'] : one['port_id']}`);
    },
  ],
  [2, deletePluggedPort],
  make(2, 'server_group', ({ name, dice }) => ({
    server_group: {
      name: name(),
      policy: dice.pick(['anti-affinity', 'affinity', 'soft-anti-affinity', 'anti-affinity']),
    },
  })),
  remove(0.5, 'server_group'),
  make(1, 'keypair', ({ name }) => ({ keypair: { name: name(), type: 'ssh', public_key: publicKey } })),
  remove(0.5, 'keypair'),
  keep(0.3, `POST ${compute}/os-security-groups 2.35`, 'old-group', ({ name }) => ({
    security_group: { name: name(), description: 'old' },
  })),
  call(0.2, `PUT ${compute}/os-security-groups/{old-group} 2.35`, ({ name }) => ({
    security_group: { name: name(), description: 'old' },
  })),
  keep(0.3, `POST ${compute}/os-security-group-rules 2.35`, 'old-rule', ({ kept, dice }) => ({
    security_group_rule: {
      parent_group_id: kept('old-group').length ? dice.pick(kept('old-group')) : 'none',
      ip_protocol: 'tcp',
      from_port: dice.between(1, 99),
      to_port: 99,
      cidr: '0.0.0.0/0',
    },
  })),
  call(0.2, `DELETE ${compute}/os-security-group-rules/{old-rule} 2.35`),
  call(0.2, `DELETE ${compute}/os-security-groups/{old-group} 2.35`),
  keep(
    0.3,
    `POST ${compute}/flavors`,
    'flavor',
    ({ name }) => ({ flavor: { name: name(), ram: 128, vcpus: 1, disk: 1, 'os-flavor-access:is_public': false } }),
    'admin',
  ),
  adminCall(0.2, `PUT ${compute}/flavors/{flavor}`, { flavor: { description: 'another' } }),
  adminCall(0.2, `POST ${compute}/flavors/{flavor}/os-extra_specs`, { extra_specs: { 'custom:one': '1' } }),
  adminCall(0.2, `PUT ${compute}/flavors/{flavor}/os-extra_specs/custom:one`, { 'custom:one': '2' }),
  adminCall(0.2, `DELETE ${compute}/flavors/{flavor}/os-extra_specs/custom:one`),
  ...['addTenantAccess', 'removeTenantAccess'].map(verb =>
    adminCall(0.3, `POST ${compute}/flavors/{flavor}/action`, ({ cloud }) => ({
      [verb]: { tenant: cloud.template.members[0]!.projectId },
    })),
  ),
  adminCall(0.1, `DELETE ${compute}/flavors/{flavor}`),
  adminCall(0.5, `PUT ${compute}/os-quota-sets/{member}`, ({ dice }) => {
    const amount = dice.between(3, 60);
    return { quota_set: { instances: amount, cores: 3 * amount } };
  }),
  adminCall(0.5, `DELETE ${compute}/os-quota-sets/{member}`),
  adminCall(0.2, `PUT ${compute}/os-quota-class-sets/default`, { quota_class_set: { key_pairs: 100 } }),
  keep(0.2, `POST ${compute}/os-aggregates`, 'aggregate', ({ name }) => ({ aggregate: { name: name() } }), 'admin'),
  adminCall(0.2, `PUT ${compute}/os-aggregates/{aggregate}`, ({ name }) => ({ aggregate: { name: name() } })),
  adminCall(0.2, `POST ${compute}/os-aggregates/{aggregate}/action`, { add_host: { host: 'host-1' } }),
  adminCall(0.2, `POST ${compute}/os-aggregates/{aggregate}/action`, { remove_host: { host: 'host-1' } }),
  adminCall(0.2, `POST ${compute}/os-aggregates/{aggregate}/action`, { set_metadata: { metadata: { one: '1' } } }),
  adminCall(0.1, `DELETE ${compute}/os-aggregates/{aggregate}`),
  // A host takes no new servers for a while.
  ...(['compute', 'volume'] as const).map(
    (service): Line => [
      0.2,
      async ({ admin, cloud, dice }) => {
        const path = service === 'compute' ? compute : '/volume/v3/{project}';
        const version = service === 'compute' ? '2.52' : undefined;
        const { name: host } = dice.pick(cloud.hosts);
        const who = { host, binary: service === 'compute' ? 'nova-compute' : 'cinder-volume' };
        await admin.ask('PUT', `${path}/os-services/disable`, who, version);
        const why = { ...who, disabled_reason: 'repair' };
        await admin.ask('PUT', `${path}/os-services/disable-log-reason`, why, version);
        await admin.ask('PUT', `${path}/os-services/enable`, who, version);
      },
    ],
  ),
  [
    0.2,
    async ({ admin, dice }) => {
      const { body } = await admin.ask('GET', `${compute}/os-services?binary=nova-compute`);
      const ids = ((body?.services ?? []) as { id: string }[]).map(({ id }) => id);
      if (!ids.length) return;
      const path = `${compute}/os-services/${dice.pick(ids)}`;
      await admin.ask('PUT', path, { status: 'disabled', disabled_reason: 'repair' });
      await admin.ask('PUT', path, { status: 'enabled' });
    },
  ],
];
