// A token's payload looked up: is everything that it stands on still there and enabled, and what does it allow now.

import { nowMs, timestamp, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  type ApplicationCredentialRow,
  type OAuthTokenRow,
  type ProjectRow,
  tables,
  type TrustRow,
  type UserRow,
} from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { type FederationOfToken, federationOfToken } from '#/services/identity/federation/sign-on/token-federation.ts';
import { listIn } from '#/services/identity/wire.ts';
import type { RefusedLogin } from '#/services/identity/tokens/refused-login.ts';
import type { Payload } from '#/services/identity/tokens/payload.ts';
import {
  ancestorsOf,
  assignedRoleIds,
  effectiveRoles,
  groupIdsOf,
  type RoleRef,
} from '#/services/identity/tokens/scope.store.ts';

export interface Named {
  id: string;
  name: string;
}

export interface AccessRule {
  id: string;
  service: string;
  path: string;
  method: string;
}

export interface TokenContext {
  payload: Payload;
  user: UserRow;
  userDomain: Named;
  project: ProjectRow | null;
  projectDomain: Named | null;
  domain: Named | null;
  roles: RoleRef[];
  trust: TrustRow | null;
  applicationCredential: ApplicationCredentialRow | null;
  /** OAuth 1.0: what the user granted. */
  accessToken: OAuthTokenRow | null;
  /** Null: none, everything is allowed. */
  accessRules: AccessRule[] | null;
  /** Null unless an identity provider vouched for the user. */
  federation: FederationOfToken | null;
}

/**
 * Looks a payload up. Whatever is amiss is one and the same refusal: its reason is nobody's business.
 * @throws Problem unauthenticated
 */
export async function contextOfToken(tx: Tx, payload: Payload): Promise<TokenContext> {
  const db = tables(tx);
  const bearer = await enabledUser(tx, payload.userId);
  if (bearer.tokenEpoch !== payload.epoch) throw refused();
  const trust = payload.trustId ? await usableTrust(tx, payload.trustId) : null;
  if (trust && trust.trusteeUserId !== bearer.id) throw refused();
  const user = trust?.impersonation ? await enabledUser(tx, trust.trustorUserId) : bearer;
  if (trust && !trust.impersonation) await enabledUser(tx, trust.trustorUserId);
  const userDomain = await enabledDomain(tx, user.domainId);
  if (user !== bearer) await enabledDomain(tx, bearer.domainId);

  let applicationCredential: ApplicationCredentialRow | null = null;
  let accessRules: AccessRule[] | null = null;
  if (payload.applicationCredentialId) {
    const row = await db
      .selectFrom('applicationCredentials')
      .selectAll()
      .where('id', '=', payload.applicationCredentialId)
      .executeTakeFirst();
    if (!row || (row.expiresAt !== null && row.expiresAt <= timestamp(nowMs(tx)))) throw refused();
    applicationCredential = row;
    if (row.accessRuleIds !== null) {
      const ids = listIn(row.accessRuleIds);
      accessRules = ids.length ? await db.selectFrom('accessRules').selectAll().where('id', 'in', ids).execute() : [];
    }
  }
  const accessToken = payload.accessTokenId ? await usableAccessToken(tx, payload.accessTokenId) : null;
  const federation = await federationOfToken(tx, payload);
  if (federation === undefined) throw refused();
  const base = { payload, user, userDomain, trust, applicationCredential, accessRules, accessToken, federation };
  const { scope } = payload;
  const actor = trust ? trust.trustorUserId : user.id;
  if (scope.type === 'unscoped') return { ...base, project: null, projectDomain: null, domain: null, roles: [] };
  const groupIds = await groupIdsOf(tx, actor);
  if (scope.type === 'system') {
    const roles = await effectiveRoles(tx, await assignedRoleIds(tx, actor, groupIds, { type: 'system' }));
    if (!roles.length) throw refused();
    return { ...base, project: null, projectDomain: null, domain: null, roles };
  }
  if (scope.type === 'domain') {
    const domain = await enabledDomain(tx, scope.id);
    const roles = await effectiveRoles(
      tx,
      await assignedRoleIds(tx, actor, groupIds, { type: 'domain', id: domain.id }),
    );
    if (!roles.length) throw refused();
    return { ...base, project: null, projectDomain: null, domain, roles };
  }
  const { project, above } = await enabledProject(tx, scope.id);
  const projectDomain = project.isDomain ? { id: project.id, name: project.name } : nameOf(above.at(-1));
  const assigned = await assignedRoleIds(tx, actor, groupIds, { type: 'project', project, above });
  let roles = await effectiveRoles(tx, assigned);
  const delegated = trust?.roleIds ?? applicationCredential?.roleIds ?? accessToken?.roleIds;
  if (delegated !== undefined) {
    // A delegation is void as a whole once its maker has lost one of the roles in it.
    const held = new Set([...roles.map(({ id }) => id), ...assigned]);
    const ids = listIn(delegated);
    if (!ids.every(id => held.has(id))) throw refused();
    roles = await effectiveRoles(tx, ids);
  }
  if (!roles.length) throw refused();
  return { ...base, project, projectDomain, domain: null, roles };
}

/** @throws Problem unauthenticated */
export async function enabledUser(tx: Tx, id: string): Promise<UserRow> {
  const user = await tables(tx).selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  if (!user?.enabled) throw refused();
  return user;
}

/** @throws Problem unauthenticated */
export async function enabledDomain(tx: Tx, id: string): Promise<Named> {
  const domain = await tables(tx)
    .selectFrom('projects')
    .selectAll()
    .where('id', '=', id)
    .where('isDomain', '=', 1)
    .executeTakeFirst();
  if (!domain?.enabled) throw refused();
  return nameOf(domain);
}

/** A project of which everything above is enabled too. @throws Problem unauthenticated */
export async function enabledProject(tx: Tx, id: string): Promise<{ project: ProjectRow; above: ProjectRow[] }> {
  const project = await tables(tx).selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst();
  if (!project?.enabled) throw refused();
  const above = await ancestorsOf(tx, project);
  if (above.some(({ enabled }) => !enabled)) throw refused();
  return { project, above };
}

async function usableTrust(tx: Tx, id: string): Promise<TrustRow> {
  const trust = await tables(tx).selectFrom('trusts').selectAll().where('id', '=', id).executeTakeFirst();
  if (!trust || (trust.expiresAt !== null && trust.expiresAt <= timestamp(nowMs(tx)))) throw refused();
  return trust;
}

async function usableAccessToken(tx: Tx, id: string): Promise<OAuthTokenRow> {
  const row = await tables(tx).selectFrom('oauthTokens').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row || (row.expiresAt !== null && row.expiresAt <= timestamp(nowMs(tx)))) throw refused();
  return row;
}

/** @param cause for those who watch; the client is told nothing of it */
export function refused(cause?: RefusedLogin): Problem {
  return new Problem('unauthenticated', t.unauthorized, {}, { cause });
}

function nameOf(row: Named | undefined): Named {
  if (!row) throw refused();
  return { id: row.id, name: row.name };
}
