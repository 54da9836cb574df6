// What network hosts carry, kept where it can work: DHCP servers and routers of a host that is gone, or that an operator has
// set aside, go on from another. While there is no other they stay, and work again when their host does.

import { placeCarriers } from '#/services/network/networks/carrier.ts';
import { dhcpOwner, dhcpPlaces, syncDhcpPorts } from '#/services/network/ports/dhcp-port.ts';
import { moveLostRouters } from '#/services/network/routers/place-router.ts';
import { networkSettings } from '#/services/network/settings.ts';
import { db } from '#/services/network/tables.ts';
import { ableHosts } from '#/services/network/agents/agent.store.ts';
import type { Tx } from '#/platform/database/tx.ts';

/** So much at once; the next look does the rest. */
const atOnce = 500;

/** Moves what is on hosts that do not work. */
export async function heal(tx: Tx): Promise<void> {
  await placeCarriers(tx);
  await moveLostDhcp(tx);
  await moveLostRouters(tx, atOnce);
}

/** A host is gone. Most carry nothing for others, and all may go at once: each then costs little, however many there are. */
export async function healAfter(tx: Tx, host: string): Promise<void> {
  if (await carriesSomething(tx, host)) await heal(tx);
}

async function carriesSomething(tx: Tx, host: string): Promise<boolean> {
  const router = await db(tx).selectFrom('routers').select('id').where('host', '=', host).executeTakeFirst();
  const replica = await db(tx).selectFrom('routerHosts').select('routerId').where('host', '=', host).executeTakeFirst();
  const dhcp = await db(tx)
    .selectFrom('ports')
    .select('id')
    .where('host', '=', host)
    .where('deviceOwner', '=', dhcpOwner)
    .executeTakeFirst();
  const outside = await db(tx).selectFrom('networks').select('id').where('carrier', '=', host).executeTakeFirst();
  return [router, replica, dhcp, outside].some(row => row !== undefined);
}

async function moveLostDhcp(tx: Tx): Promise<void> {
  const able = (await ableHosts(tx, 'dhcp')).map(host => host.name);
  if (!able.length) return;
  const rows = await db(tx)
    .selectFrom('ports')
    .select('networkId')
    .distinct()
    .where('deviceOwner', '=', dhcpOwner)
    .where(eb => eb.or([eb('host', 'is', null), eb('host', 'not in', able)]))
    .orderBy('networkId')
    .limit(atOnce)
    .execute();
  if (!rows.length) return;
  const places = await dhcpPlaces(tx);
  for (const { networkId } of rows) await syncDhcpPorts(tx, networkId, places);
}

/** A new host takes a part of what too few serve. */
export async function fillDhcp(tx: Tx): Promise<void> {
  const { dhcpAgentsPerNetwork: most } = networkSettings.of(tx);
  const rows = await db(tx)
    .selectFrom('ports')
    .select('networkId')
    .where('deviceOwner', '=', dhcpOwner)
    .groupBy('networkId')
    .having(eb => eb(eb.fn.count('host'), '<', most))
    .orderBy('networkId')
    .limit(atOnce)
    .execute();
  if (!rows.length) return;
  const places = await dhcpPlaces(tx);
  for (const { networkId } of rows) await syncDhcpPorts(tx, networkId, places);
}
