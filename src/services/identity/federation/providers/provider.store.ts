// Identity providers, their remote ids, protocols, and the connections behind those.

import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';
import { federation, type IdentityProviderRow, type ProtocolRow } from '#/services/identity/federation/tables.ts';
import { notFound } from '#/services/identity/wire.ts';

export type Provider = IdentityProviderRow & { remoteIds: string[] };

export async function findProvider(tx: Tx, id: string): Promise<Provider | undefined> {
  const row = await federation(tx).selectFrom('identityProviders').selectAll().where('id', '=', id).executeTakeFirst();
  return row && { ...row, remoteIds: await remoteIdsOf(tx, id) };
}

export async function listProviders(tx: Tx): Promise<Provider[]> {
  const rows = await federation(tx).selectFrom('identityProviders').selectAll().orderBy('id').execute();
  const remote = await federation(tx).selectFrom('identityProviderRemoteIds').selectAll().orderBy('remoteId').execute();
  return rows.map(row => ({
    ...row,
    remoteIds: remote.filter(({ idpId }) => idpId === row.id).map(({ remoteId }) => remoteId),
  }));
}

async function remoteIdsOf(tx: Tx, idpId: string): Promise<string[]> {
  const rows = await federation(tx)
    .selectFrom('identityProviderRemoteIds')
    .select('remoteId')
    .where('idpId', '=', idpId)
    .orderBy('remoteId')
    .execute();
  return rows.map(({ remoteId }) => remoteId);
}

/** @throws Problem conflict when one of them is another provider's */
export async function setRemoteIds(tx: Tx, idpId: string, remoteIds: string[]): Promise<void> {
  const db = federation(tx);
  await db.deleteFrom('identityProviderRemoteIds').where('idpId', '=', idpId).execute();
  if (!remoteIds.length) return;
  const twice = remoteIds.find((remoteId, at) => remoteIds.indexOf(remoteId) !== at);
  const taken = await db
    .selectFrom('identityProviderRemoteIds')
    .select('remoteId')
    .where('remoteId', 'in', remoteIds)
    .executeTakeFirst();
  const clash = twice ?? taken?.remoteId;
  if (clash !== undefined) throw new Problem('conflict', t.remoteIdTaken, { remoteId: clash.slice(0, 200) });
  await db
    .insertInto('identityProviderRemoteIds')
    .values(remoteIds.map(remoteId => ({ remoteId, idpId })))
    .execute();
}

export async function findProtocol(tx: Tx, idpId: string, id: string): Promise<ProtocolRow | undefined> {
  return federation(tx)
    .selectFrom('federationProtocols')
    .selectAll()
    .where('idpId', '=', idpId)
    .where('id', '=', id)
    .executeTakeFirst();
}

/** A provider and protocol that may be used now. @throws Problem notFound, forbidden when it is disabled */
export async function usableProtocol(
  tx: Tx,
  idpId: string,
  protocolId: string,
): Promise<{ provider: Provider; protocol: ProtocolRow }> {
  const provider = await findProvider(tx, idpId);
  if (!provider) throw notFound('identity provider', idpId);
  const protocol = await findProtocol(tx, idpId, protocolId);
  if (!protocol) throw notFound('federation protocol', protocolId);
  if (!provider.enabled) throw new Problem('forbidden', t.disabled, { what: 'Identity provider', id: idpId });
  return { provider, protocol };
}
