// Users who do at random whatever the APIs offer, several at a time, and do not wait for one thing to end before the next.

import type { SimulatedCloud } from '#/simulation/cloud.ts';
import type { Dice } from '#/simulation/dice.ts';
import type { Kind, Model, Thing, Told } from '#/simulation/model.ts';
import { serverActions } from '#/simulation/server-actions.ts';
import type { SimulatedUser } from '#/simulation/template.ts';

export interface User {
  cloud: SimulatedCloud;
  dice: Dice;
  model: Model;
  user: SimulatedUser;
  /** A name that nobody else has. */
  name(): string;
  /** Something that the user has of a kind, if any. */
  some(kind: Kind): Thing | undefined;
  ask(method: string, path: string, sent?: unknown): Promise<Told>;
  /** Creates something and remembers it. @param list where it would be found when no answer comes */
  create(kind: Kind, list: string, sent: object, path: (id: string) => string): Promise<Thing | undefined>;
}

export type Act = (user: User) => Promise<unknown>;

const network = '/network/v2.0';

/** What is done, and how often in comparison. */
const acts: [number, Act][] = [
  ...serverActions,
  [
    8,
    ({ create, name, dice, some }) => {
      const from = dice.chance(0.2) ? some('volume')?.id : undefined;
      const snapshot = !from && dice.chance(0.2) ? some('snapshot')?.id : undefined;
      const source = { ...(from && { source_volid: from }), ...(snapshot && { snapshot_id: snapshot }) };
      return create(
        'volume',
        '/volume/v3/{project}/volumes',
        { volume: { size: from || snapshot ? 8 : dice.between(1, 4), name: name(), ...source } },
        id => `/volume/v3/{project}/volumes/${id}`,
      );
    },
  ],
  [
    2,
    ({ create, name, cloud }) =>
      create(
        'volume',
        '/volume/v3/{project}/volumes',
        { volume: { size: 2, name: name(), imageRef: cloud.template.imageId } },
        id => `/volume/v3/{project}/volumes/${id}`,
      ),
  ],
  [4, user => removeSome(user, 'volume')],
  [
    3,
    ({ some, ask, dice }) => {
      const volume = some('volume');
      return ask('POST', `${volume?.path ?? '/volume/v3/{project}/volumes/none'}/action`, {
        'os-extend': { new_size: dice.between(4, 12) },
      });
    },
  ],
  [
    3,
    ({ create, name, some, dice }) => {
      const volume = some('volume');
      if (!volume) return Promise.resolve();
      const snapshot = { volume_id: volume.id, name: name(), force: dice.chance(0.5) };
      return create(
        'snapshot',
        '/volume/v3/{project}/snapshots',
        { snapshot },
        id => `/volume/v3/{project}/snapshots/${id}`,
      );
    },
  ],
  [2, user => removeSome(user, 'snapshot')],
  [
    3,
    async ({ create, name, dice, ask }) => {
      const made = await create(
        'network',
        `${network}/networks`,
        { network: { name: name() } },
        id => `${network}/networks/${id}`,
      );
      if (!made) return;
      const third = dice.between(0, 255);
      await create(
        'subnet',
        `${network}/subnets`,
        {
          subnet: {
            network_id: made.id,
            ip_version: 4,
            cidr: `10.${dice.between(30, 200)}.${third}.0/24`,
            name: name(),
          },
        },
        id => `${network}/subnets/${id}`,
      );
      await ask('GET', `${network}/networks`);
    },
  ],
  [
    2,
    async user => {
      const thing = user.some('network');
      if (!thing) return;
      // Its subnets go with it: whether they did is asked of the audit.
      const told = await user.model.remove(thing);
      if (told.status !== 409) for (const one of user.model.of(user.user, 'subnet')) one.state = 'unknown';
    },
  ],
  [
    4,
    ({ create, name, some }) =>
      create(
        'port',
        `${network}/ports`,
        { port: { network_id: some('network')?.id ?? 'none', name: name() } },
        id => `${network}/ports/${id}`,
      ),
  ],
  [3, user => removeSome(user, 'port')],
  [
    2,
    ({ some, ask, dice, name }) =>
      ask('PUT', some('port')?.path ?? `${network}/ports/none`, {
        port: dice.pick([
          { name: name() },
          { admin_state_up: dice.chance(0.5) },
          { security_groups: [some('security_group')?.id ?? ''].filter(Boolean) },
        ]),
      }),
  ],
  [
    2,
    ({ create, name, cloud, dice }) => {
      const gateway = { external_gateway_info: { network_id: cloud.template.externalNetworkId } };
      const router = { name: name(), ...(dice.chance(0.7) && gateway) };
      return create('router', `${network}/routers`, { router }, id => `${network}/routers/${id}`);
    },
  ],
  [
    4,
    ({ some, ask, dice }) => {
      const verb = dice.chance(0.65) ? 'add_router_interface' : 'remove_router_interface';
      return ask('PUT', `${some('router')?.path ?? `${network}/routers/none`}/${verb}`, {
        subnet_id: some('subnet')?.id ?? 'none',
      });
    },
  ],
  [1, user => removeSome(user, 'router')],
  [
    3,
    ({ create, cloud, some, dice, name }) => {
      const floating_network_id = cloud.template.externalNetworkId;
      const port_id = dice.chance(0.5) ? some('port')?.id : undefined;
      const floatingip = { floating_network_id, description: name(), ...(port_id && { port_id }) };
      return create('floatingip', `${network}/floatingips`, { floatingip }, id => `${network}/floatingips/${id}`);
    },
  ],
  [
    3,
    ({ some, ask, dice }) =>
      ask('PUT', some('floatingip')?.path ?? `${network}/floatingips/none`, {
        floatingip: { port_id: dice.chance(0.6) ? (some('port')?.id ?? null) : null },
      }),
  ],
  [1, user => removeSome(user, 'floatingip')],
  [
    2,
    ({ create, name }) =>
      create(
        'security_group',
        `${network}/security-groups`,
        { security_group: { name: name() } },
        id => `${network}/security-groups/${id}`,
      ),
  ],
  [
    2,
    ({ some, ask, dice }) =>
      ask('POST', `${network}/security-group-rules`, {
        security_group_rule: {
          security_group_id: some('security_group')?.id ?? 'none',
          direction: 'ingress',
          protocol: 'tcp',
          port_range_min: dice.between(1, 65_535),
          port_range_max: 65_535,
          ...(dice.chance(0.3) && { remote_group_id: some('security_group')?.id }),
        },
      }),
  ],
  [1, user => removeSome(user, 'security_group')],
  [
    1,
    ({ create, name }) =>
      create(
        'image',
        '/image/v2/images',
        { name: name(), disk_format: 'raw', container_format: 'bare' },
        id => `/image/v2/images/${id}`,
      ),
  ],
  [1, user => removeSome(user, 'image')],
  [1, changeQuota],
  [
    2,
    ({ ask, dice }) =>
      ask(
        'GET',
        dice.pick([
          '/compute/v2.1/servers/detail',
          '/volume/v3/{project}/volumes/detail',
          `${network}/ports`,
          `${network}/floatingips`,
          '/compute/v2.1/limits',
          `${network}/quotas/{project}`,
          '/image/v2/images',
        ]),
      ),
  ],
];

