// An authentication method: what a login must bring for it, and what that proves. The service's table of them
// (`methods: Record<string, AuthMethod>` in service.ts) is all that a login knows; a new method is a line there.

import type { Database } from '#/platform/database/database.ts';
import type { RequestFacts } from '#/platform/http/endpoint.ts';
import { open, optional, string, type Static, type TSchema } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import type { Bounds, MethodName, Payload } from '#/services/identity/tokens/payload.ts';

/** What a method has proved. */
export interface Proof {
  user: UserRow;
  /** What the token will say that it was made by. */
  methods: MethodName[];
  /** The token that was exchanged: what comes of it lives no longer and keeps its chain. */
  from?: Payload;
  /** To what the token is bound besides. */
  bounds?: Bounds;
}

export interface AuthAsked {
  db: Database;
  request: RequestFacts;
  /** The scope that was asked for, as it came. */
  scope: unknown;
}

export interface AuthMethod {
  /** What the request has under the method's name; null where it has nothing there. */
  body: TSchema | null;
  /** @throws Problem unauthenticated; invalid when it lacks what it needs */
  prove(ask: unknown, asked: AuthAsked): Promise<Proof>;
}

/** Declares a method whose data stand in the body. */
export function authMethod<B extends TSchema>(
  body: B,
  prove: (ask: Static<B>, asked: AuthAsked) => Promise<Proof>,
): AuthMethod {
  return { body, prove: (ask, asked) => prove(ask as Static<B>, asked) };
}

export const domainRef = () => open({ id: optional(string()), name: optional(string()) });
export const userRef = { id: optional(string()), name: optional(string()), domain: optional(domainRef()) };

/** @throws Problem invalid: the method lacks its data */
export function noData(method: string): Problem {
  return new Problem('invalid', t.noMethodData, { method });
}
