// Logging in: every method that a request names must succeed, and all for the same user. What is wrong is not told apart,
// and a user who does not exist costs as much time as a wrong password.

import type { Passwords } from '#/platform/access/passwords.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';
import {
  any,
  array,
  as,
  object,
  open,
  optional,
  type Static,
  string,
  boolean,
  either,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables, type UserRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import type { Authority } from '#/services/identity/tokens/authority.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import type { AuthMethod, Payload } from '#/services/identity/tokens/payload.ts';

const domainRef = () => open({ id: optional(string()), name: optional(string()) });
const userRef = { id: optional(string()), name: optional(string()), domain: optional(domainRef()) };

const scopeBody = open({
  project: optional(open({ id: optional(string()), name: optional(string()), domain: optional(domainRef()) })),
  domain: optional(domainRef()),
  system: optional(open({ all: optional(boolean()) })),
  'OS-TRUST:trust': optional(open({ id: string() })),
  unscoped: optional(any()),
});
type ScopeAsk = Static<typeof scopeBody>;

export const loginBody = object({
  auth: open({
    identity: open({
      methods: array(string()),
      password: optional(open({ user: open({ ...userRef, password: string() }) })),
      token: optional(open({ id: string() })),
      application_credential: optional(
        open({ id: optional(string()), name: optional(string()), secret: string(), user: optional(open(userRef)) }),
      ),
    }),
    scope: optional(as<string | ScopeAsk>(either(string(), scopeBody))),
  }),
});
export type LoginAsk = Static<typeof loginBody>['auth'];

export interface Login {
  user: UserRow;
  methods: AuthMethod[];
  /** The token that was exchanged: what comes of it lives no longer and keeps its chain. */
  from: Payload | null;
  applicationCredentialId: string | null;
}

export interface LoginNeeds {
  authority: Authority;
  passwords: Passwords;
  clock: Clock;
  log: Logger;
}

const methods = ['password', 'token', 'application_credential'] as const;
type Part = Omit<Login, 'methods'> & { methods: AuthMethod[] };

/** @throws Problem unauthenticated; invalid when a method lacks what it needs */
export async function logIn(db: Database, ask: LoginAsk, needs: LoginNeeds): Promise<Login> {
  const { identity } = ask;
  const named = [...new Set(identity.methods)];
  const unknown = named.find(method => !(methods as readonly string[]).includes(method));
  if (unknown !== undefined || !named.length)
    throw new Problem('unauthenticated', t.unknownMethod, { method: (unknown ?? '').slice(0, 60), methods });
  const parts: Part[] = [];
  for (const method of named as (typeof methods)[number][]) {
    if (method === 'password') parts.push(await byPassword(db, needed(identity.password, method).user, needs));
    else if (method === 'token') parts.push(await byToken(needed(identity.token, method).id, needs));
    else parts.push(await byApplicationCredential(db, needed(identity.application_credential, method), needs));
  }
  const [first] = parts;
  if (parts.some(({ user }) => user.id !== first!.user.id)) throw refused();
  return {
    user: first!.user,
    methods: [...new Set(parts.flatMap(part => part.methods))],
    from: parts.find(({ from }) => from)?.from ?? null,
    applicationCredentialId: parts.find(part => part.applicationCredentialId)?.applicationCredentialId ?? null,
  };
}

function needed<T>(value: T | undefined, method: string): T {
  if (value === undefined) throw new Problem('invalid', t.noMethodData, { method });
  return value;
}

async function byPassword(
  db: Database,
  ask: NonNullable<LoginAsk['identity']['password']>['user'],
  { passwords, log }: LoginNeeds,
): Promise<Part> {
  const user = await db.read(tx => findUser(tx, ask));
  const { matches, stale } = await passwords.verify(user?.passwordHash ?? null, ask.password);
  if (!user || !matches || !user.enabled) {
    log.info({ userId: user?.id ?? null, known: user !== undefined, enabled: user?.enabled === 1 }, 'login refused');
    throw refused();
  }
  if (stale) await renewHash(db, user, await passwords.hash(ask.password));
  return { user, methods: ['password'], from: null, applicationCredentialId: null };
}

/** The same password in today's form. It is no change of password: tokens stay. */
async function renewHash(db: Database, user: UserRow, passwordHash: string): Promise<void> {
  await db.write(tx =>
    tables(tx)
      .updateTable('users')
      .set({ passwordHash })
      .where('id', '=', user.id)
      .where('passwordHash', '=', user.passwordHash)
      .execute(),
  );
}

async function byToken(token: string, { authority }: LoginNeeds): Promise<Part> {
  const { context } = authority.peek(token) ?? (await authority.lookUp(token));
  const { payload, user } = context;
  // What was made by delegation stays what it is.
  if (payload.trustId) throw new Problem('forbidden', t.tokenRescope, { method: 'trust' });
  return {
    user,
    methods: [...payload.methods, 'token'],
    from: payload,
    applicationCredentialId: payload.applicationCredentialId ?? null,
  };
}

async function byApplicationCredential(
  db: Database,
  ask: NonNullable<LoginAsk['identity']['application_credential']>,
  { passwords, clock }: LoginNeeds,
): Promise<Part> {
  const { row, user } = await db.read(async tx => {
    const select = tables(tx).selectFrom('applicationCredentials').selectAll();
    if (ask.id !== undefined) {
      const found = await select.where('id', '=', ask.id).executeTakeFirst();
      return { row: found, user: found && (await findUser(tx, { id: found.userId })) };
    }
    if (ask.name === undefined || !ask.user)
      throw new Problem('invalid', t.noMethodData, { method: 'application_credential' });
    const owner = await findUser(tx, ask.user);
    const found =
      owner && (await select.where('userId', '=', owner.id).where('name', '=', ask.name).executeTakeFirst());
    return { row: found, user: owner };
  });
  const { matches } = await passwords.verify(row?.secretHash ?? null, ask.secret);
  const expired = row?.expiresAt != null && Date.parse(`${row.expiresAt}Z`) <= clock.now();
  if (!row || !user || !matches || !user.enabled || expired) throw refused();
  return { user, methods: ['application_credential'], from: null, applicationCredentialId: row.id };
}

interface UserAsk {
  id?: string;
  name?: string;
  domain?: { id?: string; name?: string };
}

/** @throws Problem invalid for a name without a domain */
async function findUser(tx: Tx, ask: UserAsk): Promise<UserRow | undefined> {
  const select = tables(tx).selectFrom('users').selectAll();
  if (ask.id !== undefined) return select.where('id', '=', ask.id).executeTakeFirst();
  if (ask.name === undefined) throw new Problem('invalid', t.needsUser);
  const domainId = await findDomainId(tx, ask.domain);
  return domainId === undefined
    ? undefined
    : select.where('domainId', '=', domainId).where('name', '=', ask.name).executeTakeFirst();
}

/** @throws Problem invalid when neither id nor name is given */
export async function findDomainId(
  tx: Tx,
  ask: { id?: string; name?: string } | undefined,
): Promise<string | undefined> {
  if (ask?.id !== undefined) return ask.id;
  if (ask?.name === undefined) throw new Problem('invalid', t.needsDomain);
  const row = await tables(tx)
    .selectFrom('projects')
    .select('id')
    .where('nameScope', '=', '')
    .where('isDomain', '=', 1)
    .where('name', '=', ask.name)
    .executeTakeFirst();
  return row?.id;
}
