// A server's end: its host lets go of the guest, then all that it held is given back, then the row goes.

import { hostByName, replan } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { operation } from '#/platform/operations/operation.ts';
import { start, supersede } from '#/platform/operations/operation.store.ts';
import { endAction } from '#/services/compute/server-actions/action.store.ts';
import { abandonImages } from '#/services/compute/server-images/create-image.operation.ts';
import { abandonMigration } from '#/services/compute/server-migrations/abandon.ts';
import { releaseAll } from '#/services/compute/servers/release.ts';
import {
  changeServer,
  deleteServerRow,
  faultOf,
  findServer,
  type Server,
} from '#/services/compute/servers/server.store.ts';

export const deleteServer = operation<{ serverId: string; hosts: string[] }>('server.delete', { onFailure: 'persist' })
  .removed('gone', ({ hosts, serverId }) => hosts.map(host => ({ host, key: `server/${serverId}` })))
  .write('release', { do: (tx, { serverId }) => erase(tx, serverId) })
  // Given up by an operator: its owner sees an error, and may delete it again.
  .failed(async (tx, { serverId }, problem) => {
    if (!(await findServer(tx, serverId))) return;
    await changeServer(tx, serverId, { vmState: 'error', taskState: null, fault: faultOf(tx, problem) });
    await endAction(tx, serverId, problem);
  });

/** Takes the place of whatever is still being done to the server. */
export async function beginDelete(tx: Tx, server: Server): Promise<void> {
  await abandonImages(tx, server.id);
  await supersede(tx, server.id);
  await emit(tx, { type: 'server.delete.start', projectId: server.projectId, resourceId: server.id, payload: {} });
  await changeServer(tx, server.id, { taskState: 'deleting', planned: 0 });
  const hosts: string[] = [];
  for (const host of new Set([server.host ?? [], await abandonMigration(tx, server.id)].flat())) {
    await replan(tx, host);
    // A host that is away learns from its plan, when it comes back, that it holds the guest no longer.
    if ((await hostByName(tx, host))?.up) hosts.push(host);
  }
  if (hosts.length === 0) return erase(tx, server.id);
  await start(tx, deleteServer, { serverId: server.id, hosts }, { resourceId: server.id, projectId: server.projectId });
}

async function erase(tx: Tx, serverId: string): Promise<void> {
  const server = await findServer(tx, serverId);
  if (!server) return;
  await releaseAll(tx, server);
  await deleteServerRow(tx, serverId);
  if (server.host !== null) await replan(tx, server.host);
  await endAction(tx, serverId);
  await emit(tx, { type: 'server.delete.end', projectId: server.projectId, resourceId: serverId, payload: {} });
}
