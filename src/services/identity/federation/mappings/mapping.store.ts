// Mappings: rules from what an identity provider says to who somebody is here.

import type { Tx } from '#/platform/database/tx.ts';
import { federation, type MappingRow } from '#/services/identity/federation/tables.ts';

export async function findMapping(tx: Tx, id: string): Promise<MappingRow | undefined> {
  return federation(tx).selectFrom('federationMappings').selectAll().where('id', '=', id).executeTakeFirst();
}
