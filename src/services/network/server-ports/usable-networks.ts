// The networks that a server can be put on.

import { listNetworks } from '#/services/network/networks/network.store.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface UsableNetwork {
  id: string;
  name: string;
  projectId: string;
  shared: boolean;
  adminStateUp: boolean;
  portSecurity: boolean;
  hasSubnets: boolean;
  external: boolean;
}

/**
 * Networks a server gets when it asks for none: all of the project's, else the shared ones. With ids: those, in their order.
 * @throws Problem notFound for ids that the caller cannot use
 */
export async function networksForProject(tx: Tx, caller: Caller, ids?: string[]): Promise<UsableNetwork[]> {
  const projectId = caller.projectId ?? '';
  const rows = await listNetworks(tx, { all: false, projectId, only: ids ? { id: ids } : {} });
  const known = new Map(rows.map(row => [row.id, row]));
  if (ids && caller.isAdmin)
    for (const row of await listNetworks(tx, { all: true, projectId, only: { id: ids } })) known.set(row.id, row);
  const toInfo = (row: (typeof rows)[number]): UsableNetwork => ({
    id: row.id,
    name: row.name,
    projectId: row.projectId,
    shared: row.shared === 1,
    adminStateUp: row.adminStateUp === 1,
    portSecurity: row.portSecurity === 1,
    hasSubnets: row.subnets.length > 0,
    external: row.external === 1,
  });
  if (ids)
    return ids.map(id => {
      const row = known.get(id);
      if (!row) throw new Problem('notFound', t.networkNotFound, { id: id.slice(0, 80) });
      return toInfo(row);
    });
  const own = rows.filter(row => row.projectId === projectId && !(row.external && !row.shared));
  const chosen = own.length ? own : rows.filter(row => row.shared === 1);
  return chosen.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1)).map(toInfo);
}
