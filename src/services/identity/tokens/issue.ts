// From a login to a token: which scope, for how long, and is there any right in it.

import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables } from '../tables.ts';
import { identityTexts as t } from '../texts.ts';
import type { Authority, Known } from './authority.ts';
import { refused } from './context.ts';
import { findDomainId, type Login, type LoginAsk } from './login.ts';
import type { Payload, Scope } from './payload.ts';

/** The wanted scope; null where the request leaves it to the user's defaults. @throws Problem invalid, unauthenticated */
export async function wantedScope(tx: Tx, ask: LoginAsk['scope']): Promise<{ scope: Scope; trustId?: string } | null> {
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

async function trustScope(tx: Tx, trustId: string): Promise<{ scope: Scope; trustId: string }> {
  const trust = await tables(tx).selectFrom('trusts').selectAll().where('id', '=', trustId).executeTakeFirst();
  if (!trust) throw refused();
  return { scope: trust.projectId === null ? { type: 'unscoped' } : { type: 'project', id: trust.projectId }, trustId };
}

/** Makes the token. @throws Problem unauthenticated when the user has no right there */
export async function issueToken(
  tx: Tx,
  authority: Authority,
  login: Login,
  asked: LoginAsk['scope'],
): Promise<{ token: string; known: Known }> {
  const { user, from } = login;
  const now = nowMs(tx);
  const auditId = authority.newAuditId();
  const base = {
    userId: user.id,
    methods: login.methods,
    issuedAt: now,
    expiresAt: from ? from.expiresAt : now + authority.tokenSeconds * 1000,
    auditIds: from ? [auditId, from.auditIds.at(-1)!] : [auditId],
    epoch: user.tokenEpoch,
  };
  const wanted = await wantedScope(tx, asked);
  if (login.applicationCredentialId)
    return issue(tx, authority, await applicationCredentialScope(tx, base, login.applicationCredentialId, wanted));
  if (wanted?.trustId) {
    const { trustId, scope } = wanted;
    return issue(tx, authority, { ...base, scope, trustId });
  }
  if (wanted) return issue(tx, authority, { ...base, scope: wanted.scope });
  if (user.defaultProjectId !== null) {
    try {
      return await issue(tx, authority, { ...base, scope: { type: 'project', id: user.defaultProjectId } });
    } catch (thrown) {
      // A default project that is gone or closed to the user is no reason to refuse the login.
      if (!(thrown instanceof Problem)) throw thrown;
    }
  }
  return issue(tx, authority, { ...base, scope: { type: 'unscoped' } });
}

function issue(tx: Tx, authority: Authority, payload: Payload): Promise<{ token: string; known: Known }> {
  return authority.issue(tx, payload);
}

async function applicationCredentialScope(
  tx: Tx,
  base: Omit<Payload, 'scope'>,
  id: string,
  wanted: { scope: Scope; trustId?: string } | null,
): Promise<Payload> {
  const row = await tables(tx)
    .selectFrom('applicationCredentials')
    .select('projectId')
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw refused();
  const other = wanted && (wanted.trustId || wanted.scope.type !== 'project' || wanted.scope.id !== row.projectId);
  if (other) throw new Problem('unauthenticated', t.tokenRescope, { method: 'application_credential' });
  return { ...base, scope: { type: 'project', id: row.projectId }, applicationCredentialId: id };
}
