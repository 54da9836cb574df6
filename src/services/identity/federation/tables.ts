// Federation's tables, as rows. Booleans are 0 and 1, times are text or milliseconds since 1970.

import type { Tx } from '#/platform/database/tx.ts';

/** Another organisation's login, in whose users this cloud believes. */
export interface IdentityProviderRow {
  id: string;
  enabled: number;
  description: string | null;
  /** The domain in which its users are. */
  domainId: string;
  /** Minutes for which a group membership outlives the login that told of it; null: as long as that login's token. */
  authorizationTtl: number | null;
}

export interface MappingRow {
  id: string;
  /** JSON. */
  rules: string;
  schemaVersion: string;
}

/** How users of a provider log in, and the mapping that says who they are here. */
export interface ProtocolRow {
  id: string;
  idpId: string;
  mappingId: string;
  /** The attribute that must name the provider by one of its remote ids. */
  remoteIdAttribute: string | null;
}

/** What it takes to talk to a provider by a protocol. */
export interface ConnectionRow {
  idpId: string;
  protocolId: string;
  kind: string;
  /** JSON, encrypted: it may hold a client's secret. */
  sealed: string;
}

/** Another cloud that believes in this one's users (Keystone to Keystone). */
export interface ServiceProviderRow {
  id: string;
  enabled: number;
  description: string | null;
  authUrl: string;
  spUrl: string;
  relayStatePrefix: string;
}

/** Who a user is at a provider. */
export interface FederatedUserRow {
  userId: string;
  idpId: string;
  protocolId: string;
  uniqueId: string;
  displayName: string | null;
}

export type FederationTables = {
  identityProviders: IdentityProviderRow;
  identityProviderRemoteIds: { remoteId: string; idpId: string };
  federationMappings: MappingRow;
  federationProtocols: ProtocolRow;
  federationConnections: ConnectionRow;
  serviceProviders: ServiceProviderRow;
  federatedUsers: FederatedUserRow;
  /** Group memberships that a login told of: the member rows beside them are taken away at `expiresAt`. */
  expiringMembers: { groupId: string; userId: string; idpId: string; expiresAt: number };
  /** Assertions that were used: each is good once. */
  usedAssertions: { id: string; expiresAt: number };
  /** What a provider has just said of somebody; the id is the hash of a cookie, what it holds is encrypted. */
  signOns: { id: string; sealed: string; expiresAt: number };
  /** The key with which this cloud signs assertions, and its certificate (PEM). One row. */
  samlKeys: { id: number; sealedKey: string; certificate: string };
};

/** The transaction, knowing federation's tables. */
export function federation(tx: Tx) {
  return tx.withTables<FederationTables>();
}
