// What users do while something is under way. Each is done to whatever they have, so it holds for every kind of operation.

import { pathsOf } from '#/simulation/simulate.ts';
import type { Kind } from '#/simulation/kinds.ts';
import type { Scene } from './operation-scenarios.ts';

/** May be refused, or be answered by nobody: what counts is what stays afterwards. */
type Interference = (scene: Scene) => Promise<unknown>;

export type Verb =
  | 'delete'
  | 'act again'
  | 'detach'
  | 'delete the volume'
  | 'delete the port'
  | 'delete the image'
  | 'delete the network'
  | 'log out'
  | 'delete the project';

async function each(scene: Scene, kind: Kind, act: (path: string) => Promise<unknown>): Promise<void> {
  for (const path of await pathsOf(scene.model, scene.user, kind)) await act(path);
}

const removeEvery =
  (...kinds: Kind[]): Interference =>
  async scene => {
    const { model, user } = scene;
    for (const kind of kinds) await each(scene, kind, path => model.ask(user, 'DELETE', path));
  };

export const interferences: Record<Verb, Interference> = {
  delete: removeEvery('server', 'snapshot', 'volume', 'port', 'image'),
  async 'act again'(scene) {
    const { model, user, cloud } = scene;
    const { flavors, imageId } = cloud.template;
    await each(scene, 'server', async path => {
      for (const body of [
        { reboot: { type: 'HARD' } },
        { 'os-stop': null },
        { resize: { flavorRef: flavors[1] } },
        { rebuild: { imageRef: imageId } },
      ])
        await model.ask(user, 'POST', `${path}/action`, body);
    });
    await each(scene, 'volume', async path => {
      await model.ask(user, 'POST', `${path}/action`, { 'os-extend': { new_size: 5 } });
      const snapshot = { volume_id: path.split('/').at(-1), force: true };
      await model.ask(user, 'POST', `/volume/v3/${user.projectId}/snapshots`, { snapshot });
    });
  },
  async detach(scene) {
    const { model, user } = scene;
    await each(scene, 'server', async path => {
      for (const [part, list, id] of [
        ['os-volume_attachments', 'volumeAttachments', 'volumeId'],
        ['os-interface', 'interfaceAttachments', 'port_id'],
      ] as const) {
        const { body } = await model.ask(user, 'GET', `${path}/${part}`);
        for (const one of (body?.[list] ?? []) as Record<string, string>[])
          await model.ask(user, 'DELETE', `${path}/${part}/${one[id]}`);
      }
    });
  },
  'delete the volume': removeEvery('snapshot', 'volume'),
  'delete the port': removeEvery('port'),
  'delete the image': removeEvery('image'),
  'delete the network': removeEvery('router', 'port', 'subnet', 'network', 'security_group'),
  async 'log out'({ model, user }) {
    const session = await model.logIn(user, user.projectId);
    if (session) await model.logOut(session);
    await model.changePassword(user, 'another-password');
  },
  /** It comes back for the points after this one; whoever follows its deletion has heard of it. */
  async 'delete the project'({ model, user, cloud }) {
    const projects = (tx: Parameters<Parameters<typeof cloud.db.write>[0]>[0]) =>
      tx.withTables<{ projects: { id: string } }>();
    const row = await cloud.db.read(tx =>
      projects(tx).selectFrom('projects').selectAll().where('id', '=', user.projectId).executeTakeFirst(),
    );
    const { status } = await model.ask(cloud.template.admin, 'DELETE', `/identity/v3/projects/${user.projectId}`);
    if (row && status === 204) await cloud.db.write(tx => projects(tx).insertInto('projects').values(row).execute());
  },
};

export const verbs = Object.keys(interferences) as Verb[];
