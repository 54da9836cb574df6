// The table of floating IPs and its queries.

import type { ListScope } from '#/services/network/attributes/resource.ts';
import { db, type FloatingIpRow, type PortForwardingRow, type PortRow } from '#/services/network/tables.ts';
import type { Tx } from '#/platform/database/tx.ts';

export interface FloatingIp extends FloatingIpRow {
  /** The port behind it. */
  port: Pick<PortRow, 'name' | 'networkId' | 'mac' | 'adminStateUp' | 'status' | 'deviceId' | 'deviceOwner'> | null;
  forwardings: PortForwardingRow[];
}

export async function listFloatingIps(tx: Tx, scope: ListScope): Promise<FloatingIp[]> {
  let query = db(tx).selectFrom('floatingIps').selectAll();
  if (!scope.all) query = query.where('projectId', '=', scope.projectId);
  const { id, project_id, port_id, floating_ip_address, floating_network_id, router_id } = scope.only;
  if (id) query = query.where('id', 'in', id);
  if (project_id) query = query.where('projectId', 'in', project_id);
  if (port_id) query = query.where('portId', 'in', port_id);
  if (floating_ip_address) query = query.where('ip', 'in', floating_ip_address);
  if (floating_network_id) query = query.where('networkId', 'in', floating_network_id);
  if (router_id) query = query.where('routerId', 'in', router_id);
  const rows = await query.execute();
  if (!rows.length) return [];
  const ports = await db(tx)
    .selectFrom('ports')
    .select(['id', 'name', 'networkId', 'mac', 'adminStateUp', 'status', 'deviceId', 'deviceOwner'])
    .where('id', 'in', db(tx).selectFrom('floatingIps').select('portId').where('portId', 'is not', null))
    .execute();
  const byId = new Map(ports.map(({ id: portId, ...port }) => [portId, port]));
  const forwardings = Map.groupBy(
    await db(tx).selectFrom('portForwardings').selectAll().orderBy('id').execute(),
    row => row.floatingIpId,
  );
  return rows.map(row => ({
    ...row,
    port: byId.get(row.portId ?? '') ?? null,
    forwardings: forwardings.get(row.id) ?? [],
  }));
}

export async function floatingIpById(tx: Tx, id: string): Promise<FloatingIp | undefined> {
  return (await listFloatingIps(tx, { all: true, projectId: '', only: { id: [id] } }))[0];
}
