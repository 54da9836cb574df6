// Which host carries a router: one that works for routers, the one with the fewest.

import { replanAll, replanNetwork } from '#/services/network/affected.ts';
import { ableHosts, openPlaces, type Places } from '#/services/network/agents/agent.store.ts';
import { reachesOutside } from '#/services/network/networks/carrier.ts';
import { spreadRouter } from '#/services/network/routers/ha-router.ts';
import { db } from '#/services/network/tables.ts';
import { type Host, listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

async function routerPlaces(tx: Tx): Promise<Places> {
  const rows = await db(tx)
    .selectFrom('routers')
    .select(eb => ['host', eb.fn.countAll<number | string>().as('count')])
    .where('host', 'is not', null)
    .groupBy('host')
    .execute();
  return openPlaces(tx, 'l3', new Map(rows.map(row => [row.host!, Number(row.count)])));
}

/** Null while no host can; such routers are placed when one comes up. */
export async function chooseHost(tx: Tx): Promise<string | null> {
  return (await routerPlaces(tx)).take(new Set())?.name ?? null;
}

/** A router that has got a gateway may have to go to a host that reaches the outside. */
export async function settleByGateway(tx: Tx, routerId: string): Promise<void> {
  const router = await db(tx)
    .selectFrom('routers')
    .select(['host', 'gatewayNetworkId', 'ha'])
    .where('id', '=', routerId)
    .executeTakeFirstOrThrow();
  if (router.ha) return;
  const fits = await suits(tx, router.gatewayNetworkId);
  const hosts = await listHosts(tx);
  const host = hosts.find(one => one.name === router.host);
  if (!host || fits(host)) return;
  const target = (await routerPlaces(tx)).take(new Set([router.host]), fits);
  if (target) await setRouterHost(tx, routerId, target.name);
}

/** The hosts on which a router with such a gateway can be. */
async function suits(tx: Tx, gatewayNetworkId: string | null): Promise<(host: Host) => boolean> {
  if (gatewayNetworkId === null) return () => true;
  const network = await db(tx)
    .selectFrom('networks')
    .select('type')
    .where('id', '=', gatewayNetworkId)
    .executeTakeFirst();
  return network?.type === 'flat' ? reachesOutside(tx) : () => true;
}

/** Puts a router where it can be: on one host, or as a highly available one on several. */
export async function placeRouter(tx: Tx, routerId: string, given?: Places): Promise<void> {
  const router = await db(tx).selectFrom('routers').selectAll().where('id', '=', routerId).executeTakeFirstOrThrow();
  const places = given ?? (await routerPlaces(tx));
  const fits = await suits(tx, router.gatewayNetworkId);
  if (router.ha) return spreadRouter(tx, router, places, fits);
  const host = places.take(new Set([router.host]), fits);
  if (host) await setRouterHost(tx, routerId, host.name);
}

/** Gives a host to every router that has none, and to the highly available ones as many as they should have. */
export async function placeRouters(tx: Tx): Promise<void> {
  const waiting = await db(tx)
    .selectFrom('routers')
    .select('id')
    .where(eb => eb.or([eb('host', 'is', null), eb('ha', '=', 1)]))
    .orderBy('id')
    .execute();
  if (!waiting.length) return;
  const places = await routerPlaces(tx);
  for (const { id } of waiting) await placeRouter(tx, id, places);
}

/** Routers whose host does not work go on from one that does. */
export async function moveLostRouters(tx: Tx, limit: number): Promise<void> {
  const able = (await ableHosts(tx, 'l3')).map(host => host.name);
  if (!able.length) return;
  const replicas = db(tx).selectFrom('routerHosts').select('routerId').where('routerHosts.host', 'not in', able);
  const rows = await db(tx)
    .selectFrom('routers')
    .select('id')
    .where(eb => eb.or([eb.and([eb('host', 'not in', able), eb('ha', '=', 0)]), eb('id', 'in', replicas)]))
    .orderBy('id')
    .limit(limit)
    .execute();
  if (!rows.length) return;
  const places = await routerPlaces(tx);
  for (const { id } of rows) await placeRouter(tx, id, places);
}

/** Puts a router with its ports on a host, or on none. */
export async function setRouterHost(tx: Tx, routerId: string, host: string | null): Promise<void> {
  const router = await db(tx).selectFrom('routers').select('host').where('id', '=', routerId).executeTakeFirst();
  const ports = await db(tx)
    .selectFrom('ports')
    .select('networkId')
    .distinct()
    .where('deviceId', '=', routerId)
    .where('deviceOwner', 'like', 'network:router%')
    .execute();
  await db(tx).updateTable('routers').set({ host }).where('id', '=', routerId).execute();
  await db(tx)
    .updateTable('ports')
    .set({ host, status: 'DOWN' })
    .where('deviceId', '=', routerId)
    .where('deviceOwner', 'like', 'network:router%')
    .execute();
  await replanAll(tx, [router?.host ?? null, host]);
  for (const { networkId } of ports) await replanNetwork(tx, networkId);
}
