// What hosts tell of themselves and their guests, and what compute makes of it.

import { hostByName, replan } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { emit, type Events } from '#/platform/events/events.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { recordHappening } from '#/services/compute/server-actions/action.store.ts';
import { imageTasks, powerStates } from '#/services/compute/servers/server.rules.ts';
import { changeServer, deleteNic, findServer, nicsOf } from '#/services/compute/servers/server.store.ts';
import { computeSettings, reservedMemoryMib } from '#/services/compute/settings.ts';
import { t } from '#/services/compute/texts.ts';
import { setHostInventory } from '#/services/placement/contract.ts';

export async function onHostEvent(
  tx: Tx,
  host: string,
  event: { type: string } & Record<string, unknown>,
): Promise<void> {
  if (event.type === 'host.up') return offer(tx, host);
  if (event.type === 'guest.exit') return guestEnded(tx, host, event as never);
  if (event.type === 'entry.applied') return guestSeen(tx, host, event as never);
}

/** The host's room becomes known to placement. */
async function offer(tx: Tx, name: string): Promise<void> {
  const host = await hostByName(tx, name);
  if (!host?.capabilities || !host.roles.includes('compute')) return;
  const { vcpus, memoryMib, diskGib } = host.capabilities;
  const { cpuAllocationRatio, ramAllocationRatio, diskAllocationRatio } = computeSettings.of(tx);
  const reserved = reservedMemoryMib(tx, memoryMib);
  await setHostInventory(tx, {
    name,
    providerId: host.providerId,
    inventory: {
      VCPU: { total: vcpus, allocationRatio: cpuAllocationRatio },
      MEMORY_MB: { total: memoryMib, reserved, allocationRatio: ramAllocationRatio },
      DISK_GB: { total: diskGib, allocationRatio: diskAllocationRatio },
    },
  });
}

/** A guest that ended by itself is stopped, and its actions say why. */
async function guestEnded(
  tx: Tx,
  host: string,
  exit: { serverId: string; boot: number; reason: string; kind: 'shutdown' | 'crash' },
): Promise<void> {
  const server = await findServer(tx, exit.serverId);
  if (!server || server.host !== host || server.boot !== exit.boot || server.power === 'stopped') return;
  if (!['active', 'paused', 'resized'].includes(server.vmState)) return;
  if (server.taskState === 'deleting') return;
  const crashed = exit.kind === 'crash';
  // What is under way decides what becomes of it; without anything under way it stays down until it is started again.
  if (server.taskState !== null && !imageTasks.includes(server.taskState)) return;
  await changeServer(tx, server.id, {
    // What waits to be confirmed stays so: then it is a stopped server.
    vmState: server.vmState === 'resized' ? 'resized' : 'stopped',
    power: 'stopped',
    powerState: crashed ? powerStates.crashed : powerStates.stopped,
  });
  await replan(tx, host);
  const problem = new Problem('unavailable', t.guestExited, { reason: exit.reason });
  await recordHappening(tx, server, 'stop', crashed ? 'guest_crashed' : 'guest_shut_down', problem);
  await emit(tx, {
    type: 'server.power_off.end',
    projectId: server.projectId,
    resourceId: server.id,
    payload: { reason: exit.reason, crashed },
  });
}

/**
 * A guest that is found to have ended by itself: nobody may have heard of it when it did, or something was under way that
 * has since said that it runs.
 */
async function guestSeen(
  tx: Tx,
  host: string,
  { key, facts }: { key: string; facts?: { power?: string; boot?: number; exitReason?: string } },
): Promise<void> {
  const [kind, serverId = ''] = key.split('/');
  if (kind !== 'server' || facts?.exitReason === undefined) return;
  const crashed = facts.power === 'crashed';
  const exit = { serverId, boot: facts.boot ?? 0, reason: facts.exitReason };
  await guestEnded(tx, host, { ...exit, kind: crashed ? 'crash' : 'shutdown' });
}

/** Follows ports that are changed or deleted from outside. */
export function followPorts(events: Events): void {
  events.on('port.deleted', async (tx, event) => {
    const { portId, deviceId } = event.payload as { portId: string; deviceId: string | null };
    if (!deviceId) return;
    const server = await findServer(tx, deviceId);
    const known = (await nicsOf(tx, [deviceId])).get(deviceId)?.some(nic => nic.portId === portId);
    if (!server || !known) return;
    await deleteNic(tx, portId);
    if (server.host !== null) await replan(tx, server.host);
  });
  events.on('port.updated', async (tx, event) => {
    const { deviceId } = event.payload as { deviceId: string | null };
    const server = deviceId ? await findServer(tx, deviceId) : undefined;
    if (server?.host && server.planned === 1) await replan(tx, server.host);
  });
}
