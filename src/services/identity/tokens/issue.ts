// From a login to a token: which scope, for how long, and is there any right in it.

import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import type { Authority, Known } from '#/services/identity/tokens/authority.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import type { Login, ScopeAsk } from '#/services/identity/tokens/login.ts';
import { findDomainId } from '#/services/identity/tokens/methods/find-user.ts';
import type { Payload, Scope } from '#/services/identity/tokens/payload.ts';

interface Wanted {
  scope: Scope;
  trustId?: string;
  /** When the delegation behind it ends, milliseconds since 1970: its tokens end no later. */
  endsAt?: number;
}

/** The wanted scope; null where the request leaves it to the user's defaults. @throws Problem invalid, unauthenticated */
export async function wantedScope(tx: Tx, ask: ScopeAsk | undefined): Promise<Wanted | null> {
  if (ask === undefined) return null;
  if (typeof ask === 'string') {
    if (ask !== 'unscoped') throw new Problem('invalid', t.manyScopes, { scopes: [ask.slice(0, 60)] });
    return { scope: { type: 'unscoped' } };
  }
  const given = (['project', 'domain', 'system', 'OS-TRUST:trust', 'unscoped'] as const).filter(
    kind => ask[kind] !== undefined,
  );
  if (given.length > 1) throw new Problem('invalid', t.manyScopes, { scopes: given });
  if (ask['OS-TRUST:trust']) return trustScope(tx, ask['OS-TRUST:trust'].id);
  if (ask.project) return { scope: { type: 'project', id: await findProjectId(tx, ask.project) } };
  if (ask.domain) {
    const id = await findDomainId(tx, ask.domain);
    if (id === undefined) throw refused();
    return { scope: { type: 'domain', id } };
  }
  if (ask.system) {
    if (ask.system.all !== true) throw refused();
    return { scope: { type: 'system' } };
  }
  return { scope: { type: 'unscoped' } };
}

async function findProjectId(
  tx: Tx,
  ask: { id?: string; name?: string; domain?: { id?: string; name?: string } },
): Promise<string> {
  if (ask.id !== undefined) return ask.id;
  if (ask.name === undefined) throw new Problem('invalid', t.needsDomain);
  const domainId = await findDomainId(tx, ask.domain);
  const row =
    domainId === undefined
      ? undefined
      : await tables(tx)
          .selectFrom('projects')
          .select('id')
          .where('nameScope', '=', domainId)
          .where('name', '=', ask.name)
          .executeTakeFirst();
  if (!row) throw refused();
  return row.id;
}

async function trustScope(tx: Tx, trustId: string): Promise<Wanted> {
  const trust = await tables(tx).selectFrom('trusts').selectAll().where('id', '=', trustId).executeTakeFirst();
  if (!trust) throw refused();
  return {
    endsAt: endOf(trust),
    scope: trust.projectId === null ? { type: 'unscoped' } : { type: 'project', id: trust.projectId },
    trustId,
  };
}

/** Makes the token. @throws Problem unauthenticated when the user has no right there */
export async function issueToken(
  tx: Tx,
  authority: Authority,
  login: Login,
  asked: ScopeAsk | undefined,
): Promise<{ token: string; known: Known }> {
  const { user, from } = login;
  const { identityProviderId, protocolId, thumbprint } = login.bounds;
  const now = nowMs(tx);
  const auditId = authority.newAuditId();
  const base = {
    userId: user.id,
    methods: login.methods,
    issuedAt: now,
    expiresAt: from ? from.expiresAt : now + authority.tokenSeconds * 1000,
    auditIds: from ? [auditId, from.auditIds.at(-1)!] : [auditId],
    epoch: user.tokenEpoch,
    ...(identityProviderId ? { identityProviderId, protocolId } : {}),
    ...(thumbprint ? { thumbprint } : {}),
  };
  const wanted = await wantedScope(tx, asked);
  if (login.bounds.applicationCredentialId)
    return authority.issue(
      tx,
      await applicationCredentialScope(tx, base, login.bounds.applicationCredentialId, wanted),
    );
  if (login.bounds.accessTokenId)
    return authority.issue(tx, await accessTokenScope(tx, base, login.bounds.accessTokenId, wanted));
  if (wanted?.trustId) {
    const { trustId, scope, endsAt = Infinity } = wanted;
    return authority.issue(tx, { ...base, scope, trustId, expiresAt: Math.min(base.expiresAt, endsAt) });
  }
  if (wanted) return authority.issue(tx, { ...base, scope: wanted.scope });
  if (user.defaultProjectId !== null) {
    try {
      return await authority.issue(tx, { ...base, scope: { type: 'project', id: user.defaultProjectId } });
    } catch (thrown) {
      // A default project that is gone or closed to the user is no reason to refuse the login.
      if (!(thrown instanceof Problem)) throw thrown;
    }
  }
  return authority.issue(tx, { ...base, scope: { type: 'unscoped' } });
}

/** An access token is for its project only. @throws Problem unauthenticated */
async function accessTokenScope(
  tx: Tx,
  base: Omit<Payload, 'scope'>,
  id: string,
  wanted: Wanted | null,
): Promise<Payload> {
  const row = await tables(tx)
    .selectFrom('oauthTokens')
    .select(['projectId', 'expiresAt'])
    .where('id', '=', id)
    .executeTakeFirst();
  return { ...delegatedScope(base, row, wanted, 'oauth1'), accessTokenId: id };
}

/** A delegation is for its own project and ends with it. @throws Problem unauthenticated when it is gone, or another scope is wanted */
function delegatedScope(
  base: Omit<Payload, 'scope'>,
  row: { projectId: string; expiresAt: string | null } | undefined,
  wanted: Wanted | null,
  method: string,
): Payload {
  if (!row) throw refused();
  const other = wanted && (wanted.trustId || wanted.scope.type !== 'project' || wanted.scope.id !== row.projectId);
  if (other) throw new Problem('unauthenticated', t.tokenRescope, { method });
  const expiresAt = Math.min(base.expiresAt, endOf(row));
  return { ...base, expiresAt, scope: { type: 'project', id: row.projectId } };
}

/** When a delegation ends, in milliseconds since 1970. */
function endOf({ expiresAt }: { expiresAt: string | null }): number {
  return expiresAt === null ? Infinity : Date.parse(`${expiresAt}Z`);
}

async function applicationCredentialScope(
  tx: Tx,
  base: Omit<Payload, 'scope'>,
  id: string,
  wanted: Wanted | null,
): Promise<Payload> {
  const row = await tables(tx)
    .selectFrom('applicationCredentials')
    .select(['projectId', 'expiresAt'])
    .where('id', '=', id)
    .executeTakeFirst();
  return { ...delegatedScope(base, row, wanted, 'application_credential'), applicationCredentialId: id };
}
