// Which address behind which router a floating IP leads to.

import { needPort, type Port } from '#/services/network/ports/port.store.ts';
import { db } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface Association {
  portId: string;
  fixedIp: string;
  routerId: string;
}

const bad = (why: string): Problem => new Problem('invalid', t.badRequest, { resource: 'floatingip', why });

/**
 * @param floating the floating IP that is to lead there; `id` null for a new one
 * @throws Problem notFound when no router joins the port's subnet to the external network, conflict when the fixed IP has one
 */
export async function associate(
  tx: Tx,
  caller: Caller,
  floating: { id: string | null; ip: string; networkId: string },
  ask: { portId: string; fixedIp: string | null },
): Promise<Association> {
  const port = await needPort(tx, ask.portId);
  if (!caller.isAdmin && port.projectId !== caller.projectId)
    throw new Problem('notFound', t.portNotFound, { id: ask.portId });
  const { ip: fixedIp, subnetId } = chooseFixedIp(port, ask.fixedIp);
  let others = db(tx)
    .selectFrom('floatingIps')
    .select('ip')
    .where('portId', '=', port.id)
    .where('fixedIp', '=', fixedIp);
  if (floating.id !== null) others = others.where('id', '!=', floating.id);
  if (await others.executeTakeFirst())
    throw new Problem('conflict', t.floatingIPPortAlreadyAssociated, {
      ip: floating.ip,
      port: port.id,
      fixedIp,
      network: floating.networkId,
    });
  return { portId: port.id, fixedIp, routerId: await routerBetween(tx, subnetId, floating.networkId, port.id) };
}

function chooseFixedIp(port: Port, asked: string | null): { ip: string; subnetId: string } {
  const v4 = port.addresses.filter(address => !address.ip.includes(':'));
  if (asked !== null) {
    const found = v4.find(address => address.ip === asked);
    if (!found) throw bad(`Port ${port.id} does not have fixed ip ${asked}`);
    return found;
  }
  if (!v4.length) throw bad(`Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses`);
  if (v4.length > 1)
    throw bad(
      `Port ${port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning a floating IP`,
    );
  return v4[0]!;
}

/** The router with an interface on the subnet and its gateway on the external network; that at the subnet's gateway first. */
export async function routerBetween(
  tx: Tx,
  subnetId: string,
  externalNetworkId: string,
  portId: string,
): Promise<string> {
  const rows = await db(tx)
    .selectFrom('portAddresses')
    .innerJoin('ports', 'ports.id', 'portAddresses.portId')
    .innerJoin('routers', 'routers.id', 'ports.deviceId')
    .innerJoin('subnets', 'subnets.id', 'portAddresses.subnetId')
    .select(['routers.id', 'portAddresses.ip', 'subnets.gateway'])
    .where('portAddresses.subnetId', '=', subnetId)
    .where('ports.deviceOwner', '=', 'network:router_interface')
    .where('routers.gatewayNetworkId', '=', externalNetworkId)
    .orderBy('routers.createdAt')
    .execute();
  const router = rows.find(row => row.ip === row.gateway) ?? rows[0];
  if (!router)
    throw new Problem('notFound', t.externalGatewayForFloatingIPNotFound, {
      network: externalNetworkId,
      subnet: subnetId,
      port: portId,
    });
  return router.id;
}
