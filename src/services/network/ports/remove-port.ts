// Takes a port out of the rows; the hosts' plans follow.

import { hostsOfNetwork, replanAll, replanGroups, replanRouter } from '#/services/network/affected.ts';
import { portById } from '#/services/network/ports/port.store.ts';
import { db } from '#/services/network/tables.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';

/** Deletes a port, whatever it is for, and lets go of its floating IPs. */
export async function removePort(tx: Tx, portId: string): Promise<void> {
  const port = await portById(tx, portId);
  if (!port) return;
  const hosts = await hostsOfNetwork(tx, port.networkId);
  await releaseFloatingIps(tx, portId, null);
  await replanGroups(tx, port.groups);
  await db(tx).deleteFrom('portAddresses').where('portId', '=', portId).execute();
  await db(tx).deleteFrom('portSecurityGroups').where('portId', '=', portId).execute();
  await db(tx).deleteFrom('portBindings').where('portId', '=', portId).execute();
  await db(tx).deleteFrom('ports').where('id', '=', portId).execute();
  await replanAll(tx, hosts);
  const { deviceId, networkId, host } = port;
  await emit(tx, {
    type: 'port.deleted',
    projectId: port.projectId || null,
    resourceId: portId,
    payload: { portId, deviceId, networkId, host },
  });
}

/** Ends the association of floating IPs and port forwardings with a port, or with the addresses that it loses. */
export async function releaseFloatingIps(tx: Tx, portId: string, fixedIps: string[] | null): Promise<void> {
  if (fixedIps?.length === 0) return;
  let query = db(tx).selectFrom('floatingIps').select(['id', 'routerId', 'revision']).where('portId', '=', portId);
  if (fixedIps) query = query.where('fixedIp', 'in', fixedIps);
  const released = await query.execute();
  for (const { id, revision } of released)
    await db(tx)
      .updateTable('floatingIps')
      .set({ portId: null, fixedIp: null, routerId: null, status: 'DOWN', revision: revision + 1, updatedAt: now(tx) })
      .where('id', '=', id)
      .execute();
  let forwardings = db(tx)
    .selectFrom('portForwardings')
    .innerJoin('floatingIps', 'floatingIps.id', 'portForwardings.floatingIpId')
    .select(['portForwardings.id', 'floatingIps.routerId'])
    .where('internalPortId', '=', portId);
  if (fixedIps) forwardings = forwardings.where('internalIp', 'in', fixedIps);
  const dropped = await forwardings.execute();
  if (dropped.length)
    await db(tx)
      .deleteFrom('portForwardings')
      .where(
        'id',
        'in',
        dropped.map(row => row.id),
      )
      .execute();
  const routerIds = [...released, ...dropped].flatMap(row => row.routerId ?? []);
  for (const routerId of new Set(routerIds)) await replanRouter(tx, routerId);
}
