// The table of subnets and its queries.

import type { ListScope } from '#/services/network/attributes/resource.ts';
import { sharedNetworks } from '#/services/network/networks/network.store.ts';
import { db, type NetworkRow, type SubnetRow } from '#/services/network/tables.ts';
import type { Tx } from '#/platform/database/tx.ts';

/** A subnet with what its visibility depends on. */
export interface Subnet extends SubnetRow {
  network: Pick<NetworkRow, 'projectId' | 'shared' | 'external'>;
}

export async function listSubnets(tx: Tx, scope: ListScope): Promise<Subnet[]> {
  const shared = await sharedNetworks(tx, scope.projectId);
  let query = db(tx)
    .selectFrom('subnets')
    .innerJoin('networks', 'networks.id', 'subnets.networkId')
    .selectAll('subnets')
    .select([
      'networks.projectId as ownerId',
      'networks.shared as networkShared',
      'networks.external as networkExternal',
    ]);
  if (!scope.all)
    query = query.where(eb =>
      eb.or([
        eb('subnets.projectId', '=', scope.projectId),
        eb('networks.projectId', '=', scope.projectId),
        eb('networks.shared', '=', 1),
        eb('networks.external', '=', 1),
        ...(shared.size ? [eb('networks.id', 'in', [...shared])] : []),
      ]),
    );
  const { id, network_id, name, project_id } = scope.only;
  if (id) query = query.where('subnets.id', 'in', id);
  if (network_id) query = query.where('subnets.networkId', 'in', network_id);
  if (name) query = query.where('subnets.name', 'in', name);
  if (project_id) query = query.where('subnets.projectId', 'in', project_id);
  const rows = await query.execute();
  return rows.map(({ ownerId, networkShared, networkExternal, ...row }) => ({
    ...row,
    network: {
      projectId: ownerId,
      shared: networkShared || shared.has(row.networkId) ? 1 : 0,
      external: networkExternal,
    },
  }));
}

export async function subnetById(tx: Tx, id: string): Promise<SubnetRow | undefined> {
  return db(tx).selectFrom('subnets').selectAll().where('id', '=', id).executeTakeFirst();
}

/** In the order in which they were made. */
export async function subnetsOfNetwork(tx: Tx, networkId: string): Promise<SubnetRow[]> {
  return db(tx)
    .selectFrom('subnets')
    .selectAll()
    .where('networkId', '=', networkId)
    .orderBy('createdAt')
    .orderBy('id')
    .execute();
}

export async function removeSubnetRow(tx: Tx, id: string): Promise<void> {
  await db(tx).deleteFrom('portAddresses').where('subnetId', '=', id).execute();
  await db(tx).deleteFrom('subnets').where('id', '=', id).execute();
}
