// Live migration: the guest goes to another host as it runs, with its local disks.
//
// Who has the guest is the server's row, and one transaction (`switch`) changes it, once the source has said that the guest
// stands still there and all of it has arrived. Before, the source's plan says that it does not let the guest go on by
// itself, and the destination's that it waits; so whatever dies, at most one of them is ever told to run it.

import type { GuestFacts } from '#/drivers/hypervisor/hypervisor-driver.ts';
import { callHost, serverSend } from '#/host/commands.ts';
import { hostByName, replan } from '#/host/hosts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { sleep } from '#/platform/clock/clock.ts';
import { newId, nowMs, type Tx } from '#/platform/database/tx.ts';
import { emit } from '#/platform/events/events.ts';
import { operation, type Outside } from '#/platform/operations/operation.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { zoneOfHost } from '#/services/compute/hosts/aggregate.store.ts';
import { beginAction, endAction } from '#/services/compute/server-actions/action.store.ts';
import { claimDestination, volumesAtRest } from '#/services/compute/server-migrations/destination.ts';
import {
  changeMigration,
  findMigration,
  insertMigration,
} from '#/services/compute/server-migrations/migration.store.ts';
import {
  backToSource,
  movableFrom,
  type MoveInput,
  portKeysOn,
  underWay,
} from '#/services/compute/server-migrations/moving.ts';
import { changeServer, faultOf, findServer, type Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { holdVolumes } from '#/services/block-storage/contract.ts';
import { bindPortsTo, forgetPortsOn, preparePortsOn } from '#/services/network/contract.ts';
import { release } from '#/services/placement/contract.ts';

/** Between looks at a guest on its way: it stands still while nobody looks. */
const lookEveryMs = 100;

export const liveMigrate = operation<MoveInput>('server.liveMigrate')
  .applied(
    'leave',
    ({ source, serverId, volumeKeys = [] }) => [{ host: source, key: `server/${serverId}` }, ...volumeKeys],
    {
      take: ([facts]) => ({ layout: (facts as GuestFacts).layout ?? null }),
    },
  )
  .write('arrive', {
    async do(tx, { layout, ...input }) {
      if (!(await underWay(tx, input))) return;
      await changeMigration(tx, input.migrationId, { stage: 'arriving', layout });
      await replan(tx, input.dest);
    },
  })
  .applied('room', ({ dest, serverId, portKeys }) => [...portKeys, { host: dest, key: `server/${serverId}` }])
  .call('send', { do: (outside, input) => send(outside, input) })
  .call('hand-over', { do: (outside, input) => handOverGuest(outside, input), timeoutMs: 300_000 })
  .write('cut-off', { do: (tx, input) => cutOffSource(tx, input) })
  .applied('fenced', ({ volumeKeys = [] }) => volumeKeys)
  .write('switch', { do: (tx, input) => goOver(tx, input) })
  .applied('run', ({ dest, serverId }) => ({ host: dest, key: `server/${serverId}` }))
  .write('finish', { do: (tx, input) => finish(tx, input) })
  .failed((tx, input, problem) => fail(tx, input, problem));

/** Follows the guest until all but its last state is on the destination. @throws Problem conflict when it stays */
async function send(outside: Outside, input: MoveInput): Promise<{ readyAt: number } | void> {
  const { db, bus, clock, requestId } = outside;
  const key = `server/${input.serverId}` as const;
  for (;;) {
    const at = await db.read(tx => underWay(tx, input));
    if (!at) return;
    const { wish, uuid } = at.migration;
    if (wish === 'abort') throw new Problem('conflict', t.sendingAborted);
    const act = wish === 'hurry' ? 'hurry' : 'begin';
    const told = await callHost(bus, input.source, serverSend, { key, id: uuid, act }, 30_000, requestId);
    const readyAt = clock.now();
    const { memory, disk } = told;
    await db.write(tx =>
      changeMigration(tx, uuid, {
        status: 'running',
        memoryTotal: memory.total,
        memoryProcessed: memory.processed,
        memoryRemaining: memory.remaining,
        diskTotal: disk.total,
        diskProcessed: disk.processed,
        diskRemaining: disk.remaining,
      }),
    );
    if (told.phase === 'failed') throw new Problem('conflict', t.sendingFailed, { reason: told.reason ?? '-' });
    if (told.phase === 'ready' || told.phase === 'handed-over') return { readyAt };
    await sleep(clock, lookEveryMs);
  }
}

async function handOverGuest({ db, bus, requestId }: Outside, input: MoveInput): Promise<void> {
  if (!(await db.read(tx => underWay(tx, input)))) return;
  const ask = { key: `server/${input.serverId}` as const, id: input.migrationId, act: 'hand-over' as const };
  const told = await callHost(bus, input.source, serverSend, ask, 120_000, requestId);
  if (told.phase !== 'handed-over')
    throw new Problem('conflict', t.sendingFailed, { reason: told.reason ?? told.phase });
}

/** The guest stands still on both: whatever its source still does, it reaches no volume any more. */
async function cutOffSource(tx: Tx, input: MoveInput): Promise<void> {
  if (await underWay(tx, input)) await holdVolumes(tx, input.serverId, [input.dest]);
}

/** The decision: from here on the guest is the destination's. */
async function goOver(tx: Tx, input: MoveInput): Promise<void> {
  const at = await underWay(tx, input);
  if (!at) return;
  const { dest, source, serverId, migrationId } = input;
  await changeMigration(tx, migrationId, { stage: 'none', status: 'post-migrating' });
  await changeServer(tx, serverId, { host: dest, zone: await zoneOfHost(tx, dest) });
  await release(tx, migrationId);
  await bindPortsTo(tx, serverId, dest);
  await forgetPortsOn(tx, serverId, source);
  await replan(tx, dest);
  await replan(tx, source);
}

async function finish(tx: Tx, input: MoveInput & { readyAt?: number }): Promise<void> {
  const decided = await gone(tx, input);
  if (!decided) return;
  const { server } = decided;
  const downtimeMs = input.readyAt === undefined ? null : Math.max(0, nowMs(tx) - input.readyAt);
  await changeMigration(tx, input.migrationId, { status: 'completed', downtimeMs });
  await changeServer(tx, server.id, { taskState: null, fault: null });
  await endAction(tx, server.id);
  await tell(tx, server, input, 'end');
}

async function fail(tx: Tx, input: MoveInput, problem: Problem): Promise<void> {
  const decided = await gone(tx, input);
  if (decided) {
    // It is the destination's, which cannot run it: nobody else may either.
    const { server } = decided;
    await changeMigration(tx, input.migrationId, { status: 'error' });
    await changeServer(tx, server.id, { vmState: 'error', taskState: null, fault: faultOf(tx, problem) });
    await endAction(tx, server.id, problem);
    return tell(tx, server, input, 'error', problem);
  }
  const at = await underWay(tx, input);
  if (!at) return;
  const { server, migration } = at;
  const status = migration.wish === 'abort' ? 'cancelled' : 'error';
  await changeMigration(tx, migration.uuid, { stage: 'none', status });
  await backToSource(tx, server, migration);
  await changeServer(tx, server.id, { taskState: null });
  await endAction(tx, server.id, problem);
  await tell(tx, server, input, 'error', problem);
}

/** The server, once it is decided that it is the destination's. */
async function gone(tx: Tx, { serverId, migrationId }: MoveInput): Promise<{ server: Server } | undefined> {
  const server = await findServer(tx, serverId);
  const migration = await findMigration(tx, migrationId);
  return server && server.taskState !== 'deleting' && migration?.status === 'post-migrating' ? { server } : undefined;
}

async function tell(
  tx: Tx,
  server: Server,
  { source, dest }: Pick<MoveInput, 'source' | 'dest'>,
  what: string,
  problem?: Problem,
): Promise<void> {
  await emit(tx, {
    type: `server.live_migration.${what}`,
    projectId: server.projectId,
    resourceId: server.id,
    payload: { source, dest, ...(problem && { problem: problem.text.id }) },
  });
}

/** @throws Problem invalid when no host takes it, conflict when it cannot be moved as it runs */
export async function beginLiveMigration(
  tx: Tx,
  asked: Server,
  caller: Pick<Caller, 'userId' | 'projectId'>,
  ask: { host: string | null },
): Promise<void> {
  const server = await movableFrom(tx, asked);
  const volumeKeys = await volumesAtRest(tx, server);
  const uuid = newId(tx);
  const { name: dest } = await claimDestination(tx, server, uuid, {
    flavor: server.flavor,
    host: ask.host,
    same: 'never',
  });
  await mustRunAlike(tx, server.host, dest);
  await insertMigration(tx, server, {
    uuid,
    type: 'live-migration',
    status: 'preparing',
    stage: 'leaving',
    destHost: dest,
  });
  await beginAction(tx, server, 'live-migration', caller);
  await changeServer(tx, server.id, { taskState: 'migrating' });
  await holdVolumes(tx, server.id, [server.host, dest]);
  await preparePortsOn(tx, server.id, dest);
  const portKeys = await portKeysOn(tx, server.id, dest);
  await replan(tx, server.host);
  await replan(tx, dest);
  await tell(tx, server, { source: server.host, dest }, 'start');
  await start(
    tx,
    liveMigrate,
    { serverId: server.id, migrationId: uuid, source: server.host, dest, portKeys, volumeKeys },
    { resourceId: server.id, projectId: server.projectId },
  );
}

/** A running guest cannot change what runs it. @throws Problem conflict */
async function mustRunAlike(tx: Tx, source: string, dest: string): Promise<void> {
  const here = (await hostByName(tx, source))?.capabilities;
  const there = (await hostByName(tx, dest))?.capabilities;
  const kind = (of: typeof here): string =>
    of?.accelerator === 'kvm' ? `kvm (${of.cpuModel})` : (of?.accelerator ?? '');
  if (kind(here) !== kind(there))
    throw new Problem('conflict', t.accelerators, { source, dest, here: kind(here), there: kind(there) });
}
