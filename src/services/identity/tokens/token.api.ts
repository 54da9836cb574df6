// Tokens: made from a login, validated for other services, revoked.
// API: Identity v3, "Authentication and token management".

import type { Caller } from '#/platform/access/caller.ts';
import type { FernetKey } from '#/platform/access/fernet.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Policy } from '#/platform/access/policy.ts';
import { tables } from '#/services/identity/tables.ts';
import {
  type Endpoint,
  endpoint,
  type Finder,
  type Query,
  type Reply,
  type RequestFacts,
} from '#/platform/http/endpoint.ts';
import { any, open, as } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { one } from '#/services/identity/wire.ts';
import {
  allowedExpiredMs,
  type Authority,
  type Known,
  revokeToken,
  subjectToken,
} from '#/services/identity/tokens/authority.ts';
import { enabledDomain, type Named, refused } from '#/services/identity/tokens/context.ts';
import { issueToken } from '#/services/identity/tokens/issue.ts';
import { type Login, logIn, loginBody } from '#/services/identity/tokens/login.ts';
import type { LoginFacts, LoginRecorder } from '#/services/identity/tokens/login-record.ts';
import type { AuthMethod } from '#/services/identity/tokens/methods/method.ts';
import type { MethodName } from '#/services/identity/tokens/payload.ts';
import { isEnough, newReceipt, readReceipt, viewReceipt, writeReceipt } from '#/services/identity/tokens/receipt.ts';

const tokenReply = open({
  token: open({ user: open({}), methods: as<string[]>(any()), expires_at: as<string>(any()) }),
});

/** Everybody may ask about their own token; whose it is, is known only once it has been looked up. */
const ownToken: Finder<{ callerId: string }> = {
  find: async ({ caller }) => ({ callerId: caller.userId }),
  missing: () => new Problem('notFound', t.noToken),
  target: ({ callerId }) => ({ target: { token: { user_id: callerId } } }),
};

export interface TokenNeeds {
  authority: Authority;
  methods: Record<string, AuthMethod>;
  keys(): readonly FernetKey[];
  recorder: LoginRecorder;
  clock: Clock;
}

export function tokenEndpoints(needs: TokenNeeds): Endpoint[] {
  const { authority, methods, recorder } = needs;
  const create = endpoint({
    policy: 'public',
    route: 'POST /v3/auth/tokens',
    summary: 'Logs in',
    body: loginBody(methods),
    writes: false,
    replies: { 201: tokenReply, 401: open({ receipt: open({}) }) },
    prepare: async ({ db, body, query, request }) => {
      const asked = [...new Set(body.auth.identity.methods)];
      // A token that is exchanged is no login.
      const isLogin = asked.some(name => name !== 'token');
      const about: LoginFacts = { request, methods: asked, user: null };
      try {
        const login = await logIn(methods, body.auth, { db, request, scope: body.auth.scope });
        about.user = login.user;
        const received = receiptIn(request, login, needs);
        login.methods = [...new Set([...login.methods, ...received])];
        if (!isEnough(login.user, login.methods)) {
          await recorder.pending(about);
          return goOn(await domainOf(db, login.user), login, needs);
        }
        const trust = typeof body.auth.scope === 'object' ? body.auth.scope['OS-TRUST:trust'] : undefined;
        if (trust) await db.write(tx => useTrust(tx, trust.id, login.user.id));
        const { token, known } = await db.read(async tx => {
          await checkUnchanged(tx, login.user);
          return issueToken(tx, authority, login, body.auth.scope);
        });
        if (isLogin) await recorder.succeeded({ ...about, projectId: known.caller.projectId });
        return { 201: await authority.body(known, !('nocatalog' in query)), headers: subjectHeaders(token) };
      } catch (thrown) {
        if (isLogin) recorder.refused(about, thrown);
        throw thrown;
      }
    },
    handle: async ({ prepared }) => prepared,
  });

  const validate = endpoint({
    policy: 'identity:validate_token',
    allow:
      '(role:admin or is_admin:1) or (role:reader and system_scope:all) or role:service or user_id:%(target.token.user_id)s',
    route: 'GET /v3/auth/tokens',
    summary: 'Validates a token',
    find: ownToken,
    replies: { 200: tokenReply },
    quick(asked) {
      const { token, known } = subjectAtHand(authority, asked.request);
      if (!known || !mayAsk(asked, 'identity:validate_token', known)) return undefined;
      if (!keepsRules(asked.request, known)) return undefined;
      const body = known.bodies['nocatalog' in asked.query ? 'bare' : 'full'];
      return body && answer(token, body);
    },
    prepare: async asked => {
      const subject = asked.request.headers['x-subject-token'];
      const known = await subjectToken(authority, subject, expiry(asked.query));
      permit(asked, 'identity:validate_token', known);
      checkRulesAreKept(asked.request, known);
      return answer(String(subject), await authority.body(known, !('nocatalog' in asked.query)));
    },
    handle: async ({ prepared }) => prepared,
  });

  const check = endpoint({
    policy: 'identity:check_token',
    allow: '(role:admin or is_admin:1) or (role:reader and system_scope:all) or user_id:%(target.token.user_id)s',
    route: 'HEAD /v3/auth/tokens',
    summary: 'Checks a token',
    find: ownToken,
    replies: { 200: null },
    prepare: async asked => {
      const known = await subjectToken(authority, asked.request.headers['x-subject-token'], expiry(asked.query));
      permit(asked, 'identity:check_token', known);
      checkRulesAreKept(asked.request, known);
      return known;
    },
    handle: async ({ request }) => ({
      200: undefined,
      // What a GET would bring.
      headers: {
        ...subjectHeaders(String(request.headers['x-subject-token'])),
        'content-type': 'application/json',
      },
    }),
  });

  const revoke = endpoint({
    policy: 'identity:revoke_token',
    allow: '(role:admin or is_admin:1) or user_id:%(target.token.user_id)s',
    route: 'DELETE /v3/auth/tokens',
    summary: 'Revokes a token',
    find: ownToken,
    replies: { 204: null },
    prepare: async asked => {
      const known = await subjectToken(authority, asked.request.headers['x-subject-token']);
      permit(asked, 'identity:revoke_token', known);
      return known.context.payload;
    },
    handle: async ({ tx, prepared }) => {
      await revokeToken(tx, prepared);
      return { 204: undefined };
    },
  });

  return [create, validate, check, revoke];
}

