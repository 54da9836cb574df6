// What a token says of the federated login that it comes from.

import type { Tx } from '#/platform/database/tx.ts';
import { membershipsOf } from '#/services/identity/federation/sign-on/held-memberships.store.ts';
import { federation } from '#/services/identity/federation/tables.ts';
import type { Payload } from '#/services/identity/tokens/payload.ts';

export interface FederationOfToken {
  identity_provider: { id: string };
  protocol: { id: string };
  groups: { id: string }[];
}

/** Null for other tokens; undefined when the provider is gone or disabled. */
export async function federationOfToken(
  tx: Tx,
  { userId, identityProviderId: id, protocolId = '' }: Payload,
): Promise<FederationOfToken | null | undefined> {
  if (!id) return null;
  const provider = await federation(tx)
    .selectFrom('identityProviders')
    .select('enabled')
    .where('id', '=', id)
    .executeTakeFirst();
  if (!provider?.enabled) return undefined;
  const groups = (await membershipsOf(tx, userId)).map(({ groupId }) => ({ id: groupId }));
  return { identity_provider: { id }, protocol: { id: protocolId }, groups };
}
