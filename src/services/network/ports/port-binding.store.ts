// The hosts on which a port exists: the active one, in its own row, and those that it moves to or has left.

import { replanAll, replanGroups, replanNetwork } from '#/services/network/affected.ts';
import { touched } from '#/services/network/attributes/standard.ts';
import { type Port, portById } from '#/services/network/ports/port.store.ts';
import { db, type PortBindingRow } from '#/services/network/tables.ts';
import { isApplied } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';

export async function inactiveBindings(tx: Tx, portId: string): Promise<PortBindingRow[]> {
  return db(tx).selectFrom('portBindings').selectAll().where('portId', '=', portId).orderBy('host').execute();
}

/** Plans a port on another host too. What is so already stays so. */
export async function addBinding(
  tx: Tx,
  port: Port,
  host: string,
  more: Partial<Pick<PortBindingRow, 'vnicType' | 'profile'>> = {},
): Promise<void> {
  if (port.host === host) return;
  await db(tx)
    .insertInto('portBindings')
    .values({
      portId: port.id,
      networkId: port.networkId,
      host,
      vnicType: more.vnicType ?? port.vnicType,
      profile: more.profile ?? '{}',
    })
    .onConflict(conflict => conflict.doNothing())
    .execute();
  await replanPort(tx, port);
}

/** Makes an inactive binding the active one; the one that was active stays, inactive. What is so already stays so. */
export async function activateBinding(tx: Tx, port: Port, host: string): Promise<void> {
  if (port.host === host) return;
  const bindings = await inactiveBindings(tx, port.id);
  const next = bindings.find(one => one.host === host);
  await db(tx).deleteFrom('portBindings').where('portId', '=', port.id).where('host', '=', host).execute();
  if (port.host !== null) {
    const { id: portId, networkId, vnicType, profile } = port;
    await db(tx).insertInto('portBindings').values({ portId, networkId, host: port.host, vnicType, profile }).execute();
  }
  const ready = port.adminStateUp === 1 && (await isApplied(tx, host, `port/${port.id}`));
  await db(tx)
    .updateTable('ports')
    .set({
      ...touched(tx, port),
      host,
      status: ready ? 'ACTIVE' : 'DOWN',
      ...(next ? { vnicType: next.vnicType, profile: next.profile } : {}),
    })
    .where('id', '=', port.id)
    .execute();
  await replanPort(tx, port);
  await emit(tx, {
    type: 'port.updated',
    projectId: port.projectId || null,
    resourceId: port.id,
    payload: { portId: port.id, deviceId: port.deviceId, networkId: port.networkId, host },
  });
}

/** Takes a port off a host: an inactive binding goes; of the active one the port is left unbound. */
export async function dropBinding(tx: Tx, port: Port, host: string): Promise<void> {
  await replanPort(tx, port);
  await db(tx).deleteFrom('portBindings').where('portId', '=', port.id).where('host', '=', host).execute();
  if (port.host !== host) return;
  await db(tx)
    .updateTable('ports')
    .set({ ...touched(tx, port), host: null, status: 'DOWN' })
    .where('id', '=', port.id)
    .execute();
}

/** The port is on its active host alone. */
export async function forgetBindings(tx: Tx, port: Port): Promise<void> {
  if (!(await inactiveBindings(tx, port.id)).length) return;
  await replanPort(tx, port);
  await db(tx).deleteFrom('portBindings').where('portId', '=', port.id).execute();
}

/** The hosts of the port's network, among them its own, and those whose filters know it by its groups. */
async function replanPort(tx: Tx, { id, networkId, host, groups }: Port): Promise<void> {
  const current = await portById(tx, id);
  await replanAll(tx, [host, current?.host ?? null]);
  await replanNetwork(tx, networkId);
  await replanGroups(tx, groups);
}
