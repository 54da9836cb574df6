// The table of networks and its queries.

import { db, type NetworkRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { ListScope } from '#/services/network/attributes/resource.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

/** A network as the API shows it. `shared`: with everybody, or with the project that looks. */
export interface Network extends NetworkRow {
  subnets: string[];
}

/** The networks that a project may know of. */
export async function listNetworks(tx: Tx, scope: ListScope): Promise<Network[]> {
  let query = db(tx).selectFrom('networks').selectAll();
  const sharedIds = await sharedNetworks(tx, scope.projectId);
  if (!scope.all)
    query = query.where(eb =>
      eb.or([
        eb('projectId', '=', scope.projectId),
        eb('shared', '=', 1),
        eb('external', '=', 1),
        ...(sharedIds.size ? [eb('id', 'in', [...sharedIds])] : []),
      ]),
    );
  const { id, name, project_id } = scope.only;
  if (id) query = query.where('id', 'in', id);
  if (name) query = query.where('name', 'in', name);
  if (project_id) query = query.where('projectId', 'in', project_id);
  const rows = await query.execute();
  if (!rows.length) return [];
  let subnetQuery = db(tx).selectFrom('subnets').select(['id', 'networkId']).orderBy('createdAt').orderBy('id');
  if (rows.length <= 200)
    subnetQuery = subnetQuery.where(
      'networkId',
      'in',
      rows.map(row => row.id),
    );
  const subnets = Map.groupBy(await subnetQuery.execute(), subnet => subnet.networkId);
  return rows.map(row => ({
    ...row,
    shared: row.shared || sharedIds.has(row.id) ? 1 : 0,
    subnets: subnets.get(row.id)?.map(subnet => subnet.id) ?? [],
  }));
}

/** Networks that other projects share with this one by name. */
export async function sharedNetworks(tx: Tx, projectId: string): Promise<Set<string>> {
  const rows = await db(tx)
    .selectFrom('networkRbacPolicies')
    .select('objectId')
    .where('objectType', '=', 'network')
    .where('action', '=', 'access_as_shared')
    .where('target', 'in', [projectId, '*'])
    .execute();
  return new Set(rows.map(row => row.objectId));
}

export async function networkById(tx: Tx, id: string): Promise<NetworkRow | undefined> {
  return db(tx).selectFrom('networks').selectAll().where('id', '=', id).executeTakeFirst();
}

/** A network that a caller may use: their own, or shared, or (for gateways) external. @throws Problem notFound */
export async function usableNetwork(
  tx: Tx,
  id: string,
  caller: { projectId: string | null; isAdmin: boolean },
): Promise<NetworkRow> {
  const row = await networkById(tx, id);
  const visible =
    row &&
    (caller.isAdmin ||
      row.projectId === caller.projectId ||
      row.shared ||
      row.external ||
      (await sharedNetworks(tx, caller.projectId ?? '')).has(id));
  if (!row || !visible) throw new Problem('notFound', t.networkNotFound, { id: id.slice(0, 80) });
  return row;
}

/** The lowest segmentation id above all that are in use, or else the lowest that is free. @throws Problem unavailable */
export async function freeSegmentationId(tx: Tx): Promise<number> {
  const { highest } = await db(tx)
    .selectFrom('networks')
    .select(eb => eb.fn.max<number | string | null>('segmentationId').as('highest'))
    .executeTakeFirstOrThrow();
  const next = Math.max(Number(highest ?? 0), firstSegmentationId - 1) + 1;
  if (next <= lastSegmentationId) return next;
  const gap = await db(tx)
    .selectFrom('networks as one')
    .select(eb => eb('one.segmentationId', '+', 1).as('id'))
    .where('one.segmentationId', '<', lastSegmentationId)
    .where(eb =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('networks as two')
            .select('two.id')
            .whereRef('two.segmentationId', '=', eb('one.segmentationId', '+', 1)),
        ),
      ),
    )
    .orderBy('one.segmentationId')
    .limit(1)
    .executeTakeFirst();
  if (!gap) throw new Problem('unavailable', t.noNetworkAvailable);
  return gap.id;
}

const firstSegmentationId = 1_000;
/** VXLAN has 24 bits for it (RFC 7348). */
export const lastSegmentationId = 16_777_215;
