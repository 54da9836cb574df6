// Security groups of servers: by name or id, on all of a server's ports.

import { replanAll, replanGroups } from '#/services/network/affected.ts';
import { listPorts, replaceGroups } from '#/services/network/ports/port.store.ts';
import { ensureDefaultGroup } from '#/services/network/security-groups/default-group.ts';
import { db } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

/** @throws Problem notFound, or conflict when a name means several groups */
export async function securityGroupsByName(
  tx: Tx,
  caller: Caller,
  namesOrIds: string[],
): Promise<{ id: string; name: string }[]> {
  const projectId = caller.projectId ?? '';
  if (namesOrIds.includes('default')) await ensureDefaultGroup(tx, projectId);
  const rows = await db(tx)
    .selectFrom('securityGroups')
    .select(['id', 'name'])
    .where('projectId', '=', projectId)
    .execute();
  const chosen = namesOrIds.map(wanted => {
    const byId = rows.find(row => row.id === wanted);
    if (byId) return byId;
    const named = rows.filter(row => row.name === wanted);
    if (named.length > 1) throw new Problem('conflict', t.securityGroupAmbiguous, { name: wanted.slice(0, 80) });
    if (!named[0]) throw new Problem('notFound', t.securityGroupNotFound, { id: wanted.slice(0, 80) });
    return named[0];
  });
  return [...new Map(chosen.map(row => [row.id, row])).values()];
}

/**
 * Adds a group to every port of a server that can have groups, or takes it away.
 * @throws Problem notFound, conflict when the server has it already or not, invalid when no port can have it
 */
export async function setServerSecurityGroup(
  tx: Tx,
  caller: Caller,
  serverId: string,
  group: string,
  add: boolean,
): Promise<void> {
  const [found] = await securityGroupsByName(tx, caller, [group]);
  const { id, name } = found!;
  const ports = await listPorts(tx, { all: true, projectId: '', only: { device_id: [serverId] } });
  const able = ports.filter(port => port.portSecurity === 1 && port.addresses.length > 0);
  if (add && !able.length) throw new Problem('invalid', t.securityGroupNeedsPort, { server: serverId });
  const changed = able.filter(port => port.groups.includes(id) !== add);
  if (!add && !changed.length) throw new Problem('notFound', t.securityGroupNotAssociated, { name, server: serverId });
  for (const port of changed)
    await replaceGroups(tx, port.id, add ? [...port.groups, id] : port.groups.filter(one => one !== id));
  await replanAll(
    tx,
    changed.map(port => port.host),
  );
  await replanGroups(tx, [id]);
}