/** The methods of the receipt that came with a login. @throws Problem unauthenticated for another's or none of ours */
function receiptIn({ headers }: RequestFacts, { user }: Login, { keys, clock }: TokenNeeds): MethodName[] {
  const text = headers['openstack-auth-receipt'];
  if (text === undefined) return [];
  const receipt = readReceipt(keys(), String(text), clock.now());
  if (receipt?.userId !== user.id) throw new Problem('unauthenticated', t.noReceipt);
  return receipt.methods;
}

/** The answer to a login that needs another method. */
function goOn(domain: Named, { user, methods }: Login, { keys, clock, authority }: TokenNeeds): Reply {
  const receipt = newReceipt(user.id, methods, clock.now());
  return {
    401: viewReceipt(receipt, user, domain),
    headers: { 'openstack-auth-receipt': writeReceipt(keys()[0]!, receipt, authority.random), vary: 'X-Auth-Token' },
  };
}

function domainOf(db: Database, user: { domainId: string }): Promise<Named> {
  return db.read(tx => enabledDomain(tx, user.domainId));
}

/** Between the check of the password and now it may have been changed. */
async function checkUnchanged(tx: Tx, user: { id: string; tokenEpoch: number }): Promise<void> {
  const now = await tables(tx).selectFrom('users').select('tokenEpoch').where('id', '=', user.id).executeTakeFirst();
  if (now?.tokenEpoch !== user.tokenEpoch) throw refused();
}

/** Takes one of the uses that a trust has left. @throws Problem unauthenticated, forbidden when there is none */
async function useTrust(tx: Tx, trustId: string, trusteeId: string): Promise<void> {
  const db = tables(tx);
  const trust = await db
    .selectFrom('trusts')
    .select(['remainingUses', 'trusteeUserId'])
    .where('id', '=', trustId)
    .executeTakeFirst();
  if (!trust || trust.trusteeUserId !== trusteeId) throw new Problem('forbidden', t.noScope);
  if (trust.remainingUses === null) return;
  if (trust.remainingUses < 1) throw refused();
  await db
    .updateTable('trusts')
    .set({ remainingUses: trust.remainingUses - 1 })
    .where('id', '=', trustId)
    .execute();
}

function subjectAtHand(authority: Authority, request: RequestFacts): { token: string; known: Known | undefined } {
  const token = request.headers['x-subject-token'];
  return typeof token === 'string' ? { token, known: authority.peek(token) } : { token: '', known: undefined };
}

/** Services may ask about tokens that have ended. */
function expiry(query: Query): { expiredMs: number } {
  const asked = ['1', 't', 'true', 'on', 'y', 'yes'].includes(one(query, 'allow_expired')?.toLowerCase() ?? '');
  return { expiredMs: asked ? allowedExpiredMs : 0 };
}

/** A service that does not say that it keeps access rules would let a token with them do anything. */
function keepsRules({ headers }: RequestFacts, { context }: Known): boolean {
  return context.accessRules === null || Number(headers['openstack-identity-access-rules'] ?? 0) >= 1;
}

/** @throws Problem notFound */
function checkRulesAreKept(request: RequestFacts, known: Known): void {
  if (!keepsRules(request, known)) throw new Problem('notFound', t.noToken);
}

function mayAsk({ policy, caller }: { policy: Policy; caller: Caller }, rule: string, known: Known): boolean {
  return policy.allows(rule, caller.credentials, { target: { token: { user_id: known.caller.userId } } });
}

/** @throws Problem forbidden */
function permit(asked: { policy: Policy; caller: Caller }, rule: string, known: Known): void {
  if (mayAsk(asked, rule, known)) return;
  const why = asked.policy.explain(rule, asked.caller.credentials, { target: { token: { user_id: '' } } });
  throw new Problem('forbidden', platformTexts.forbidden, { rule, needs: why.parts });
}

function answer(token: string, body: Buffer): Reply {
  return { 200: body, headers: subjectHeaders(token) };
}

function subjectHeaders(token: string): Record<string, string> {
  return { 'x-subject-token': token, vary: 'X-Auth-Token' };
}
