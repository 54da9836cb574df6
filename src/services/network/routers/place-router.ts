// Which host carries a router: one with the network role, the one with the fewest routers.

import { db } from '#/services/network/tables.ts';
import { listHosts, replan } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

/** Null while no host can; such routers are placed when one comes up. */
export async function chooseHost(tx: Tx): Promise<string | null> {
  const hosts = (await listHosts(tx)).filter(host => host.roles.includes('network') && host.enabled);
  const able = hosts.some(host => host.up) ? hosts.filter(host => host.up) : hosts;
  if (!able.length) return null;
  const rows = await db(tx)
    .selectFrom('routers')
    .select(eb => ['host', eb.fn.countAll<number | string>().as('count')])
    .where('host', 'is not', null)
    .groupBy('host')
    .execute();
  const load = new Map(rows.map(row => [row.host!, Number(row.count)]));
  return able.toSorted((a, b) => (load.get(a.name) ?? 0) - (load.get(b.name) ?? 0) || (a.name < b.name ? -1 : 1))[0]!
    .name;
}

/** Gives a host to every router that has none. */
export async function placeRouters(tx: Tx): Promise<void> {
  const waiting = await db(tx).selectFrom('routers').select('id').where('host', 'is', null).orderBy('id').execute();
  for (const { id } of waiting) {
    const host = await chooseHost(tx);
    if (host === null) return;
    await db(tx).updateTable('routers').set({ host }).where('id', '=', id).execute();
    await db(tx)
      .updateTable('ports')
      .set({ host })
      .where('deviceId', '=', id)
      .where('deviceOwner', 'like', 'network:router%')
      .execute();
    await replan(tx, host);
  }
}
