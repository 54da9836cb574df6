// How each kind of operation is begun: what has to be there first, and the request that starts it.

import type { SimulatedCloud } from '#/simulation/cloud.ts';
import type { Model } from '#/simulation/model.ts';
import type { SimulatedUser } from '#/simulation/template.ts';

export interface Scene {
  cloud: SimulatedCloud;
  user: SimulatedUser;
  /** @returns the body @throws Error unless the request is accepted */
  // biome-ignore lint: bodies of the program's own replies
  ask(method: string, path: string, sent?: unknown): Promise<any>;
  /** The same as the cloud's administrator. */
  // biome-ignore lint: bodies of the program's own replies
  askAdmin(method: string, path: string, sent?: unknown): Promise<any>;
  model: Model;
  /** Lets what was begun come to its end. */
  settle(): Promise<void>;
}

/** Makes what is needed, and gives back what begins the operation. */
type Scenario = (scene: Scene) => Promise<() => Promise<unknown>>;

const servers = '/compute/v2.1/servers';
const volumes = '/volume/v3/{project}/volumes';

async function server({ cloud, ask, settle }: Scene): Promise<{ path: string; id: string }> {
  const { flavors, imageId } = cloud.template;
  const sent = { server: { name: 'one', flavorRef: flavors[0], imageRef: imageId, networks: 'none' } };
  const { id } = (await ask('POST', servers, sent)).server;
  await settle();
  return { id, path: `${servers}/${id}` };
}

async function volume({ ask, settle }: Scene): Promise<{ path: string; id: string }> {
  const { id } = (await ask('POST', volumes, { volume: { size: 1 } })).volume;
  await settle();
  return { id, path: `${volumes}/${id}` };
}

/** A server with a volume, which goes along when it moves. */
async function laden(scene: Scene): Promise<{ path: string; id: string; volumeId: string }> {
  const { path, id } = await server(scene);
  const { id: volumeId } = await volume(scene);
  await scene.ask('POST', `${path}/os-volume_attachments`, { volumeAttachment: { volumeId } });
  await scene.settle();
  return { path, id, volumeId };
}

async function snapshot(scene: Scene): Promise<{ path: string; id: string }> {
  const { id: volume_id } = await volume(scene);
  const { id } = (await scene.ask('POST', '/volume/v3/{project}/snapshots', { snapshot: { volume_id } })).snapshot;
  await scene.settle();
  return { id, path: `/volume/v3/{project}/snapshots/${id}` };
}

async function network({ ask }: Scene): Promise<string> {
  const { id } = (await ask('POST', '/network/v2.0/networks', { network: { name: 'own' } })).network;
  await ask('POST', '/network/v2.0/subnets', { subnet: { network_id: id, ip_version: 4, cidr: '10.77.0.0/24' } });
  return id;
}

async function image({ ask }: Scene): Promise<string> {
  return (await ask('POST', '/image/v2/images', { name: 'own', disk_format: 'raw', container_format: 'bare' })).id;
}

