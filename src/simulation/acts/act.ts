// How acts are written: most are one line, `call(weight, 'PUT /network/v2.0/ports/{port}', body)`.

import type { SimulatedCloud } from '#/simulation/cloud.ts';
import type { Dice } from '#/simulation/dice.ts';
import type { Kind } from '#/simulation/kinds.ts';
import type { Model, Thing, Told } from '#/simulation/model.ts';
import type { SimulatedUser } from '#/simulation/template.ts';

export interface User {
  cloud: SimulatedCloud;
  dice: Dice;
  model: Model;
  user: SimulatedUser;
  /** The administrator, who does something for, or to, this user's project. */
  admin: User;
  /** Another project's user. */
  other: User;
  /** A name that nobody else has. */
  name(): string;
  /** Something that the user has of a kind, if any. */
  some(kind: Kind): Thing | undefined;
  /** What was made that is no kind of its own: its id, by what it is called here. */
  kept(what: string): string[];
  /** Sends a request. `{project}` in a path is the user's; `{port}`, `{flavor}`, …: one that the user has, or `none`. */
  ask(method: string, path: string, sent?: unknown, version?: string): Promise<Told>;
  /** Creates something and remembers it. @param list where it would be found when no answer comes */
  create(kind: Kind, sent: object, list?: string): Promise<Thing | undefined>;
  remove(kind: Kind): Promise<void>;
  /** What the user has of these, or is getting now, may go with something else: nobody can say what becomes of it. */
  unsettle(...kinds: Kind[]): void;
}

export type Act = (user: User) => Promise<unknown>;
/** How often it is done in comparison, and what. */
export type Line = [number, Act];
type Sent = object | ((user: User) => unknown);

/** One request: `PUT /path/{kind}`, with a microversion behind it where it is not the newest. */
export function call(weight: number, route: string, sent?: Sent): Line {
  const [method = '', path = '', version] = route.split(' ');
  return [
    weight,
    async user => {
      const body = typeof sent === 'function' ? (sent as (user: User) => unknown)(user) : sent;
      const once = (): Promise<Told> => user.ask(method, path, body, version);
      // Clients that hear nothing ask again, at times before the first answer is there.
      if (method !== 'POST' && user.dice.chance(0.1)) await Promise.all([once(), once()]);
      else await once();
    },
  ];
}

/** The same, asked by the administrator. */
export function adminCall(weight: number, route: string, sent?: Sent): Line {
  const [, act] = call(1, route, sent);
  return [weight, user => act(user.admin)];
}

/** Creates something of a kind, and at times takes it away while it is being made. */
export function make(weight: number, kind: Kind, sent: (user: User) => object): Line {
  return [
    weight,
    async user => {
      const made = await user.create(kind, sent(user));
      if (made && user.dice.chance(0.05)) await user.model.remove(made);
    },
  ];
}

/** Creates what is no kind of its own, by the administrator where `by` says so. */
export function keep(
  weight: number,
  route: string,
  what: string,
  sent: (user: User) => object,
  by: 'user' | 'admin' = 'user',
): Line {
  const [method = '', path = '', version] = route.split(' ');
  return [
    weight,
    async self => {
      const user = by === 'admin' ? self.admin : self;
      const { status, body } = await user.ask(method, path, sent(user), version);
      if (status < 200 || status >= 300) return;
      const made = (Object.values(body ?? {})[0] ?? {}) as Record<string, unknown>;
      const id = (made['id'] ?? body?.id ?? body?.namespace) as string | number | undefined;
      if (id !== undefined) user.kept(what).push(String(id));
    },
  ];
}

export function remove(weight: number, kind: Kind): Line {
  return [weight, user => user.remove(kind)];
}
