// What all the ways to sign on share.

import type { Clock, Random } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Reply, RequestFacts } from '#/platform/http/endpoint.ts';
import type { FetchOut } from '#/platform/http/fetch-out.ts';
import type { Logger } from '#/platform/log/log.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { type Cookies, cookieOf, signOnCookie } from '#/services/identity/federation/sign-on/cookies.ts';
import { provision } from '#/services/identity/federation/sign-on/provision.ts';
import { findSignOn, type SignOn } from '#/services/identity/federation/sign-on/sign-on.store.ts';
import type { Authority, Known } from '#/services/identity/tokens/authority.ts';
import type { LoginFacts, LoginRecorder } from '#/services/identity/tokens/login-record.ts';
import { issueToken } from '#/services/identity/tokens/issue.ts';

export interface SignOnNeeds {
  authority: Authority;
  vault: Vault;
  cookies: Cookies;
  clock: Clock;
  random: Random;
  log: Logger;
  recorder: LoginRecorder;
  fetchOut: FetchOut;
  /** Dashboards to which a browser may be sent back with a token: their addresses (`https://dash.example.org/auth/websso/`). */
  trustedDashboards: readonly string[];
}

/** Where a protocol of a provider has its endpoints here. */
export function protocolUrl({ base }: RequestFacts, idp: string, protocol: string): string {
  return `${base}/v3/OS-FEDERATION/identity_providers/${encodeURIComponent(idp)}/protocols/${encodeURIComponent(protocol)}`;
}

/** By which name this cloud goes with identity providers. */
export function ownEntityId({ base }: RequestFacts): string {
  return `${base}/v3/OS-FEDERATION/saml2/sp`;
}

/** The sign-on that a browser's or client's cookie stands for. */
export async function signOnOf(db: Database, vault: Vault, request: RequestFacts): Promise<SignOn | null> {
  const name = cookieOf(request, signOnCookie);
  return name ? db.read(tx => findSignOn(tx, vault, name)) : null;
}

/** An unscoped token for whom the mapping says that it is. @throws Problem unauthenticated, forbidden */
export async function tokenFor(
  db: Database,
  { authority, log, recorder }: SignOnNeeds,
  request: RequestFacts,
  signOn: SignOn,
): Promise<{ token: string; known: Known }> {
  const { idp, protocol } = signOn;
  const vouchedBy = { identityProvider: idp, protocol };
  const about: LoginFacts = { request, methods: [protocol], user: null, vouchedBy };
  try {
    const login = await db.write(tx => provision(tx, signOn, authority.tokenSeconds));
    about.user = login.user;
    log.info({ userId: login.user.id, idp, protocol }, 'federated login');
    const made = await db.read(tx => issueToken(tx, authority, login, 'unscoped'));
    await recorder.succeeded(about);
    return made;
  } catch (thrown) {
    recorder.refused(about, thrown);
    throw thrown;
  }
}

/** The answer to a login. */
export async function tokenReply(needs: SignOnNeeds, made: { token: string; known: Known }): Promise<Reply> {
  return {
    201: await needs.authority.body(made.known, false),
    headers: { 'x-subject-token': made.token, vary: 'X-Auth-Token', 'cache-control': 'no-store' },
  };
}
