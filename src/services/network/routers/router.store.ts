// The table of routers and its queries.

import type { ListScope } from '#/services/network/attributes/resource.ts';
import { type Port, withParts } from '#/services/network/ports/port.store.ts';
import { db, type RouterRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export const interfaceOwner = 'network:router_interface';
export const gatewayOwner = 'network:router_gateway';

export interface Router extends RouterRow {
  gatewayIps: { subnet_id: string; ip_address: string }[];
}

export async function listRouters(tx: Tx, scope: ListScope): Promise<Router[]> {
  let query = db(tx).selectFrom('routers').selectAll();
  if (!scope.all) query = query.where('projectId', '=', scope.projectId);
  const { id, name, project_id } = scope.only;
  if (id) query = query.where('id', 'in', id);
  if (name) query = query.where('name', 'in', name);
  if (project_id) query = query.where('projectId', 'in', project_id);
  const rows = await query.execute();
  if (!rows.length) return [];
  let addresses = db(tx)
    .selectFrom('portAddresses')
    .innerJoin('ports', 'ports.id', 'portAddresses.portId')
    .selectAll('portAddresses')
    .where('ports.deviceOwner', '=', gatewayOwner)
    .orderBy('position');
  if (rows.length <= 200)
    addresses = addresses.where(
      'ports.deviceId',
      'in',
      rows.map(row => row.id),
    );
  const byPort = Map.groupBy(await addresses.execute(), row => row.portId);
  return rows.map(row => ({
    ...row,
    gatewayIps: (byPort.get(row.gatewayPortId ?? '') ?? []).map(({ subnetId, ip }) => ({
      subnet_id: subnetId,
      ip_address: ip,
    })),
  }));
}

/** @throws Problem notFound */
export async function needRouter(tx: Tx, id: string): Promise<Router> {
  const [router] = await listRouters(tx, { all: true, projectId: '', only: { id: [id] } });
  if (!router) throw new Problem('notFound', t.routerNotFound, { id });
  return router;
}

export async function interfacesOf(tx: Tx, routerId: string): Promise<Port[]> {
  const rows = await db(tx)
    .selectFrom('ports')
    .selectAll()
    .where('deviceId', '=', routerId)
    .where('deviceOwner', '=', interfaceOwner)
    .orderBy('createdAt')
    .orderBy('id')
    .execute();
  return withParts(tx, rows);
}
