// Users who do at random whatever the APIs offer, several at a time, and do not wait for one thing to end before the next.

import { type Act, call, type Line, type User } from '#/simulation/acts/act.ts';
import { identityActs } from '#/simulation/acts/identity.ts';
import { imageActs } from '#/simulation/acts/images.ts';
import { networkActs } from '#/simulation/acts/network.ts';
import { serverActs } from '#/simulation/acts/servers.ts';
import { volumeActs } from '#/simulation/acts/volumes.ts';
import type { SimulatedCloud } from '#/simulation/cloud.ts';
import { type Kind, kindFacts, pathOfKind } from '#/simulation/kinds.ts';
import type { Model } from '#/simulation/model.ts';
import type { SimulatedUser } from '#/simulation/template.ts';

const looks: Line[] = [
  '/compute/v2.1/servers/detail',
  '/volume/v3/{project}/volumes/detail',
  '/network/v2.0/ports',
  '/network/v2.0/floatingips',
  '/compute/v2.1/limits',
  '/network/v2.0/quotas/{project}',
  '/image/v2/images',
].map(path => call(0.3, `GET ${path}`));

const acts: Line[] = [...serverActs, ...volumeActs, ...networkActs, ...imageActs, ...identityActs, ...looks];

/** Every act as often as it weighs, in tenths. */
const weighed = acts.flatMap(([weight, act]) => Array.from({ length: Math.round(10 * weight) }, () => act));

export interface Workload {
  /** True once every action has been done. */
  done(): boolean;
  actions(): number;
}

export interface WorkloadOptions {
  /** How many actions in all. */
  total: number;
  /** Part of all names. */
  tag: string;
  /** Every act by turns, instead of at random. */
  inTurn?: boolean;
}

/** How often every act is done by turns: `total` for so many rounds of them all. */
export function actionsInTurn(rounds: number): number {
  return rounds * acts.length;
}

/** Starts several users of every project at once; together they do `total` actions. */
export function startWorkload(cloud: SimulatedCloud, model: Model, options: WorkloadOptions): Workload {
  const { total, tag } = options;
  const { members, admin } = cloud.template;
  const dice = cloud.dice.fork(`workload ${tag}`);
  const kept = new Map<string, string[]>();
  let begun = 0;
  let ended = 0;
  let names = 0;
  /** How often what somebody has of a kind was unsettled. */
  const unsettled = new Map<string, number>();

  /** @param owner whose things it is about: the administrator has none */
  function makeUser(user: SimulatedUser, owner: SimulatedUser): User {
    const self: User = {
      cloud,
      dice,
      model,
      user,
      get admin() {
        return makeUser(admin, owner);
      },
      get other() {
        return makeUser(dice.pick(members.filter(member => member !== owner)), owner);
      },
      name: () => `${user.name}-${tag}-${++names}`,
      some(kind) {
        const own = model.of(owner, kind);
        return own.length ? dice.pick(own) : undefined;
      },
      kept(what) {
        const key = `${user.name} ${what}`;
        const list = kept.get(key) ?? [];
        kept.set(key, list);
        return list;
      },
      ask(method, path, sent, version) {
        const whole = fill(path);
        const service = whole.split('/', 2)[1];
        const headers = version ? { 'openstack-api-version': `${service} ${version}` } : undefined;
        return model.ask(user, method, whole, sent, headers);
      },
      async create(kind, sent, at) {
        const list = fill(at ?? kindFacts[kind].list);
        const before = unsettled.get(`${user.name} ${kind}`);
        const told = await model.ask(user, 'POST', list, sent);
        const part = (told.body?.id ? told.body : Object.values(told.body ?? {})[0]) as Record<string, string>;
        const id = part?.[kindFacts[kind].by ?? 'id'];
        if (told.status >= 200 && told.status < 300 && id) {
          const thing = model.add(user, kind, id, fill(pathOfKind(kind, id)));
          if (unsettled.get(`${user.name} ${kind}`) !== before) thing.state = 'unknown';
          return thing;
        }
        const asked = ('name' in sent ? sent : Object.values(sent)[0]) as { name?: string };
        if (asked?.name && (told.status === 0 || told.status === 503)) model.unanswered(user, list, asked.name);
        return undefined;
      },
      unsettle(...kinds) {
        for (const kind of kinds) {
          const key = `${owner.name} ${kind}`;
          unsettled.set(key, (unsettled.get(key) ?? 0) + 1);
          for (const thing of model.of(owner, kind)) thing.state = 'unknown';
        }
      },
      async remove(kind) {
        const thing = self.some(kind);
        if (!thing) return void (await self.ask('DELETE', pathOfKind(kind, 'none')));
        await model.remove(thing);
        // The second time changes nothing.
        if (dice.chance(0.2) && thing.state === 'gone') await model.ask(thing.owner, 'DELETE', thing.path);
      },
    };
    const fill = (path: string): string =>
      path.replaceAll(/\{([\w-]+)\}/g, (_, what: string) => {
        if (what === 'project') return user.projectId;
        if (what === 'member') return owner.projectId;
        if (what in kindFacts) return self.some(what as Kind)?.id ?? 'none';
        const list = self.kept(what);
        return list.length ? dice.pick(list) : 'none';
      });
    return self;
  }

  const choose = (): Act => (options.inTurn ? acts[begun % acts.length]![1] : dice.pick(weighed));

  async function live(user: SimulatedUser): Promise<void> {
    const self = makeUser(user, user);
    while (begun < total) {
      const act = choose();
      begun++;
      await act(self);
      ended++;
      await new Promise<void>(resolve => void cloud.time.after(dice.between(10, 6_000), resolve));
    }
  }

  for (const user of members) for (let twin = 0; twin < 3; twin++) void live(user);
  return { done: () => begun >= total && ended >= begun, actions: () => ended };
}
