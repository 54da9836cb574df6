// A router's way out: a port on an external network.

import type { FixedIpAsk } from '#/services/network/addressing/allocate.ts';
import { usableNetwork } from '#/services/network/networks/network.store.ts';
import { makePort } from '#/services/network/ports/make-port.ts';
import { removePort } from '#/services/network/ports/remove-port.ts';
import { gatewayOwner, type Router } from '#/services/network/routers/router.store.ts';
import { subnetsOfNetwork } from '#/services/network/subnets/subnet.store.ts';
import { db, type RouterRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface GatewayAsk {
  network_id: string;
  enable_snat?: boolean;
  external_fixed_ips?: FixedIpAsk[];
}

export type GatewayColumns = Pick<RouterRow, 'gatewayPortId' | 'gatewayNetworkId' | 'enableSnat'>;

/**
 * Sets or clears the gateway of a router. @returns its new columns
 * @throws Problem notFound for a network that the caller may not use, invalid when the network is not external, conflict when floating IPs need the present gateway
 */
export async function setGateway(
  tx: Tx,
  router: RouterRow & Partial<Pick<Router, 'gatewayIps'>>,
  ask: GatewayAsk | null,
  caller: Pick<Caller, 'projectId' | 'isAdmin'>,
): Promise<GatewayColumns> {
  const present = { gatewayPortId: router.gatewayPortId, gatewayNetworkId: router.gatewayNetworkId };
  if (ask === null) {
    await clearGateway(tx, router);
    return { gatewayPortId: null, gatewayNetworkId: null, enableSnat: 1 };
  }
  const network = await usableNetwork(tx, ask.network_id, caller);
  if (!network.external)
    throw new Problem('invalid', t.badRequest, {
      resource: 'router',
      why: `Network ${network.id} is not an external network`,
    });
  const enableSnat = (ask.enable_snat ?? true) ? 1 : 0;
  const moved = router.gatewayNetworkId !== network.id;
  if (!moved && !ask.external_fixed_ips?.length) return { ...present, enableSnat };
  if (moved) await clearGateway(tx, router);
  else if (router.gatewayPortId) await removePort(tx, router.gatewayPortId);
  const subnets = await subnetsOfNetwork(tx, network.id);
  if (!subnets.length && ask.external_fixed_ips?.length)
    throw new Problem('invalid', t.badRequest, { resource: 'router', why: `No subnet on network ${network.id}` });
  const port = await makePort(tx, {
    network,
    projectId: '',
    deviceId: router.id,
    deviceOwner: gatewayOwner,
    host: router.host,
    portSecurity: false,
    ...(ask.external_fixed_ips?.length ? { fixedIps: ask.external_fixed_ips } : {}),
  });
  return { gatewayPortId: port.id, gatewayNetworkId: network.id, enableSnat };
}

async function clearGateway(tx: Tx, router: RouterRow): Promise<void> {
  if (!router.gatewayPortId) return;
  const floating = await db(tx)
    .selectFrom('floatingIps')
    .select('id')
    .where('routerId', '=', router.id)
    .executeTakeFirst();
  if (floating)
    throw new Problem('conflict', t.routerExternalGatewayInUseByFloatingIp, {
      router: router.id,
      network: router.gatewayNetworkId,
    });
  await removePort(tx, router.gatewayPortId);
}
