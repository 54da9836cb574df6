// Resize and cold migration: the server stops, goes on with its new flavor, where it is or on another host, and waits for
// its owner to confirm that, or to have all as it was. Its old disks and room are kept until then.

import { hostByName, replan } from '#/host/hosts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { newId, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { operation } from '#/platform/operations/operation.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { reviveProblem, storeProblem } from '#/platform/problem/stored-problem.ts';
import { zoneOfHost } from '#/services/compute/hosts/aggregate.store.ts';
import { beginAction, endAction } from '#/services/compute/server-actions/action.store.ts';
import {
  claimDestination,
  type DestinationAsk,
  volumesAtRest,
  volumesInReach,
} from '#/services/compute/server-migrations/destination.ts';
import { larger } from '#/services/compute/server-migrations/migration.rules.ts';
import {
  activeMigration,
  changeMigration,
  findMigration,
  insertMigration,
  type Migration,
} from '#/services/compute/server-migrations/migration.store.ts';
import {
  backToSource,
  movableFrom,
  type MoveInput,
  portKeysOn,
  underWay,
} from '#/services/compute/server-migrations/moving.ts';
import { type Power, powerStates } from '#/services/compute/servers/server.rules.ts';
import { changeServer, faultOf, findServer, type Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { holdVolumes, volumePlansOf } from '#/services/block-storage/contract.ts';
import { bindPortsTo, forgetPortsOn, preparePortsOn } from '#/services/network/contract.ts';
import { release } from '#/services/placement/contract.ts';

const moving = (kind: string) =>
  operation<MoveInput>(kind)
    .applied('stop', ({ source, serverId }) => ({ host: source, key: `server/${serverId}` }))
    .write('send', { do: (tx, input) => send(tx, input) })
    .applied('copy', ({ source, dest, serverId, portKeys, volumeKeys = [] }) =>
      source === dest ? [] : [...portKeys, ...volumeKeys, { host: dest, key: `server/${serverId}` }],
    )
    .write('switch', { do: (tx, input) => goOver(tx, input) })
    .applied('start', ({ dest, serverId, portKeys }) => [...portKeys, { host: dest, key: `server/${serverId}` }])
    .write('finish', { do: (tx, input) => finish(tx, input) })
    .failed((tx, input, problem) => fail(tx, input, problem));

interface RevertInput extends MoveInput {
  /** As it was before. */
  power: Power;
  /** A stored problem: nobody asked for it, the move failed when it was decided already. */
  because?: string;
}

const reverting = (kind: string) =>
  operation<RevertInput>(kind)
    .applied('stop', ({ dest, serverId }) => ({ host: dest, key: `server/${serverId}` }))
    .write('hold', { do: (tx, input) => holdAtSource(tx, input) })
    .applied('reach', ({ volumeKeys = [] }) => volumeKeys)
    .write('switch', { do: (tx, input) => goBack(tx, input) })
    .applied('start', ({ source, serverId, portKeys }) => [...portKeys, { host: source, key: `server/${serverId}` }])
    .write('finish', { do: (tx, input) => finishBack(tx, input) })
    .failed((tx, input, problem) => failBack(tx, input, problem));

export const resizeServer = moving('server.resize');
export const migrateServer = moving('server.migrate');
export const revertResize = reverting('server.revertResize');
export const revertMigration = reverting('server.revertMigration');

async function send(tx: Tx, input: MoveInput): Promise<void> {
  if (!(await underWay(tx, input))) return;
  await changeMigration(tx, input.migrationId, { stage: 'sending', status: 'migrating' });
  await changeServer(tx, input.serverId, { taskState: 'resize_migrating' });
  // It has stopped: from here on its volumes are its destination's.
  await holdVolumes(tx, input.serverId, [input.dest]);
  await replan(tx, input.source);
  await replan(tx, input.dest);
}

async function goOver(tx: Tx, input: MoveInput): Promise<void> {
  const at = await underWay(tx, input);
  if (!at) return;
  const { server, migration } = at;
  await changeMigration(tx, migration.uuid, { stage: 'kept', status: 'post-migrating' });
  await changeServer(tx, server.id, {
    host: input.dest,
    zone: await zoneOfHost(tx, input.dest),
    flavor: migration.newFlavor,
    taskState: 'resize_finish',
    power: migration.wasPower,
    boot: server.boot + 1,
  });
  await bindPortsTo(tx, server.id, input.dest);
  await replan(tx, input.source);
  await replan(tx, input.dest);
}

async function finish(tx: Tx, input: MoveInput): Promise<void> {
  const at = await underWay(tx, input);
  if (!at) return;
  const { server, migration } = at;
  await changeMigration(tx, migration.uuid, { status: 'finished' });
  await changeServer(tx, server.id, {
    vmState: 'resized',
    taskState: null,
    powerState: powerStates[server.power],
    fault: null,
  });
  await endAction(tx, server.id);
  await tell(tx, server, migration, 'end');
}

/** All as it was: the server goes on where it is known to be whole. */
async function fail(tx: Tx, input: MoveInput, problem: Problem): Promise<void> {
  const at = await underWay(tx, input);
  if (!at) return;
  const { server, migration } = at;
  // It may run at its destination: only when it has stopped there it may start at its source.
  if (migration.stage === 'kept') return goOnBack(tx, server, migration, storeProblem(problem));
  await changeMigration(tx, migration.uuid, { stage: 'none', status: 'error' });
  await backToSource(tx, server, migration);
  await changeServer(tx, server.id, { vmState: migration.wasVmState, taskState: null, fault: faultOf(tx, problem) });
  await endAction(tx, server.id, problem);
  await tell(tx, server, migration, 'error', problem);
}

/** It has stopped at its destination: its volumes are its source's again, before it can start there. */
async function holdAtSource(tx: Tx, input: MoveInput): Promise<void> {
  if (await underWay(tx, input)) await holdVolumes(tx, input.serverId, [input.source]);
}

async function goBack(tx: Tx, input: MoveInput): Promise<void> {
  const at = await underWay(tx, input);
  if (!at) return;
  const { server, migration } = at;
  // On another host the old disks are as they were; on the same one they are put back.
  await changeMigration(tx, migration.uuid, { stage: input.source === input.dest ? 'back' : 'none' });
  await backToSource(tx, server, migration);
}

async function finishBack(tx: Tx, input: RevertInput): Promise<void> {
  const server = await findServer(tx, input.serverId);
  const migration = await findMigration(tx, input.migrationId);
  if (!server || server.taskState === 'deleting' || !migration) return;
  const problem = input.because === undefined ? undefined : reviveProblem(input.because);
  await changeMigration(tx, migration.uuid, { stage: 'none', status: problem ? 'error' : 'reverted' });
  await changeServer(tx, server.id, {
    vmState: migration.wasVmState,
    taskState: null,
    powerState: powerStates[server.power],
    fault: problem ? faultOf(tx, problem) : null,
  });
  await replan(tx, input.source);
  await endAction(tx, server.id, problem);
  await tell(tx, server, migration, problem ? 'error' : 'revert.end', problem);
}

async function failBack(tx: Tx, input: RevertInput, problem: Problem): Promise<void> {
  const server = await findServer(tx, input.serverId);
  const migration = await findMigration(tx, input.migrationId);
  if (!server || server.taskState === 'deleting' || !migration) return;
  const fault = faultOf(tx, problem);
  if (migration.stage === 'kept') {
    // It could not even be stopped: it is still what it became.
    await holdVolumes(tx, server.id, [input.dest]);
    await changeMigration(tx, migration.uuid, { status: 'finished' });
    await changeServer(tx, server.id, { vmState: 'resized', taskState: null, power: input.power, fault });
  } else {
    await changeMigration(tx, migration.uuid, { stage: 'none', status: 'error' });
    await changeServer(tx, server.id, { vmState: 'error', taskState: null, fault });
  }
  await replan(tx, server.host!);
  await endAction(tx, server.id, problem);
  await tell(tx, server, migration, 'revert.error', problem);
}

async function tell(tx: Tx, server: Server, migration: Migration, what: string, problem?: Problem): Promise<void> {
  const { type, sourceHost: source, destHost: dest } = migration;
  await emit(tx, {
    type: `server.${type === 'resize' ? 'resize' : 'migrate'}.${what}`,
    projectId: server.projectId,
    resourceId: server.id,
    payload: { source, dest, flavor: migration.newFlavor.id, ...(problem && { problem: problem.text.id }) },
  });
}

/** @throws Problem invalid when no host takes it, conflict when it cannot be moved now */
export async function beginResize(
  tx: Tx,
  asked: Server,
  caller: Caller,
  ask: DestinationAsk & { type: 'resize' | 'migration' },
): Promise<void> {
  const server = await movableFrom(tx, asked);
  const { flavor: newFlavor } = ask;
  const uuid = newId(tx);
  const { name: dest } = await claimDestination(tx, server, uuid, ask);
  const volumeKeys = dest === server.host ? [] : await volumesAtRest(tx, server);
  const made = { uuid, type: ask.type, status: 'pre-migrating', stage: 'stopping', destHost: dest, newFlavor } as const;
  const migration = await insertMigration(tx, server, made);
  await beginAction(tx, server, ask.type === 'resize' ? 'resize' : 'migrate', caller);
  await changeServer(tx, server.id, {
    taskState: 'resize_prep',
    power: 'stopped',
    ...larger(server.flavor, newFlavor),
  });
  if (dest !== server.host) await preparePortsOn(tx, server.id, dest);
  const portKeys = await portKeysOn(tx, server.id, dest);
  await replan(tx, server.host);
  await replan(tx, dest);
  await tell(tx, server, migration, 'start');
  await start(
    tx,
    ask.type === 'resize' ? resizeServer : migrateServer,
    { serverId: server.id, migrationId: uuid, source: server.host, dest, portKeys, volumeKeys },
    { resourceId: server.id, projectId: server.projectId },
  );
}

/** The resize that waits for its owner's word. @throws Problem invalid when there is none */
async function waiting(tx: Tx, server: Server): Promise<Migration> {
  const migration = await activeMigration(tx, server.id);
  if (migration?.stage !== 'kept' || migration.status !== 'finished')
    throw new Problem('invalid', t.nothingToConfirm, { id: server.id });
  return migration;
}

/** What was kept is let go at once: in the plan, and in placement. */
export async function confirmResize(
  tx: Tx,
  server: Server,
  caller: Pick<Caller, 'userId' | 'projectId'>,
): Promise<void> {
  const migration = await waiting(tx, server);
  const { vcpus, memoryMib } = migration.newFlavor;
  await beginAction(tx, server, 'confirmResize', caller);
  await changeMigration(tx, migration.uuid, { stage: 'none', status: 'confirmed' });
  await changeServer(tx, server.id, {
    vmState: server.power === 'running' ? 'active' : 'stopped',
    taskState: null,
    vcpus,
    memoryMib,
  });
  await release(tx, migration.uuid);
  if (migration.sourceHost !== migration.destHost) await forgetPortsOn(tx, server.id, migration.sourceHost);
  await replan(tx, migration.sourceHost);
  await replan(tx, migration.destHost);
  await endAction(tx, server.id);
  await tell(tx, server, migration, 'confirm.end');
}

/** @throws Problem conflict while the host with the old disks is away */
export async function beginRevert(tx: Tx, server: Server, caller: Caller): Promise<void> {
  const migration = await waiting(tx, server);
  const { sourceHost: source, destHost: dest } = migration;
  if (!(await hostByName(tx, source))?.up) throw new Problem('conflict', t.hostIsDown, { id: server.id, host: source });
  if (source !== dest) await volumesInReach(tx, server);
  await beginAction(tx, server, 'revertResize', caller);
  await tell(tx, server, migration, 'revert.start');
  await goOnBack(tx, server, migration);
}

/** @param because the problem for which it goes back by itself, stored */
async function goOnBack(tx: Tx, server: Server, migration: Migration, because?: string): Promise<void> {
  const { uuid, sourceHost: source, destHost: dest } = migration;
  await changeMigration(tx, uuid, { status: 'reverting' });
  await changeServer(tx, server.id, { taskState: 'resize_reverting', power: 'stopped' });
  const portKeys = await portKeysOn(tx, server.id, source);
  const volumeKeys = source === dest ? [] : await volumePlansOf(tx, server.id);
  await replan(tx, dest);
  await start(
    tx,
    migration.type === 'resize' ? revertResize : revertMigration,
    {
      serverId: server.id,
      migrationId: uuid,
      source,
      dest,
      portKeys,
      volumeKeys,
      power: server.power,
      ...(because && { because }),
    },
    { resourceId: server.id, projectId: server.projectId },
  );
}
