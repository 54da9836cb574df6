// What hosts tell: ports, routers and floating IPs are up once their host has made them so.

import { db } from '#/services/network/tables.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { replanNetwork } from '#/services/network/affected.ts';
import { fillDhcp, healAfter } from '#/services/network/agents/heal.ts';
import { carrierFor } from '#/services/network/networks/carrier.ts';
import { routerStateTold } from '#/services/network/routers/ha-router.ts';
import { placeRouters } from '#/services/network/routers/place-router.ts';

export async function onHostEvent(
  tx: Tx,
  host: string,
  event: { type: string } & Record<string, unknown>,
): Promise<void> {
  if (event.type === 'host.up') {
    // Its end of the tunnels may be another one now.
    for (const networkId of await networksOn(tx, host)) await replanNetwork(tx, networkId);
    await carrierFor(tx, host);
    await fillDhcp(tx);
    return placeRouters(tx);
  }
  if (event.type === 'host.down') return healAfter(tx, host);
  if (event.type === 'router.state')
    return routerStateTold(tx, host, String(event['routerId']), String(event['state']));
  if (event.type !== 'entry.applied' || typeof event['key'] !== 'string') return;
  const [kind, id = ''] = event['key'].split('/');
  if (kind === 'port') await portApplied(tx, host, id);
  if (kind === 'router') await routerApplied(tx, host, id);
  // Of one host's server: the others' ports are theirs to tell of.
  if (kind === 'dhcp')
    await db(tx)
      .updateTable('ports')
      .set({ status: 'ACTIVE' })
      .where('networkId', '=', id)
      .where('host', '=', host)
      .where('deviceOwner', '=', 'network:dhcp')
      .where('status', '!=', 'ACTIVE')
      .execute();
}

async function portApplied(tx: Tx, host: string, id: string): Promise<void> {
  const port = await db(tx)
    .selectFrom('ports')
    .select(['id', 'projectId', 'networkId', 'deviceId', 'revision'])
    .where('id', '=', id)
    .where('host', '=', host)
    .where('adminStateUp', '=', 1)
    .where('status', '!=', 'ACTIVE')
    .executeTakeFirst();
  if (!port) return;
  await db(tx)
    .updateTable('ports')
    .set({ status: 'ACTIVE', revision: port.revision + 1, updatedAt: now(tx) })
    .where('id', '=', id)
    .execute();
  await emit(tx, {
    type: 'port.updated',
    projectId: port.projectId || null,
    resourceId: id,
    payload: { portId: id, deviceId: port.deviceId, networkId: port.networkId, host },
  });
}

async function routerApplied(tx: Tx, host: string, id: string): Promise<void> {
  const router = await db(tx)
    .selectFrom('routers')
    .select('id')
    .where('id', '=', id)
    .where('host', '=', host)
    .executeTakeFirst();
  if (!router) return;
  await db(tx)
    .updateTable('ports')
    .set({ status: 'ACTIVE' })
    .where('deviceId', '=', id)
    .where('deviceOwner', 'in', ['network:router_interface', 'network:router_gateway'])
    .where('adminStateUp', '=', 1)
    .where('status', '!=', 'ACTIVE')
    .execute();
  await db(tx)
    .updateTable('floatingIps')
    .set({ status: 'ACTIVE' })
    .where('routerId', '=', id)
    .where('status', '!=', 'ACTIVE')
    .execute();
}

async function networksOn(tx: Tx, host: string): Promise<string[]> {
  const bound = db(tx).selectFrom('ports').select('networkId').where('host', '=', host);
  const standby = db(tx).selectFrom('portBindings').select('networkId').where('host', '=', host);
  return (await bound.union(standby).execute()).map(row => row.networkId);
}