export const scenarios: Record<string, Scenario> = {
  'identity.rotate-credential-keys':
    async ({ askAdmin }) =>
    () =>
      askAdmin('POST', '/identity/keys/credentials/rotate'),
  'server.create':
    async ({ ask, cloud, ...rest }) =>
    async () => {
      const { flavors, imageId } = cloud.template;
      const networks = [{ uuid: await network({ ask, cloud, ...rest }) }];
      return ask('POST', servers, { server: { name: 'one', flavorRef: flavors[0], imageRef: imageId, networks } });
    },
  'server.createWithVolumes':
    async ({ ask, cloud }) =>
    () => {
      const source = {
        uuid: cloud.template.imageId,
        source_type: 'image',
        volume_size: 1,
        delete_on_termination: true,
      };
      const block_device_mapping_v2 = [{ ...source, boot_index: 0, destination_type: 'volume' }];
      const sent = { name: 'one', flavorRef: cloud.template.flavors[0], networks: 'none', block_device_mapping_v2 };
      return ask('POST', servers, { server: sent });
    },
  'server.delete': async scene => {
    const { path } = await server(scene);
    return () => scene.ask('DELETE', path);
  },
  'server.power': async scene => {
    const { path } = await server(scene);
    return () => scene.ask('POST', `${path}/action`, { 'os-stop': null });
  },
  'server.reboot': async scene => {
    const { path } = await server(scene);
    return () => scene.ask('POST', `${path}/action`, { reboot: { type: 'SOFT' } });
  },
  'server.create-image': async scene => {
    const { path } = await server(scene);
    return () => scene.ask('POST', `${path}/action`, { createImage: { name: 'copy' } });
  },
  'server.resize': async scene => {
    const { path } = await server(scene);
    return () => scene.ask('POST', `${path}/action`, { resize: { flavorRef: scene.cloud.template.flavors[1] } });
  },
  'server.revertResize': async scene => {
    const { path } = await server(scene);
    await scene.ask('POST', `${path}/action`, { resize: { flavorRef: scene.cloud.template.flavors[1] } });
    await scene.settle();
    return () => scene.ask('POST', `${path}/action`, { revertResize: null });
  },
  'server.migrate': async scene => {
    const { path } = await laden(scene);
    return () => scene.askAdmin('POST', `${path}/action`, { migrate: null });
  },
  'server.revertMigration': async scene => {
    const { path } = await laden(scene);
    await scene.askAdmin('POST', `${path}/action`, { migrate: null });
    await scene.settle();
    return () => scene.ask('POST', `${path}/action`, { revertResize: null });
  },
  'server.liveMigrate': async scene => {
    const { path } = await laden(scene);
    return () =>
      scene.askAdmin('POST', `${path}/action`, { 'os-migrateLive': { block_migration: 'auto', host: null } });
  },
  'server.evacuate': async scene => {
    const { path, id, volumeId } = await laden(scene);
    const hostWith = (kind: 'guests' | 'disks', key: string) =>
      scene.cloud.hosts.find(({ machine }) => (machine[kind] as ReadonlyMap<string, unknown>).has(key))!;
    if (hostWith('guests', `server/${id}`) === hostWith('disks', `volume/${volumeId}`)) {
      // What is on a host that is off cannot be had.
      await scene.askAdmin('POST', `${path}/action`, { 'os-migrateLive': { block_migration: 'auto', host: null } });
      await scene.settle();
    }
    const source = hostWith('guests', `server/${id}`);
    // It loses power: whoever fences hosts has done so.
    source.stopAgent();
    source.machine.reboot();
    await scene.cloud.run(() => false, 20_000);
    return async () => {
      await scene.askAdmin('POST', `${path}/action`, { evacuate: {} });
      source.startAgent();
    };
  },
  'server.attachInterface': async scene => {
    const { path } = await server(scene);
    const net_id = await network(scene);
    return () => scene.ask('POST', `${path}/os-interface`, { interfaceAttachment: { net_id } });
  },
  'server.detachInterface': async scene => {
    const { path } = await server(scene);
    const net_id = await network(scene);
    const { interfaceAttachment } = await scene.ask('POST', `${path}/os-interface`, {
      interfaceAttachment: { net_id },
    });
    await scene.settle();
    return () => scene.ask('DELETE', `${path}/os-interface/${interfaceAttachment.port_id}`);
  },
  'server.attachVolume': async scene => {
    const { path } = await server(scene);
    const { id: volumeId } = await volume(scene);
    return () => scene.ask('POST', `${path}/os-volume_attachments`, { volumeAttachment: { volumeId } });
  },
  'server.detachVolume': async scene => {
    const { path } = await server(scene);
    const { id: volumeId } = await volume(scene);
    await scene.ask('POST', `${path}/os-volume_attachments`, { volumeAttachment: { volumeId } });
    await scene.settle();
    return () => scene.ask('DELETE', `${path}/os-volume_attachments/${volumeId}`);
  },
  'volume.create':
    async ({ ask, cloud }) =>
    () =>
      ask('POST', volumes, { volume: { size: 2, imageRef: cloud.template.imageId } }),
  'volume.extend': async scene => {
    const { path } = await volume(scene);
    return () => scene.ask('POST', `${path}/action`, { 'os-extend': { new_size: 3 } });
  },
  'volume.delete': async scene => {
    const { path } = await volume(scene);
    return () => scene.ask('DELETE', path);
  },
  'snapshot.create': async scene => {
    const { id: volume_id } = await volume(scene);
    return () => scene.ask('POST', '/volume/v3/{project}/snapshots', { snapshot: { volume_id } });
  },
  'snapshot.delete': async scene => {
    const { path } = await snapshot(scene);
    return () => scene.ask('DELETE', path);
  },
  'image.remove-bytes': async scene => {
    const id = await image(scene);
    return () => scene.ask('DELETE', `/image/v2/images/${id}`);
  },
  'image.remove-part': async scene => {
    const id = await image(scene);
    // An upload whose process died long ago: the next look for broken ones finds it.
    return () =>
      scene.cloud.db.write(tx =>
        tx
          .withTables<{ images: { id: string; status: string; uploadId: string; uploadAliveAt: number } }>()
          .updateTable('images')
          .set({ status: 'saving', uploadId: 'dead', uploadAliveAt: 0 })
          .where('id', '=', id)
          .execute(),
      );
  },
  'image.import': async scene => {
    const id = await image(scene);
    await scene.ask('PUT', `/image/v2/images/${id}/stage`, Buffer.alloc(1_024));
    return () => scene.ask('POST', `/image/v2/images/${id}/import`, { method: { name: 'glance-direct' } });
  },
};
