// Whose plan changes: the hosts that must look again when rows change.

import { db } from '#/services/network/tables.ts';
import { replan } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

/** Hosts on which a network exists: those with its guests, routers and DHCP servers. */
export async function replanNetwork(tx: Tx, networkId: string): Promise<void> {
  await replanAll(tx, await hostsOfNetwork(tx, networkId));
}

export async function hostsOfNetwork(tx: Tx, networkId: string): Promise<string[]> {
  const bound = await db(tx)
    .selectFrom('ports')
    .select('host')
    .distinct()
    .where('networkId', '=', networkId)
    .where('host', 'is not', null)
    .execute();
  const standby = await db(tx)
    .selectFrom('portBindings')
    .select('host')
    .distinct()
    .where('networkId', '=', networkId)
    .execute();
  const hosts = new Set([...bound, ...standby].map(row => row.host!));
  const network = await db(tx).selectFrom('networks').select('carrier').where('id', '=', networkId).executeTakeFirst();
  if (hosts.size && network?.carrier) hosts.add(network.carrier);
  return [...hosts];
}

/** Hosts whose filters name these groups: as a group of their ports, or as the remote group of a rule. */
export async function replanGroups(tx: Tx, groupIds: string[]): Promise<void> {
  if (!groupIds.length) return;
  const rows = await db(tx)
    .selectFrom('ports')
    .innerJoin('portSecurityGroups', 'portSecurityGroups.portId', 'ports.id')
    .leftJoin('portBindings', 'portBindings.portId', 'ports.id')
    .select(['ports.host', 'portBindings.host as standby'])
    .distinct()
    .where('ports.host', 'is not', null)
    .where(eb =>
      eb.or([
        eb('portSecurityGroups.securityGroupId', 'in', groupIds),
        eb(
          'portSecurityGroups.securityGroupId',
          'in',
          eb
            .selectFrom('securityGroupRules')
            .select('securityGroupRules.securityGroupId')
            .where('remoteGroupId', 'in', groupIds),
        ),
      ]),
    )
    .execute();
  await replanAll(
    tx,
    rows.flatMap(row => [row.host, row.standby]),
  );
}

export async function replanRouter(tx: Tx, routerId: string): Promise<void> {
  const row = await db(tx).selectFrom('routers').select('host').where('id', '=', routerId).executeTakeFirst();
  const others = await db(tx).selectFrom('routerHosts').select('host').where('routerId', '=', routerId).execute();
  await replanAll(tx, [row?.host ?? null, ...others.map(other => other.host)]);
}

export async function replanAll(tx: Tx, hosts: Iterable<string | null>): Promise<void> {
  for (const host of new Set(hosts)) if (host) await replan(tx, host);
}