const weights = acts.flatMap(([weight, act]) => Array.from({ length: weight }, () => act));

/** Deletes something, at times twice: the second time changes nothing. */
export async function removeSome({ some, model, dice }: User, kind: Kind): Promise<void> {
  const thing = some(kind);
  if (!thing) return;
  await model.remove(thing);
  if (dice.chance(0.2) && thing.state === 'gone')
    await model.ask(thing.owner, 'DELETE', pathOf(thing.owner, thing.path));
}

/** The administrator gives a project more room, or less, or takes back what was set. */
async function changeQuota({ model, cloud, dice, user }: User): Promise<void> {
  const { admin } = cloud.template;
  const project = user.projectId;
  const amount = dice.between(3, 60);
  await dice.pick([
    () =>
      model.ask(admin, 'PUT', `/compute/v2.1/os-quota-sets/${project}`, {
        quota_set: { instances: amount, cores: 3 * amount },
      }),
    () =>
      model.ask(admin, 'PUT', `/volume/v3/${admin.projectId}/os-quota-sets/${project}`, {
        quota_set: { volumes: amount, gigabytes: 20 * amount },
      }),
    () => model.ask(admin, 'PUT', `${network}/quotas/${project}`, { quota: { port: 10 * amount, floatingip: amount } }),
    () => model.ask(admin, 'DELETE', `${network}/quotas/${project}`),
  ])();
}

export function pathOf(user: SimulatedUser, path: string): string {
  return path.replaceAll('{project}', user.projectId);
}

export interface Workload {
  /** True once every action has been done. */
  done(): boolean;
  actions(): number;
}

/** Starts several users of every project at once; together they do `total` actions. */
export function startWorkload(cloud: SimulatedCloud, model: Model, total: number, tag: string): Workload {
  const dice = cloud.dice.fork(`workload ${tag}`);
  let begun = 0;
  let ended = 0;
  let names = 0;

  async function live(user: SimulatedUser): Promise<void> {
    const self: User = {
      cloud,
      dice,
      model,
      user,
      name: () => `${user.name}-${tag}-${++names}`,
      some(kind) {
        const own = model.of(user, kind);
        return own.length ? dice.pick(own) : undefined;
      },
      ask: (method, path, sent) => model.ask(user, method, pathOf(user, path), sent),
      async create(kind, list, sent, path) {
        const told = await model.ask(user, 'POST', pathOf(user, list), sent);
        const [, asked] = Object.entries(sent)[0] as [string, { name?: string }];
        const created = (told.body?.id ? told.body : Object.values(told.body ?? {})[0]) as { id?: string };
        if (told.status >= 200 && told.status < 300 && created?.id)
          return model.add(user, kind, created.id, pathOf(user, path(created.id)));
        if (asked?.name && (told.status === 0 || told.status === 503))
          model.unanswered(user, pathOf(user, list), asked.name);
        return undefined;
      },
    };
    while (begun < total) {
      begun++;
      await dice.pick(weights)(self);
      ended++;
      await new Promise<void>(resolve => void cloud.time.after(dice.between(10, 6_000), resolve));
    }
  }

  for (const user of cloud.template.members) for (let twin = 0; twin < 3; twin++) void live(user);
  return { done: () => begun >= total && ended >= begun, actions: () => ended };
}
