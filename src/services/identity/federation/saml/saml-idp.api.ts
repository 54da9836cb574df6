// This cloud as an identity provider: what it says of itself, and signed assertions of its users for other clouds.
// API: Identity v3, "OS-FEDERATION", Keystone to Keystone.

import { type Endpoint, endpoint, type RequestFacts } from '#/platform/http/endpoint.ts';
import { any, array, object, open, optional, string } from '#/platform/http/schema.ts';
import type { Database } from '#/platform/database/database.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { findServiceProvider } from '#/services/identity/federation/service-providers/service-provider.store.ts';
import { ecpEnvelope, signedResponse } from '#/services/identity/federation/saml/assertion.ts';
import { idpMetadata } from '#/services/identity/federation/saml/metadata.ts';
import { signingKey } from '#/services/identity/federation/saml/signing-key.ts';
import type { SignOnNeeds } from '#/services/identity/federation/sign-on/sign-on.ts';
import type { ServiceProviderRow } from '#/services/identity/federation/tables.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';
import { groupsOfUser } from '#/services/identity/groups/group.store.ts';
import { findDomain } from '#/services/identity/projects/project.store.ts';
import { identityTexts } from '#/services/identity/texts.ts';
import { notFound } from '#/services/identity/wire.ts';

/** How long another cloud may take to use an assertion. */
const assertionMs = 3_600_000;

const body = object({
  auth: open({
    identity: open({ methods: optional(array(string())), token: open({ id: string() }) }),
    scope: open({ service_provider: open({ id: string() }) }),
  }),
});
interface Ask {
  identity: { token: { id: string } };
  scope: { service_provider: { id: string } };
}

function entityId({ base }: RequestFacts): string {
  return `${base}/v3/OS-FEDERATION/saml2/idp`;
}

export function samlIdpEndpoints(needs: SignOnNeeds): Endpoint[] {
  const { authority, clock, random } = needs;

  const metadata = endpoint({
    policy: 'public',
    route: 'GET /v3/OS-FEDERATION/saml2/metadata',
    summary: 'Shows what other clouds must know to believe this one',
    replies: { 200: any() },
    prepare: ({ db }) => signingKey(db, needs, 'Haneul'),
    async handle({ prepared: { certificate }, request }) {
      const url = `${request.base}/v3/auth/OS-FEDERATION/saml2/ecp`;
      const xml = idpMetadata({ entityId: entityId(request), certificate, url });
      return { 200: xml, headers: { 'content-type': 'text/xml' } };
    },
  });

  /** @throws Problem forbidden, notFound, unauthenticated */
  async function assertionFor(
    db: Database,
    { identity, scope }: Ask,
    request: RequestFacts,
  ): Promise<{ response: string; provider: ServiceProviderRow }> {
    const { id } = scope.service_provider;
    const { context } = authority.peek(identity.token.id) ?? (await authority.lookUp(identity.token.id));
    const { payload, project, projectDomain, user, userDomain, roles } = context;
    if (!project || !projectDomain) throw new Problem('forbidden', t.needsProjectToken);
    // What acts for somebody by delegation shall not become somebody elsewhere.
    if (payload.trustId || payload.applicationCredentialId || payload.accessTokenId)
      throw new Problem('forbidden', identityTexts.restricted, { what: 'SAML' });
    const { provider, groups } = await db.read(async tx => ({
      provider: await findServiceProvider(tx, id),
      groups: await Promise.all(
        (await groupsOfUser(tx, user.id)).map(async ({ name, domainId }) => ({
          name,
          domain: { name: (await findDomain(tx, domainId))?.name ?? domainId },
        })),
      ),
    }));
    if (!provider) throw notFound('service provider', id);
    if (!provider.enabled) throw new Problem('forbidden', t.disabled, { what: 'Service provider', id });
    const now = clock.now();
    const response = await signedResponse(
      {
        issuer: entityId(request),
        recipient: provider.spUrl,
        user: user.name,
        attributes: {
          openstack_user: [user.name],
          openstack_user_domain: [userDomain.name],
          openstack_roles: roles.map(({ name }) => name),
          openstack_project: [project.name],
          openstack_project_domain: [projectDomain.name],
          ...(groups.length ? { openstack_groups: groups.map(group => `JSON:${JSON.stringify(group)}`) } : {}),
        },
        issuedAt: now,
        expiresAt: Math.min(now + assertionMs, payload.expiresAt),
      },
      await signingKey(db, needs, 'Haneul'),
      random,
    );
    return { response, provider };
  }

  const make = (tail: string, summary: string, wrap: (response: string, provider: ServiceProviderRow) => string) =>
    endpoint({
      policy: 'public',
      route: `POST /v3/auth/OS-FEDERATION/saml2${tail}`,
      summary,
      body,
      writes: false,
      replies: { 200: any() },
      prepare: ({ db, body: { auth }, request }) => assertionFor(db, auth, request),
      handle: async ({ prepared: { response, provider } }) => ({
        200: wrap(response, provider),
        headers: {
          'content-type': 'text/xml',
          'cache-control': 'no-store',
          'x-sp-url': provider.spUrl,
          'x-auth-url': provider.authUrl,
        },
      }),
    });

  return [
    metadata,
    make('', 'Makes a SAML assertion for another cloud', response => response),
    make('/ecp', 'Makes a SAML assertion in an ECP envelope', (response, { relayStatePrefix }) =>
      ecpEnvelope(response, `${relayStatePrefix}${random.bytes(16).toString('hex')}`),
    ),
  ];
}
