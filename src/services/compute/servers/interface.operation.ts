// Interfaces of a server that come and go while it runs.

import { replan } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { operation, type PlanKey } from '#/platform/operations/operation.ts';
import { endAction } from '#/services/compute/server-actions/action.store.ts';
import { changeNic, deleteNic, findServer } from '#/services/compute/servers/server.store.ts';
import { releaseServerPort } from '#/services/network/contract.ts';

interface Input {
  serverId: string;
  host: string;
  portId: string;
}

export const attachInterface = operation<Input & { portKeys: PlanKey[] }>('server.attachInterface')
  .applied('network', ({ portKeys }) => portKeys)
  .write('plug', {
    async do(tx, { portId, host }) {
      await changeNic(tx, portId, { plugged: 1 });
      await replan(tx, host);
    },
  })
  .applied('build', ({ host, serverId }) => ({ host, key: `server/${serverId}` }))
  .write('finish', { do: (tx, { serverId }) => endAction(tx, serverId) })
  .failed(async (tx, input, problem) => {
    await letGo(tx, input);
    await endAction(tx, input.serverId, problem);
  });

/** The guest gives it up first; then the port is free. */
export const detachInterface = operation<Input>('server.detachInterface', { onFailure: 'persist' })
  .applied('unplug', ({ host, serverId }) => ({ host, key: `server/${serverId}` }))
  .write('release', {
    async do(tx, input) {
      await letGo(tx, input);
      await endAction(tx, input.serverId);
    },
  });

async function letGo(tx: Tx, { serverId, portId, host }: Input): Promise<void> {
  // A delete that came between has released everything already.
  if (!(await findServer(tx, serverId))) return;
  await deleteNic(tx, portId);
  await releaseServerPort(tx, portId);
  await replan(tx, host);
}
