// This cloud as a service provider: where browsers and clients bring what an identity provider said of them.
// OpenStack leaves this to modules of a web server in front; here it is part of the program.

import type { IncomingMessage } from 'node:http';
import { readBody } from '#/platform/http/body.ts';
import { type Endpoint, type Reply, type RequestFacts, streamEndpoint } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { connectionOf, type SamlConnection } from '#/services/identity/federation/providers/connection.store.ts';
import { usableProtocol } from '#/services/identity/federation/providers/provider.store.ts';
import { instant, newXmlId } from '#/services/identity/federation/saml/assertion.ts';
import { authnRequest, paosRequest, spMetadata } from '#/services/identity/federation/saml/metadata.ts';
import { readResponse, responseInEnvelope } from '#/services/identity/federation/saml/response.ts';
import { pendingSeconds, setCookie, signOnCookie } from '#/services/identity/federation/sign-on/cookies.ts';
import { ownEntityId, protocolUrl, type SignOnNeeds } from '#/services/identity/federation/sign-on/sign-on.ts';
import { keepSignOn, useAssertion } from '#/services/identity/federation/sign-on/sign-on.store.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';

const path = '/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}';

export function acsUrlOf(request: RequestFacts, idp: string, protocol: string): string {
  return `${protocolUrl(request, idp, protocol)}/acs`;
}

export function samlSpEndpoints(needs: SignOnNeeds): Endpoint[] {
  const { vault, clock } = needs;

  const consume = streamEndpoint({
    policy: 'public',
    route: `POST ${path}/acs`,
    summary: 'Takes a SAML response (HTTP POST and PAOS bindings)',
    async stream({ db, incoming, path: { idp_id: idp = '', protocol_id: protocol = '' }, request }): Promise<Reply> {
      const bytes = await readBody(incoming, clock);
      const connection = await db.read(async tx => {
        await usableProtocol(tx, idp, protocol);
        return connectionOf(tx, vault, { idp, protocol, kind: 'saml2' });
      });
      const xml = await responseIn(incoming, bytes);
      const acsUrl = acsUrlOf(request, idp, protocol);
      const heard = await readResponse(xml, connection, { acsUrl, entityId: ownEntityId(request), clock });
      const { issuer, assertion, inResponseTo } = heard;
      const cookie = await db.write(async tx => {
        await useAssertion(tx, heard.id, heard.expiresAt);
        return keepSignOn(tx, vault, { idp, protocol, issuer, assertion, inResponseTo });
      });
      // A browser that a dashboard sent goes back to it, a client to the login; the next request asks with the cookie.
      const browser = inResponseTo !== null && isForm(incoming);
      const next = browser
        ? `${protocolUrl(request, idp, protocol)}/websso`
        : `${protocolUrl(request, idp, protocol)}/auth`;
      return {
        303: undefined,
        headers: { location: next, 'set-cookie': setCookie(request, signOnCookie, cookie, pendingSeconds) },
      };
    },
  });

  const metadata = streamEndpoint({
    policy: 'public',
    route: `GET ${path}/metadata`,
    summary: 'Shows what an identity provider must know of this cloud',
    async stream({ db, path: { idp_id: idp = '', protocol_id: protocol = '' }, request }): Promise<Reply> {
      await db.read(tx => usableProtocol(tx, idp, protocol));
      const xml = spMetadata({ entityId: ownEntityId(request), acsUrl: acsUrlOf(request, idp, protocol) });
      return { 200: xml, headers: { 'content-type': 'text/xml' } };
    },
  });

  return [consume, metadata];
}

function isForm({ headers }: IncomingMessage): boolean {
  return (headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
}

/** @throws Problem invalid */
async function responseIn(incoming: IncomingMessage, bytes: Buffer): Promise<string> {
  if (!isForm(incoming)) return responseInEnvelope(bytes.toString());
  const encoded = new URLSearchParams(bytes.toString()).get('SAMLResponse');
  if (!encoded) throw new Problem('invalid', t.badXml);
  return Buffer.from(encoded, 'base64').toString();
}

/** Where a browser begins, and the request that its answer must name. */
export async function browserRequest(
  connection: SamlConnection,
  request: RequestFacts,
  { idp, protocol }: { idp: string; protocol: string },
  needs: Pick<SignOnNeeds, 'clock' | 'random'>,
): Promise<{ location: string; id: string }> {
  const destination = connection.sso_url;
  if (destination === undefined) throw new Problem('unauthenticated', t.noConnection, { idp, protocol });
  const id = newXmlId(needs.random);
  const acsUrl = acsUrlOf(request, idp, protocol);
  const { SAML } = await import('@node-saml/node-saml');
  const saml = new SAML({
    idpCert: connection.certificates,
    issuer: ownEntityId(request),
    callbackUrl: acsUrl,
    entryPoint: destination,
    identifierFormat: null,
    disableRequestedAuthnContext: true,
    generateUniqueId: () => id,
  });
  return { id, location: await saml.getAuthorizeUrlAsync('', undefined, {}) };
}

/** The request for a client that goes to the provider itself. */
export function clientRequest(
  request: RequestFacts,
  { idp, protocol }: { idp: string; protocol: string },
  { clock, random }: Pick<SignOnNeeds, 'clock' | 'random'>,
): string {
  const acsUrl = acsUrlOf(request, idp, protocol);
  const entityId = ownEntityId(request);
  const id = newXmlId(random);
  const asked = authnRequest({ id, issueInstant: instant(clock.now()), entityId, acsUrl, binding: 'paos' });
  return paosRequest(asked, { entityId, acsUrl });
}
