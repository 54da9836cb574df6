// Logging in: every method that a request names must succeed, and all for the same user. What is wrong is not told apart.

import {
  any,
  array,
  as,
  boolean,
  either,
  object,
  open,
  optional,
  type Static,
  type TSchema,
  string,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import {
  type AuthAsked,
  type AuthMethod,
  domainRef,
  noData,
  type Proof,
} from '#/services/identity/tokens/methods/method.ts';
import type { Bounds, MethodName, Payload } from '#/services/identity/tokens/payload.ts';

const scopeBody = open({
  project: optional(open({ id: optional(string()), name: optional(string()), domain: optional(domainRef()) })),
  domain: optional(domainRef()),
  system: optional(open({ all: optional(boolean()) })),
  'OS-TRUST:trust': optional(open({ id: string() })),
  unscoped: optional(any()),
});
export type ScopeAsk = string | Static<typeof scopeBody>;
export interface LoginAsk {
  identity: { methods: string[] } & Record<string, unknown>;
  scope?: ScopeAsk;
}

/** The body of a login by any of the methods. */
export function loginBody(methods: Record<string, AuthMethod>) {
  const parts: Record<string, TSchema> = {};
  for (const [name, { body }] of Object.entries(methods)) if (body) parts[name] = optional(body);
  return object({
    auth: as<LoginAsk>(
      open({
        identity: open({ ...parts, methods: array(string()) }),
        scope: optional(either(string(), scopeBody)),
      }),
    ),
  });
}

export interface Login {
  user: UserRow;
  methods: MethodName[];
  /** The token that was exchanged: what comes of it lives no longer and keeps its chain. */
  from: Payload | null;
  bounds: Bounds;
}

/** @throws Problem unauthenticated; invalid when a method lacks what it needs */
export async function logIn(methods: Record<string, AuthMethod>, ask: LoginAsk, asked: AuthAsked): Promise<Login> {
  const { identity } = ask;
  const named = [...new Set(identity.methods)];
  const unknown = named.find(name => !Object.hasOwn(methods, name));
  if (unknown !== undefined || !named.length)
    throw new Problem('unauthenticated', t.unknownMethod, {
      method: (unknown ?? '').slice(0, 60),
      methods: Object.keys(methods),
    });
  const proofs: Proof[] = [];
  for (const name of named) {
    const method = methods[name]!;
    if (method.body && identity[name] === undefined) throw noData(name);
    proofs.push(await method.prove(identity[name], asked));
  }
  const [first] = proofs;
  if (proofs.some(({ user }) => user.id !== first!.user.id)) throw refused();
  return {
    user: first!.user,
    methods: [...new Set(proofs.flatMap(proof => proof.methods))],
    from: proofs.find(({ from }) => from)?.from ?? null,
    bounds: Object.assign({}, ...proofs.map(({ bounds }) => bounds)) as Bounds,
  };
}
