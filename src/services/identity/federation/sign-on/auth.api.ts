// Logging in through an identity provider: a token for whoever brings its assertion or bearer token.
// API: Identity v3, "OS-FEDERATION", "Request an unscoped token".

import { type Endpoint, type Reply, type RequestFacts, streamEndpoint } from '#/platform/http/endpoint.ts';
import type { Database } from '#/platform/database/database.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { findConnection } from '#/services/identity/federation/providers/connection.store.ts';
import { usableProtocol } from '#/services/identity/federation/providers/provider.store.ts';
import { readBearer } from '#/services/identity/federation/oidc/relying-party.ts';
import { clientRequest } from '#/services/identity/federation/saml/saml-sp.api.ts';
import { type SignOnNeeds, signOnOf, tokenFor, tokenReply } from '#/services/identity/federation/sign-on/sign-on.ts';
import type { SignOn } from '#/services/identity/federation/sign-on/sign-on.store.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';

const path = '/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth';
const paosType = 'application/vnd.paos+xml';

export function federatedAuthEndpoints(needs: SignOnNeeds): Endpoint[] {
  const { vault } = needs;

  /** What the request brings: the cookie of an assertion that was taken, or a bearer token. */
  async function brought(db: Database, request: RequestFacts, idp: string, protocol: string): Promise<SignOn | null> {
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer !== undefined) {
      const connection = await db.read(tx => findConnection(tx, vault, idp, protocol));
      if (connection?.kind !== 'openid') throw new Problem('unauthenticated', t.noConnection, { idp, protocol });
      return { idp, protocol, inResponseTo: null, ...(await readBearer(connection, bearer, needs)) };
    }
    const kept = await signOnOf(db, vault, request);
    return kept?.idp === idp && kept.protocol === protocol ? kept : null;
  }

  return ['GET', 'POST'].map(method =>
    streamEndpoint({
      policy: 'public',
      route: `${method} ${path}`,
      summary: 'Logs in through an identity provider',
      async stream({ db, path: { idp_id: idp = '', protocol_id: protocol = '' }, request }): Promise<Reply> {
        await db.read(tx => usableProtocol(tx, idp, protocol));
        const signOn = await brought(db, request, idp, protocol);
        if (signOn) return tokenReply(needs, await tokenFor(db, needs, request, signOn));
        const connection = await db.read(tx => findConnection(tx, vault, idp, protocol));
        const speaksPaos = (request.headers.accept ?? '').includes(paosType);
        if (connection?.kind === 'saml2' && speaksPaos && request.headers['paos'] !== undefined)
          return { 200: clientRequest(request, { idp, protocol }, needs), headers: { 'content-type': paosType } };
        throw new Problem('unauthenticated', t.notSignedOn);
      },
    }),
  );
}
