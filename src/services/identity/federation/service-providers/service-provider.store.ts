// Service providers: other clouds that users of this one may go on to.

import type { Tx } from '#/platform/database/tx.ts';
import { federation, type ServiceProviderRow } from '#/services/identity/federation/tables.ts';

export async function findServiceProvider(tx: Tx, id: string): Promise<ServiceProviderRow | undefined> {
  return federation(tx).selectFrom('serviceProviders').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The enabled ones as tokens list them. */
export async function serviceProvidersInTokens(tx: Tx): Promise<{ id: string; auth_url: string; sp_url: string }[]> {
  const rows = await federation(tx)
    .selectFrom('serviceProviders')
    .select(['id', 'authUrl', 'spUrl'])
    .where('enabled', '=', 1)
    .orderBy('id')
    .execute();
  return rows.map(({ id, authUrl, spUrl }) => ({ id, auth_url: authUrl, sp_url: spUrl }));
}
