// Logging in to a dashboard through an identity provider: the browser goes there, comes back, and carries the token on to
// the dashboard that sent it, if the operator trusts that.
// API: Identity v3, "OS-FEDERATION", web single sign-on.

import { createHash } from 'node:crypto';
import type { Database } from '#/platform/database/database.ts';
import { type Endpoint, type Query, type Reply, type RequestFacts, streamEndpoint } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { findConnection } from '#/services/identity/federation/providers/connection.store.ts';
import { listProviders, usableProtocol } from '#/services/identity/federation/providers/provider.store.ts';
import { beginCode, finishCode } from '#/services/identity/federation/oidc/relying-party.ts';
import { browserRequest } from '#/services/identity/federation/saml/saml-sp.api.ts';
import { escaped } from '#/services/identity/federation/saml/xml.ts';
import {
  type Pending,
  pendingCookie,
  pendingSeconds,
  setCookie,
  signOnCookie,
} from '#/services/identity/federation/sign-on/cookies.ts';
import { protocolUrl, type SignOnNeeds, signOnOf, tokenFor } from '#/services/identity/federation/sign-on/sign-on.ts';
import type { SignOn } from '#/services/identity/federation/sign-on/sign-on.store.ts';
import { federation } from '#/services/identity/federation/tables.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';
import { notFound } from '#/services/identity/wire.ts';

const ofProtocol = '/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}';
const html = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };

