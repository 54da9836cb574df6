// What users do with servers.

import type { Act, User } from '#/simulation/workload.ts';
import type { Thing } from '#/simulation/model.ts';

const servers = '/compute/v2.1/servers';

async function createServer(user: User): Promise<void> {
  const { create, name, dice, some, cloud } = user;
  const { flavors, imageId } = cloud.template;
  const port = dice.chance(0.3) ? some('port') : undefined;
  const own = dice.chance(0.6) ? some('network') : undefined;
  const networks = port ? [{ port: port.id }] : own ? [{ uuid: own.id }] : 'none';
  const volume = dice.chance(0.15) ? some('volume') : undefined;
  const group = dice.chance(0.3) ? some('server_group') : undefined;
  const disk = dice.chance(0.2)
    ? {
        block_device_mapping_v2: [
          {
            boot_index: 0,
            uuid: imageId,
            source_type: 'image',
            destination_type: 'volume',
            volume_size: 2,
            delete_on_termination: dice.chance(0.7),
          },
        ],
      }
    : volume
      ? {
          imageRef: imageId,
          block_device_mapping_v2: [
            { boot_index: 0, uuid: imageId, source_type: 'image', destination_type: 'local' },
            { boot_index: -1, uuid: volume.id, source_type: 'volume', destination_type: 'volume' },
          ],
        }
      : { imageRef: imageId };
  const sent = {
    server: { name: name(), flavorRef: dice.pick(flavors), networks, ...disk },
    ...(group && { 'os:scheduler_hints': { group: group.id } }),
  };
  await create('server', servers, sent, id => `${servers}/${id}`);
}

async function removeServer({ some, model, dice }: User): Promise<void> {
  const server = some('server');
  if (!server) return;
  await model.remove(server);
  if (dice.chance(0.3) && server.state === 'gone') await model.ask(server.owner, 'DELETE', server.path);
}

async function act({ some, ask, dice, cloud }: User): Promise<void> {
  const action = dice.pick([
    { 'os-stop': null },
    { 'os-start': null },
    { reboot: { type: 'SOFT' } },
    { reboot: { type: 'HARD' } },
    { pause: null },
    { unpause: null },
    { rebuild: { imageRef: cloud.template.imageId } },
    { lock: null },
    { unlock: null },
  ]);
  await ask('POST', `${pathOf(some('server'))}/action`, action);
}

async function changeVolumes({ some, ask, dice }: User): Promise<void> {
  const server = pathOf(some('server'));
  const volume = some('volume')?.id ?? 'none';
  if (dice.chance(0.6))
    await ask('POST', `${server}/os-volume_attachments`, { volumeAttachment: { volumeId: volume } });
  else await ask('DELETE', `${server}/os-volume_attachments/${volume}`);
}

async function changeInterfaces({ some, ask, dice }: User): Promise<void> {
  const server = pathOf(some('server'));
  const port = some('port')?.id;
  const by = port && dice.chance(0.5) ? { port_id: port } : { net_id: some('network')?.id };
  if (dice.chance(0.6)) await ask('POST', `${server}/os-interface`, { interfaceAttachment: by });
  else if (port) await ask('DELETE', `${server}/os-interface/${port}`);
}

function pathOf(server: Thing | undefined): string {
  return server?.path ?? `${servers}/none`;
}

async function createGroup({ create, name, dice }: User): Promise<void> {
  const policy = dice.pick(['anti-affinity', 'affinity', 'soft-anti-affinity', 'anti-affinity']);
  const list = '/compute/v2.1/os-server-groups';
  await create('server_group', list, { server_group: { name: name(), policy } }, id => `${list}/${id}`);
}

export const serverActions: [number, Act][] = [
  [12, createServer],
  [8, removeServer],
  [8, act],
  [6, changeVolumes],
  [5, changeInterfaces],
  [2, createGroup],
];
