// Which host carries a router: one that works for routers, the one with the fewest.

import { replanAll, replanNetwork } from '#/services/network/affected.ts';
import { openPlaces, type Places } from '#/services/network/agents/agent.store.ts';
import { db } from '#/services/network/tables.ts';
import { listHosts } from '#/host/hosts.ts';
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

/** Gives a host to every router that has none. */
export async function placeRouters(tx: Tx): Promise<void> {
  const waiting = await db(tx).selectFrom('routers').select('id').where('host', 'is', null).orderBy('id').execute();
  if (!waiting.length) return;
  const places = await routerPlaces(tx);
  for (const { id } of waiting) {
    const host = places.take(new Set());
    if (!host) return;
    await setRouterHost(tx, id, host.name);
  }
}

/** Routers whose host does not work go on from one that does. */
export async function moveLostRouters(tx: Tx, limit: number): Promise<void> {
  const places = await routerPlaces(tx);
  const lost = (await listHosts(tx)).map(host => host.name).filter(name => !places.able(name));
  if (!lost.length) return;
  const rows = await db(tx)
    .selectFrom('routers')
    .select(['id', 'host'])
    .where('host', 'in', lost)
    .orderBy('id')
    .limit(limit)
    .execute();
  for (const { id, host } of rows) {
    const target = places.take(new Set([host]));
    if (!target) return;
    await setRouterHost(tx, id, target.name);
  }
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
