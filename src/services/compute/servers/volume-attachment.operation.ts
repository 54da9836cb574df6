// Volumes that come to a server and go while it runs.

import { replan } from '#/host/hosts.ts';
import { emit } from '#/platform/events/events.ts';
import { operation, type PlanKey } from '#/platform/operations/operation.ts';
import { endAction } from '#/services/compute/server-actions/action.store.ts';
import { changeBlockDevice, deleteBlockDevice, findServer } from '#/services/compute/servers/server.store.ts';
import { dropAttachment, finishAttach } from '#/services/block-storage/contract.ts';

interface Input {
  serverId: string;
  host: string;
  blockDeviceId: string;
  volumeId: string;
  attachmentId: string;
  device: string;
}

/** The volume is within reach first, then the guest gets it. */
export const attachVolume = operation<Input & { volumeKey: PlanKey }>('server.attachVolume')
  .applied('export', ({ volumeKey }) => volumeKey, {
    take: ([fact]) => ({ connection: (fact as { connection?: unknown }).connection ?? null }),
  })
  .write('connect', {
    async do(tx, { blockDeviceId, connection, host }) {
      await changeBlockDevice(tx, blockDeviceId, { connection: JSON.stringify(connection) });
      await replan(tx, host);
    },
  })
  .applied('plug', ({ host, serverId }) => ({ host, key: `server/${serverId}` }))
  .write('finish', {
    async do(tx, { serverId, attachmentId, device, volumeId }) {
      const server = await findServer(tx, serverId);
      if (!server || server.taskState === 'deleting') return;
      await finishAttach(tx, attachmentId, device);
      await endAction(tx, serverId);
      await emit(tx, {
        type: 'server.volume_attach.end',
        projectId: server.projectId,
        resourceId: serverId,
        payload: { volumeId },
      });
    },
  })
  .failed(async (tx, { serverId, host, blockDeviceId, attachmentId }, problem) => {
    if (!(await findServer(tx, serverId))) return;
    await deleteBlockDevice(tx, blockDeviceId);
    await replan(tx, host);
    await dropAttachment(tx, attachmentId);
    await endAction(tx, serverId, problem);
  });

/** The guest gives it up first; only then is it taken away. */
export const detachVolume = operation<Input>('server.detachVolume', { onFailure: 'persist' })
  .applied('unplug', ({ host, serverId }) => ({ host, key: `server/${serverId}` }))
  .write('release', {
    async do(tx, { serverId, blockDeviceId, attachmentId, volumeId }) {
      const server = await findServer(tx, serverId);
      if (!server) return;
      await deleteBlockDevice(tx, blockDeviceId);
      await dropAttachment(tx, attachmentId);
      await endAction(tx, serverId);
      await emit(tx, {
        type: 'server.volume_detach.end',
        projectId: server.projectId,
        resourceId: serverId,
        payload: { volumeId },
      });
    },
  });
