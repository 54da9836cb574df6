// Federation's table of contents, for the identity service's own.

import { nowMs } from '#/platform/database/tx.ts';
import type { Endpoint } from '#/platform/http/endpoint.ts';
import type { Service } from '#/platform/http/service.ts';
import type { FernetKey } from '#/platform/access/fernet.ts';
import { mappingEndpoints } from '#/services/identity/federation/mappings/mapping.api.ts';
import { connectionEndpoints } from '#/services/identity/federation/providers/connection.api.ts';
import { identityProviderEndpoints } from '#/services/identity/federation/providers/identity-provider.api.ts';
import { protocolEndpoints } from '#/services/identity/federation/providers/protocol.api.ts';
import { serviceProviderEndpoints } from '#/services/identity/federation/service-providers/service-provider.api.ts';
import { samlIdpEndpoints } from '#/services/identity/federation/saml/saml-idp.api.ts';
import { samlSpEndpoints } from '#/services/identity/federation/saml/saml-sp.api.ts';
import { federatedAuthEndpoints } from '#/services/identity/federation/sign-on/auth.api.ts';
import { createCookies } from '#/services/identity/federation/sign-on/cookies.ts';
import { forgetMemberships } from '#/services/identity/federation/sign-on/membership.store.ts';
import { federatedReachEndpoints } from '#/services/identity/federation/sign-on/reach.api.ts';
import type { SignOnNeeds } from '#/services/identity/federation/sign-on/sign-on.ts';
import { forgetSignOns } from '#/services/identity/federation/sign-on/sign-on.store.ts';
import { webssoEndpoints } from '#/services/identity/federation/sign-on/websso.api.ts';

export type FederationNeeds = Omit<SignOnNeeds, 'cookies'> & {
  /** The keys of tokens, primary first. */
  keys(): readonly FernetKey[];
};

export function federationEndpoints({ keys, ...rest }: FederationNeeds): Endpoint[] {
  const needs: SignOnNeeds = { ...rest, cookies: createCookies(keys, rest.clock, rest.random) };
  return [
    ...identityProviderEndpoints,
    ...mappingEndpoints,
    ...protocolEndpoints,
    ...connectionEndpoints(needs.vault),
    ...serviceProviderEndpoints,
    ...federatedReachEndpoints,
    ...federatedAuthEndpoints(needs),
    ...webssoEndpoints(needs),
    ...samlIdpEndpoints(needs),
    ...samlSpEndpoints(needs),
  ];
}

export const federationChores: NonNullable<Service['chores']> = [
  { name: 'identity.forget-memberships', everyMs: 600_000, run: tx => forgetMemberships(tx, nowMs(tx)) },
  { name: 'identity.forget-sign-ons', everyMs: 300_000, run: tx => forgetSignOns(tx, nowMs(tx)) },
];
