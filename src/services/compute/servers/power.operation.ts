// Start, stop, pause, unpause, reboot, rebuild: what is wanted of a guest changes, and its host makes it so.

import { callHost, serverReboot } from '#/host/commands.ts';
import { replan } from '#/host/hosts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { operation } from '#/platform/operations/operation.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { beginAction, endAction } from '#/services/compute/server-actions/action.store.ts';
import { type Power, powerStates, type TaskState, type VmState } from '#/services/compute/servers/server.rules.ts';
import { changeServer, faultOf, findServer, type Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';

interface PowerInput {
  serverId: string;
  host: string;
  event: string;
  to: VmState;
  /** Where it goes back to when the host cannot do it. */
  back: { power: Power; vmState: VmState };
}

const vmStateOf: Record<Power, VmState> = { running: 'active', stopped: 'stopped', paused: 'paused' };

export const changePower = operation<PowerInput>('server.power')
  .applied('apply', ({ host, serverId }) => ({ host, key: `server/${serverId}` }))
  .write('finish', {
    async do(tx, { serverId, event, to }) {
      const server = await stillThere(tx, serverId);
      if (!server) return;
      const fresh = event === 'server.rebuild' ? { launchedAt: now(tx), adminPass: null } : {};
      await changeServer(tx, serverId, {
        vmState: to,
        taskState: null,
        powerState: powerStates[server.power],
        fault: null,
        ...fresh,
      });
      await endAction(tx, serverId);
      await emit(tx, { type: `${event}.end`, projectId: server.projectId, resourceId: serverId, payload: {} });
    },
  })
  .failed(async (tx, { serverId, event, back }, problem) => {
    const server = await stillThere(tx, serverId);
    if (!server) return;
    // A rebuilt disk cannot be had back.
    const vmState = event === 'server.rebuild' ? 'error' : back.vmState;
    await changeServer(tx, serverId, {
      vmState,
      taskState: null,
      power: back.power,
      fault: faultOf(tx, problem),
      adminPass: null,
    });
    await replan(tx, server.host!);
    await endAction(tx, serverId, problem);
    await emit(tx, {
      type: `${event}.error`,
      projectId: server.projectId,
      resourceId: serverId,
      payload: { problem: problem.text.id },
    });
  });

export const rebootServer = operation<{ serverId: string; host: string; kind: 'soft' | 'hard' }>('server.reboot')
  .call('reboot', {
    async do({ bus, idempotencyKey, requestId }, { serverId, host, kind }) {
      const input = { key: `server/${serverId}` as const, kind, idempotencyKey };
      await callHost(bus, host, serverReboot, input, 180_000, requestId);
    },
  })
  .write('finish', {
    async do(tx, { serverId }) {
      const server = await stillThere(tx, serverId);
      if (!server) return;
      await changeServer(tx, serverId, {
        vmState: 'active',
        taskState: null,
        powerState: powerStates.running,
        fault: null,
      });
      await endAction(tx, serverId);
      await emit(tx, { type: 'server.reboot.end', projectId: server.projectId, resourceId: serverId, payload: {} });
    },
  })
  .failed(async (tx, { serverId }, problem) => {
    if (!(await stillThere(tx, serverId))) return;
    await changeServer(tx, serverId, { taskState: null, fault: faultOf(tx, problem) });
    await endAction(tx, serverId, problem);
  });

async function stillThere(tx: Tx, serverId: string): Promise<Server | undefined> {
  const server = await findServer(tx, serverId);
  return server && server.taskState !== 'deleting' ? server : undefined;
}

/** @throws Problem conflict while it has no host that holds it */
export function hostOf(server: Server): string {
  if (server.host === null || server.planned === 0) throw new Problem('conflict', t.notReady, { id: server.id });
  return server.host;
}

/** Asks the host for another power state. Starting counts up, so that a guest that ended by itself starts again. */
export async function beginPower(
  tx: Tx,
  server: Server,
  caller: Caller,
  ask: { action: string; task: TaskState; power: Power; starts?: boolean },
): Promise<void> {
  const host = hostOf(server);
  await beginAction(tx, server, ask.action, caller);
  await changeServer(tx, server.id, {
    taskState: ask.task,
    power: ask.power,
    boot: server.boot + (ask.starts ? 1 : 0),
  });
  await replan(tx, host);
  const input = {
    serverId: server.id,
    host,
    event: `server.${ask.action}`,
    to: vmStateOf[ask.power],
    back: { power: server.power, vmState: server.vmState },
  };
  await start(tx, changePower, input, { resourceId: server.id, projectId: server.projectId });
}

export async function beginReboot(tx: Tx, server: Server, caller: Caller, kind: 'soft' | 'hard'): Promise<void> {
  const host = hostOf(server);
  const task = kind === 'hard' ? 'rebooting_hard' : 'rebooting';
  // What does not run is started; only a running guest is rebooted.
  if (server.vmState !== 'active')
    return beginPower(tx, server, caller, { action: 'reboot', task, power: 'running', starts: true });
  await beginAction(tx, server, 'reboot', caller);
  await changeServer(tx, server.id, { taskState: task });
  await start(
    tx,
    rebootServer,
    { serverId: server.id, host, kind },
    { resourceId: server.id, projectId: server.projectId },
  );
}

/** The disk is made anew from the image in the row; a stopped server stays stopped. */
export async function beginRebuild(tx: Tx, server: Server, caller: Caller): Promise<void> {
  const host = hostOf(server);
  const stopped = server.vmState === 'stopped';
  await beginAction(tx, server, 'rebuild', caller);
  await changeServer(tx, server.id, {
    taskState: 'rebuilding',
    rootGeneration: server.rootGeneration + 1,
    power: stopped ? 'stopped' : 'running',
    boot: server.boot + (stopped ? 0 : 1),
  });
  await replan(tx, host);
  const input = {
    serverId: server.id,
    host,
    event: 'server.rebuild',
    to: stopped ? ('stopped' as const) : ('active' as const),
    back: { power: server.power, vmState: server.vmState },
  };
  await start(tx, changePower, input, { resourceId: server.id, projectId: server.projectId });
}
