// From a server's row to a running guest. Ports, room and row are there already: the request's transaction made them.

import { replan } from '#/host/hosts.ts';
import { sleep } from '#/platform/clock/clock.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { operation, type Outside, type PlanKey } from '#/platform/operations/operation.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { endAction } from '#/services/compute/server-actions/action.store.ts';
import { releaseAll } from '#/services/compute/servers/release.ts';
import { powerStates } from '#/services/compute/servers/server.rules.ts';
import {
  blockDevicesOf,
  changeBlockDevice,
  changeServer,
  faultOf,
  findServer,
  type Server,
} from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { finishAttach, volumeById, volumePlan } from '#/services/block-storage/contract.ts';

export interface CreateInput {
  serverId: string;
  host: string;
  /** What the host's network must have made before the guest can start. */
  portKeys: PlanKey[];
}

/** A server whose disks are all its host's. */
export const createServer = operation<CreateInput>('server.create')
  .applied('build', built)
  .write('finish', { do: (tx, { serverId }) => finish(tx, serverId) })
  .failed((tx, { serverId }, problem) => fail(tx, serverId, problem));

/** A server with volumes: those that are made for it must be whole, and all of them within the host's reach. */
export const createServerWithVolumes = operation<CreateInput>('server.createWithVolumes')
  .call('volumes', { do: (outside, { serverId }) => volumesReady(outside, serverId) })
  .write('locate', { do: (tx, { serverId }) => volumeKeysOf(tx, serverId) })
  .applied('export', ({ volumeKeys }) => volumeKeys, {
    take: facts => ({ connections: facts.map((fact: { connection?: unknown }) => fact.connection ?? null) }),
  })
  .write('define', { do: (tx, { serverId, volumeKeys, connections }) => define(tx, serverId, volumeKeys, connections) })
  .applied('build', built)
  .write('finish', { do: (tx, { serverId }) => finish(tx, serverId) })
  .failed((tx, { serverId }, problem) => fail(tx, serverId, problem));

function built({ host, serverId, portKeys }: CreateInput): PlanKey[] {
  return [...portKeys, { host, key: `server/${serverId}` }];
}

const lookEveryMs = 1_000;

async function volumesReady({ db, clock }: Outside, serverId: string): Promise<void> {
  for (;;) {
    const volumes = await db.read(async tx => {
      if (!(await beingBuilt(tx, serverId))) return [];
      const devices = (await blockDevicesOf(tx, [serverId])).get(serverId) ?? [];
      return Promise.all(
        devices
          .filter(device => device.madeHere === 1)
          .map(async ({ volumeId }) => ({ id: volumeId!, volume: await volumeById(tx, volumeId!) })),
      );
    });
    for (const { id, volume } of volumes)
      if (!volume || volume.status.startsWith('error'))
        throw new Problem('conflict', t.volumeNotReady, { volume: id, status: volume?.status ?? 'deleted' });
    if (volumes.every(({ volume }) => volume!.status !== 'creating')) return;
    await sleep(clock, lookEveryMs);
  }
}

/** Undefined once something else (a delete) has taken its place. */
async function beingBuilt(tx: Tx, serverId: string): Promise<Server | undefined> {
  const server = await findServer(tx, serverId);
  return server && server.vmState === 'building' && server.taskState !== 'deleting' ? server : undefined;
}

/** Where to wait for each volume: the host that exports it. */
async function volumeKeysOf(tx: Tx, serverId: string): Promise<{ volumeKeys: PlanKey[] }> {
  if (!(await beingBuilt(tx, serverId))) return { volumeKeys: [] };
  const volumeKeys: PlanKey[] = [];
  for (const { volumeId } of (await blockDevicesOf(tx, [serverId])).get(serverId) ?? [])
    if (volumeId !== null) volumeKeys.push(await volumePlan(tx, volumeId));
  return { volumeKeys };
}

async function define(tx: Tx, serverId: string, volumeKeys: PlanKey[], connections: unknown[]): Promise<void> {
  const server = await beingBuilt(tx, serverId);
  if (!server) return;
  const devices = (await blockDevicesOf(tx, [serverId])).get(serverId) ?? [];
  for (const [at, { key }] of volumeKeys.entries()) {
    const device = devices.find(one => `volume/${one.volumeId}` === key);
    if (device) await changeBlockDevice(tx, device.id, { connection: JSON.stringify(connections[at] ?? null) });
  }
  await changeServer(tx, serverId, { planned: 1, taskState: 'spawning' });
  await replan(tx, server.host!);
}

async function finish(tx: Tx, serverId: string): Promise<void> {
  const server = await findServer(tx, serverId);
  if (!server || server.taskState === 'deleting') return;
  await finishVolumes(tx, serverId);
  // The password was for the first start; the plan is told at its next change.
  await changeServer(tx, serverId, {
    vmState: 'active',
    taskState: null,
    powerState: powerStates.running,
    launchedAt: now(tx),
    adminPass: null,
    fault: null,
  });
  await endAction(tx, serverId);
  await emit(tx, {
    type: 'server.create.end',
    projectId: server.projectId,
    resourceId: serverId,
    payload: { host: server.host },
  });
}

async function finishVolumes(tx: Tx, serverId: string): Promise<void> {
  const devices = (await blockDevicesOf(tx, [serverId])).get(serverId) ?? [];
  for (const { attachmentId, device } of devices)
    if (attachmentId !== null) await finishAttach(tx, attachmentId, device!);
}

async function fail(tx: Tx, serverId: string, problem: Problem): Promise<void> {
  const server = await findServer(tx, serverId);
  if (!server || server.taskState === 'deleting') return;
  await releaseAll(tx, server, { undone: true });
  await changeServer(tx, serverId, {
    vmState: 'error',
    taskState: null,
    powerState: powerStates.unknown,
    planned: 0,
    host: null,
    adminPass: null,
    fault: faultOf(tx, problem),
  });
  if (server.host) await replan(tx, server.host);
  await endAction(tx, serverId, problem);
  await emit(tx, {
    type: 'server.create.error',
    projectId: server.projectId,
    resourceId: serverId,
    payload: { problem: problem.text.id },
  });
}
