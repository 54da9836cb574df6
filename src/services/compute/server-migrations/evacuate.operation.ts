// Evacuation: the server's host is down and fenced, so another builds it: from its image where its disks were local, with
// the volumes that it has. The old host learns from its plan that the guest is no longer its own.

import { hostByName, replan } from '#/host/hosts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { operation, type PlanKey } from '#/platform/operations/operation.ts';
import { start, supersede } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { beginAction, endAction } from '#/services/compute/server-actions/action.store.ts';
import { abandonMigration } from '#/services/compute/server-migrations/abandon.ts';
import { claimDestination, volumesInReach } from '#/services/compute/server-migrations/destination.ts';
import { changeMigration, insertMigration } from '#/services/compute/server-migrations/migration.store.ts';
import { type MoveInput, portKeysOn } from '#/services/compute/server-migrations/moving.ts';
import { powerStates } from '#/services/compute/servers/server.rules.ts';
import {
  blockDevicesOf,
  changeServer,
  deleteBlockDevice,
  faultOf,
  findServer,
  type Server,
} from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { dropAttachment, finishAttach, holdVolumes, volumePlansOf } from '#/services/block-storage/contract.ts';
import { bindPortsTo, forgetPortsOn, preparePortsOn } from '#/services/network/contract.ts';
import { release } from '#/services/placement/contract.ts';

export const evacuateServer = operation<MoveInput>('server.evacuate')
  // From here on nothing that the old host may still run reaches the volumes.
  .applied('fence', ({ volumeKeys = [] }) => volumeKeys)
  .write('place', {
    async do(tx, { dest, serverId, migrationId }) {
      const server = await findServer(tx, serverId);
      if (!server || server.taskState === 'deleting') return;
      await changeMigration(tx, migrationId, { status: 'pre-migrating' });
      await changeServer(tx, serverId, { planned: 1 });
      await replan(tx, dest);
    },
  })
  .applied('build', ({ dest, serverId, portKeys }) => [...portKeys, { host: dest, key: `server/${serverId}` }])
  .write('finish', {
    async do(tx, { serverId, migrationId }) {
      const server = await findServer(tx, serverId);
      await changeMigration(tx, migrationId, { status: 'done' });
      if (!server || server.taskState === 'deleting') return;
      await changeServer(tx, serverId, {
        vmState: server.power === 'running' ? 'active' : 'stopped',
        taskState: null,
        powerState: powerStates[server.power],
        launchedAt: now(tx),
        adminPass: null,
        fault: null,
      });
      await attachAll(tx, serverId);
      await endAction(tx, serverId);
      await tell(tx, server, 'end');
    },
  })
  .failed(async (tx, { serverId, migrationId }, problem) => {
    await changeMigration(tx, migrationId, { status: 'failed' });
    const server = await findServer(tx, serverId);
    if (!server || server.taskState === 'deleting') return;
    await changeServer(tx, serverId, {
      vmState: 'error',
      taskState: null,
      planned: 1,
      adminPass: null,
      fault: faultOf(tx, problem),
    });
    await replan(tx, server.host!);
    await endAction(tx, serverId, problem);
    await tell(tx, server, 'error', problem);
  });

/** Volumes that were just coming are left out, those that were going are gone: their guest is no more. */
async function settleVolumes(tx: Tx, server: Server): Promise<PlanKey[]> {
  for (const device of (await blockDevicesOf(tx, [server.id])).get(server.id) ?? []) {
    if (device.attachmentId === null || (device.connection !== null && device.detaching === 0)) continue;
    await deleteBlockDevice(tx, device.id);
    await dropAttachment(tx, device.attachmentId);
  }
  return volumePlansOf(tx, server.id);
}

/** One whose attaching was cut short, too. */
async function attachAll(tx: Tx, serverId: string): Promise<void> {
  for (const { attachmentId, device } of (await blockDevicesOf(tx, [serverId])).get(serverId) ?? [])
    if (attachmentId !== null) await finishAttach(tx, attachmentId, device!);
}

async function tell(tx: Tx, server: Server, what: string, problem?: Problem): Promise<void> {
  await emit(tx, {
    type: `server.evacuate.${what}`,
    projectId: server.projectId,
    resourceId: server.id,
    payload: { host: server.host, ...(problem && { problem: problem.text.id }) },
  });
}

/**
 * @param ask.stays a server that was stopped stays so; otherwise it is started
 * @throws Problem conflict unless its host is down, invalid when no other takes it
 */
export async function beginEvacuation(
  tx: Tx,
  server: Server,
  caller: Pick<Caller, 'userId' | 'projectId'>,
  ask: { host: string | null; adminPass: string | null; stays: boolean },
): Promise<void> {
  const { host: source } = server;
  if (source === null) throw new Problem('conflict', t.notReady, { id: server.id });
  if ((await hostByName(tx, source))?.up) throw new Problem('conflict', t.hostIsUp, { id: server.id, host: source });
  await volumesInReach(tx, server);
  // Whatever was under way there will not go on.
  await supersede(tx, server.id);
  for (const host of await abandonMigration(tx, server.id)) await replan(tx, host);
  const volumeKeys = await settleVolumes(tx, server);
  const uuid = newId(tx);
  const { flavor } = server;
  const { name: dest, zone } = await claimDestination(tx, server, uuid, { flavor, host: ask.host, same: 'never' });
  await insertMigration(
    tx,
    { ...server, host: source },
    {
      uuid,
      type: 'evacuation',
      status: 'accepted',
      stage: 'none',
      destHost: dest,
    },
  );
  // The old host's room is free for when it comes back: nothing of the server stays there.
  await release(tx, uuid);
  await beginAction(tx, server, 'evacuate', caller);
  const stopped = ask.stays && server.power === 'stopped';
  await changeServer(tx, server.id, {
    host: dest,
    zone,
    vcpus: flavor.vcpus,
    memoryMib: flavor.memoryMib,
    taskState: 'rebuilding',
    power: stopped ? 'stopped' : 'running',
    boot: server.boot + (stopped ? 0 : 1),
    rootGeneration: server.rootGeneration + 1,
    adminPass: ask.adminPass,
    planned: 0,
  });
  await holdVolumes(tx, server.id, [dest]);
  await preparePortsOn(tx, server.id, dest);
  await bindPortsTo(tx, server.id, dest);
  await forgetPortsOn(tx, server.id, source);
  const portKeys = await portKeysOn(tx, server.id, dest);
  await replan(tx, source);
  await replan(tx, dest);
  await tell(tx, server, 'start');
  await start(
    tx,
    evacuateServer,
    { serverId: server.id, migrationId: uuid, source, dest, portKeys, volumeKeys },
    { resourceId: server.id, projectId: server.projectId },
  );
}
