// Who a token belongs to: makes tokens, and remembers the ones it has looked up until anything that they stand on changes.
// A change in this process is felt with its commit; one in another process within a second.

import type { Authenticator, Caller } from '#/platform/access/caller.ts';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { afterCommit, contextOf, type Tx } from '#/platform/database/tx.ts';
import { httpTexts } from '#/platform/http/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { coversCall } from '#/services/identity/application-credentials/access-rule.rules.ts';
import { catalogFor } from '#/services/identity/catalog/catalog.store.ts';
import { serviceProvidersInTokens } from '#/services/identity/federation/service-providers/service-provider.store.ts';
import type { DirectoryWatch } from '#/services/identity/ldap/directory-watch.ts';
import { tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { type AccessRule, contextOfToken, refused, type TokenContext } from '#/services/identity/tokens/context.ts';
import { newAuditId, type Payload, type TokenFormat } from '#/services/identity/tokens/payload.ts';
import { callerOf, viewToken } from '#/services/identity/tokens/token.view.ts';

export interface AuthorityOptions {
  db: Database;
  format: TokenFormat;
  clock: Clock;
  random: Random;
  /** How long a token lives; 3,600 by default. */
  tokenSeconds?: number;
  /** Knows of users who stand in directories elsewhere. */
  directories?: DirectoryWatch;
}

/** A token that has been looked up. */
export interface Known {
  caller: Caller;
  context: TokenContext;
  /** The body of its validation, with and without the catalog: made when first asked for. */
  bodies: { full?: Buffer; bare?: Buffer };
}

export interface Authority extends Authenticator {
  readonly tokenSeconds: number;
  readonly random: Random;
  /** What is known of a token without waiting; undefined when it must be looked up. */
  peek(token: string): Known | undefined;
  /** Looks a token up. @param options.expiredMs accepts one that ended at most so long ago @throws Problem unauthenticated */
  lookUp(token: string, options?: { expiredMs?: number }): Promise<Known>;
  /** Makes the token that a payload says, if what it stands on is there. @throws Problem unauthenticated */
  issue(tx: Tx, payload: Payload): Promise<{ token: string; known: Known }>;
  newAuditId(): string;
  /** The validation's body. */
  body(known: Known, withCatalog: boolean): Promise<Buffer>;
}

/** Services may use tokens that ended at most so long ago, to finish work that was begun with them. */
export const allowedExpiredMs = 2 * 24 * 3_600_000;
const keptTokens = 8_192;
const checkEveryMs = 1_000;
const slot = Symbol('identity');

interface Cache {
  /** Forgets one user's tokens, or all. */
  forget(userIds: ReadonlySet<string> | null): void;
  /** The generation that this process has brought about itself. */
  sawGeneration(generation: number): void;
}

export function createAuthority(options: AuthorityOptions): Authority {
  const { db, format, clock, random, tokenSeconds = 3_600, directories } = options;
  const known = new Map<string, Known>();
  let epoch = 0;
  let generation: number | null = null;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let checking: Promise<void> | null = null;

  const cache: Cache = {
    forget(userIds) {
      epoch++;
      if (!userIds) return known.clear();
      for (const [token, { context }] of known)
        if (userIds.has(context.user.id) || userIds.has(context.payload.userId)) known.delete(token);
    },
    sawGeneration(next) {
      // A gap means that another process changed something in between, which the next check shall find.
      if (generation === next - 1) generation = next;
    },
  };
  /** Sees what other processes have changed. Nothing is remembered before the first check, which joins the transactions. */
  function check(): Promise<void> {
    const asked = clock.monotonic();
    checking ??= db
      .read(tx => {
        contextOf(tx).slots.set(slot, cache);
        return tables(tx)
          .selectFrom('identityState')
          .select('generation')
          .where('id', '=', 1)
          .executeTakeFirstOrThrow();
      })
      .then(state => {
        const now = Number(state.generation);
        // What was made here before the first look may have been revoked elsewhere since.
        if (generation === null || now > generation) cache.forget(null);
        generation = Math.max(now, generation ?? 0);
        checkedAt = asked;
      })
      .finally(() => {
        checking = null;
      });
    return checking;
  }

  function peek(token: string): Known | undefined {
    if (clock.monotonic() - checkedAt >= checkEveryMs) return undefined;
    const entry = known.get(token);
    if (!entry || entry.caller.expiresAt <= clock.now()) return undefined;
    directories?.keepFresh(inUse);
    return directories && !directories.areFresh(usersIn(entry.context)) ? undefined : entry;
  }

  /** Those whose tokens are remembered. */
  function* inUse(): Generator<string> {
    for (const { context } of known.values()) yield* usersIn(context);
  }

  async function lookUp(token: string, { expiredMs = 0 } = {}): Promise<Known> {
    const payload = await format.read(token, clock.now());
    if (!payload || payload.expiresAt + expiredMs <= clock.now()) throw refused();
    if (clock.monotonic() - checkedAt >= checkEveryMs) await check();
    await directories?.learn();
    const remembered = peek(token);
    if (remembered) return remembered;
    let before = epoch;
    const load = () => db.read(tx => loadContext(tx, payload));
    let found = await load();
    if (await directories?.beforeUse(usersIn(found))) {
      before = epoch;
      found = await load();
    }
    return remember(token, found, before);
  }

  async function loadContext(tx: Tx, payload: Payload): Promise<TokenContext> {
    const revoked = await tables(tx)
      .selectFrom('revokedTokens')
      .select('auditId')
      .where('auditId', 'in', payload.auditIds)
      .executeTakeFirst();
    if (revoked) throw refused();
    return contextOfToken(tx, payload);
  }

  /** A request that a service passes on for a user. */
  async function passedOn(token: string, serviceToken: string): Promise<Caller> {
    const { caller: by } = peek(serviceToken) ?? (await lookUp(serviceToken));
    const expiredMs = by.roles.includes('service') ? allowedExpiredMs : 0;
    const { caller } = peek(token) ?? (await lookUp(token, { expiredMs }));
    const service = { service_roles: by.roles, service_user_id: by.userId, service_project_id: by.projectId };
    return { ...caller, credentials: { ...caller.credentials, ...service } };
  }

  /** Keeps what was looked up, unless something changed while it was. */
  function remember(token: string, context: TokenContext, before: number): Known {
    const entry: Known = { caller: callerOf(context), context, bodies: {} };
    if (before === epoch && context.payload.expiresAt > clock.now()) {
      if (known.size >= keptTokens) known.delete(known.keys().next().value!);
      known.set(token, entry);
    }
    return entry;
  }

  return {
    tokenSeconds,
    random,
    peek,
    lookUp,
    authenticate(token, serviceToken) {
      if (serviceToken !== undefined) return passedOn(token, serviceToken);
      const entry = peek(token);
      return entry ? entry.caller : lookUp(token).then(({ caller }) => caller);
    },
    checkCall(
      { token: { accessRules, thumbprint } },
      { name, type, aliases = [] },
      { method, url, clientCertificate },
    ) {
      if (thumbprint !== undefined && clientCertificate?.thumbprint !== thumbprint)
        throw new Problem('unauthenticated', httpTexts.certificateBound);
      if (!accessRules) return;
      const path = url.slice(name.length + 1).split('?', 1)[0]!;
      if (!coversCall(accessRules as AccessRule[], { services: [type, ...aliases], method, path }))
        throw new Problem('unauthenticated', t.accessRules, { method, path: path.slice(0, 200) });
    },
    async issue(tx, payload) {
      const before = epoch;
      const kept = format.kept(payload);
      const context = await contextOfToken(tx, kept);
      const token = await format.write(kept);
      return { token, known: remember(token, context, before) };
    },
    newAuditId: () => newAuditId(random),
    async body(entry, withCatalog) {
      const kind = withCatalog ? 'full' : 'bare';
      const made = entry.bodies[kind];
      if (made) return made;
      const token = viewToken(entry.context);
      const { scope } = entry.context.payload;
      if (withCatalog && scope.type !== 'unscoped')
        token['catalog'] = await db.read(tx => catalogFor(tx, scope.type === 'project' ? scope.id : null));
      const others = await db.read(serviceProvidersInTokens);
      if (others.length) token['service_providers'] = others;
      return (entry.bodies[kind] = Buffer.from(JSON.stringify({ token })));
    },
  };
}

/**
 * Something that tokens stand on changes in this transaction.
 * @param userIds whose tokens it touches; absent: everybody's
 */
export async function tokensChanged(tx: Tx, userIds?: string[]): Promise<void> {
  const { generation } = await tables(tx)
    .updateTable('identityState')
    .set(expression => ({ generation: expression('generation', '+', 1) }))
    .where('id', '=', 1)
    .returning('generation')
    .executeTakeFirstOrThrow();
  const cache = contextOf(tx).slots.get(slot) as Cache | undefined;
  if (!cache) return;
  const only = userIds ? new Set(userIds) : null;
  afterCommit(tx, () => {
    cache.forget(only);
    cache.sawGeneration(Number(generation));
  });
}

/** Refuses a token from now on, and those made from it. */
export async function revokeToken(tx: Tx, payload: Payload): Promise<void> {
  await tables(tx)
    .insertInto('revokedTokens')
    .values({ auditId: payload.auditIds[0]!, expiresAt: payload.expiresAt })
    .onConflict(conflict => conflict.column('auditId').doNothing())
    .execute();
  await tokensChanged(tx, [payload.userId]);
}

/** All tokens of these users die. */
export async function endTokensOf(tx: Tx, userIds: string[]): Promise<void> {
  if (!userIds.length) return;
  await tables(tx)
    .updateTable('users')
    .set(expression => ({ tokenEpoch: expression('tokenEpoch', '+', 1) }))
    .where('id', 'in', userIds)
    .execute();
  await tokensChanged(tx, userIds);
}

/** Drops revocations of tokens that have ended for good. */
export async function forgetRevocations(tx: Tx, nowMs: number): Promise<void> {
  await tables(tx)
    .deleteFrom('revokedTokens')
    .where('expiresAt', '<', nowMs - allowedExpiredMs)
    .execute();
}

/** On whom a token stands. */
function usersIn({ payload, user, trust }: TokenContext): string[] {
  return trust ? [payload.userId, trust.trustorUserId] : [user.id];
}

/** @throws Problem notFound: in place of a refusal, where the token is what is asked about */
export async function subjectToken(
  authority: Authority,
  token: string | string[] | undefined,
  options: { expiredMs?: number } = {},
): Promise<Known> {
  if (typeof token !== 'string' || token === '') throw new Problem('notFound', t.noSubject);
  const entry = authority.peek(token);
  if (entry) return entry;
  try {
    return await authority.lookUp(token, options);
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.kind === 'unauthenticated') throw new Problem('notFound', t.noToken);
    throw thrown;
  }
}