export function webssoEndpoints(needs: SignOnNeeds): Endpoint[] {
  const { vault, cookies } = needs;

  /** @throws Problem unauthenticated for a dashboard that the operator does not trust */
  function originOf(query: Query): string {
    const { origin } = query;
    if (typeof origin !== 'string') throw new Problem('invalid', t.noOrigin);
    if (!needs.trustedDashboards.includes(origin))
      throw new Problem('unauthenticated', t.notTrusted, { origin: origin.slice(0, 200) });
    return origin;
  }

  async function begin(
    db: Database,
    request: RequestFacts,
    asked: { idp: string; protocol: string; origin: string },
  ): Promise<Reply> {
    const { idp, protocol, origin } = asked;
    const connection = await db.read(async tx => {
      await usableProtocol(tx, idp, protocol);
      return findConnection(tx, vault, idp, protocol);
    });
    if (!connection) throw new Problem('unauthenticated', t.noConnection, { idp, protocol });
    let pending: Pending;
    let location: string;
    if (connection.kind === 'openid') {
      const begun = await beginCode(connection, callbackOf(request, idp, protocol), needs);
      ({ location } = begun);
      pending = { idp, protocol, origin, request: begun.request, nonce: begun.nonce, verifier: begun.verifier };
    } else {
      const begun = await browserRequest(connection, request, asked, needs);
      ({ location } = begun);
      pending = { idp, protocol, origin, request: begun.id };
    }
    const cookie = setCookie(request, pendingCookie, cookies.seal(pending), pendingSeconds);
    return { 302: undefined, headers: { location, 'set-cookie': cookie, 'cache-control': 'no-store' } };
  }

  /** The page that carries the token on. */
  async function finish(db: Database, request: RequestFacts, signOn: SignOn, pending: Pending): Promise<Reply> {
    const { token } = await tokenFor(db, needs, request, signOn);
    const over = [pendingCookie, signOnCookie].map(name => setCookie(request, name, '', 0));
    const headers: Record<string, string> = { ...html, 'content-security-policy': policyFor(pending.origin) };
    return { 200: page(pending.origin, token), headers: { ...headers, 'set-cookie': over as never } };
  }

  const byProvider = streamEndpoint({
    policy: 'public',
    route: 'GET /v3/auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso',
    summary: 'Logs in to a dashboard through an identity provider',
    stream: ({ db, path: { idp_id: idp = '', protocol_id: protocol = '' }, query, request }) =>
      begin(db, request, { idp, protocol, origin: originOf(query) }),
  });

  const byProtocol = streamEndpoint({
    policy: 'public',
    route: 'GET /v3/auth/OS-FEDERATION/websso/{protocol_id}',
    summary: 'Logs in to a dashboard through the identity provider that has the protocol',
    async stream({ db, path: { protocol_id: protocol = '' }, query, request }): Promise<Reply> {
      const origin = originOf(query);
      const providers = await db.read(async tx => {
        const connected = await federation(tx)
          .selectFrom('federationConnections')
          .select('idpId')
          .where('protocolId', '=', protocol)
          .execute();
        const ids = new Set(connected.map(({ idpId }) => idpId));
        return (await listProviders(tx)).filter(({ id, enabled }) => enabled && ids.has(id));
      });
      const [only] = providers;
      if (!only) throw notFound('federation protocol', protocol);
      if (providers.length === 1) return begin(db, request, { idp: only.id, protocol, origin });
      const links = providers.map(({ id }) => {
        const url = `${request.base}/v3/auth/OS-FEDERATION/identity_providers/${encodeURIComponent(id)}/protocols/${encodeURIComponent(protocol)}/websso?origin=${encodeURIComponent(origin)}`;
        return `<li><a href="${escaped(url)}">${escaped(id)}</a></li>`;
      });
      return {
        200: `<!doctype html><meta charset="utf-8"><title>Haneul</title><ul>${links.join('')}</ul>`,
        headers: html,
      };
    },
  });

  const afterSaml = streamEndpoint({
    policy: 'public',
    route: `GET ${ofProtocol}/websso`,
    summary: 'Goes back to the dashboard after a SAML login',
    async stream({ db, path: { idp_id: idp = '', protocol_id: protocol = '' }, request }): Promise<Reply> {
      const pending = cookies.open(request);
      const signOn = await signOnOf(db, vault, request);
      // Both must be of this browser and belong together, or one could be made to log in as somebody else.
      const together =
        pending && signOn && [pending, signOn].every(each => each.idp === idp && each.protocol === protocol);
      if (!together || signOn.inResponseTo !== pending.request) throw new Problem('unauthenticated', t.notSignedOn);
      return finish(db, request, signOn, pending);
    },
  });

  const callback = streamEndpoint({
    policy: 'public',
    route: `GET ${ofProtocol}/callback`,
    summary: 'Takes the code of an OpenID provider and goes back to the dashboard',
    async stream({ db, path: { idp_id: idp = '', protocol_id: protocol = '' }, request }): Promise<Reply> {
      const pending = cookies.open(request);
      if (pending?.idp !== idp || pending.protocol !== protocol) throw new Problem('unauthenticated', t.notSignedOn);
      const connection = await db.read(tx => findConnection(tx, vault, idp, protocol));
      if (connection?.kind !== 'openid') throw new Problem('unauthenticated', t.noConnection, { idp, protocol });
      const claims = await finishCode(
        connection,
        { callback: callbackOf(request, idp, protocol), query: request.url.split('?')[1] ?? '', pending },
        needs,
      );
      return finish(db, request, { idp, protocol, inResponseTo: null, ...claims }, pending);
    },
  });

  return [byProvider, byProtocol, afterSaml, callback];
}

function callbackOf(request: RequestFacts, idp: string, protocol: string): string {
  return `${protocolUrl(request, idp, protocol)}/callback`;
}

const script = 'document.forms[0].submit()';
const scriptHash = `sha256-${createHash('sha256').update(script).digest('base64')}`;

function policyFor(origin: string): string {
  return `default-src 'none'; script-src '${scriptHash}'; form-action ${new URL(origin).origin}; frame-ancestors 'none'`;
}

/** A form that sends itself; with a button where scripts do not run. */
function page(origin: string, token: string): string {
  return `<!doctype html><meta charset="utf-8"><title>Haneul</title><form method="post" action="${escaped(origin)}"><input type="hidden" name="token" value="${escaped(token)}"><noscript><button>OK</button></noscript></form><script>${script}</script>`;
}
