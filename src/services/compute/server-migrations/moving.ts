// What all ways of moving a server share.

import { hostByName, replan } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { PlanKey } from '#/platform/operations/operation.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { zoneOfHost } from '#/services/compute/hosts/aggregate.store.ts';
import {
  activeMigration,
  findMigration,
  type Migration,
} from '#/services/compute/server-migrations/migration.store.ts';
import { hostOf } from '#/services/compute/servers/power.operation.ts';
import { changeServer, findServer, nicsOf, type Server } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { holdVolumes } from '#/services/block-storage/contract.ts';
import { bindPortsTo, forgetPortsOn, portPlan, portsOfServer } from '#/services/network/contract.ts';
import { handOver } from '#/services/placement/contract.ts';

export interface MoveInput {
  serverId: string;
  migrationId: string;
  source: string;
  dest: string;
  /** What the network of the host that it goes to must have made before the guest can be there. */
  portKeys: PlanKey[];
  /** Its volumes, where they are; absent where it was begun by a version that left servers with volumes where they were. */
  volumeKeys?: PlanKey[];
}

/** What a step works on; undefined once a delete has taken its place, or the move is decided. */
export async function underWay(
  tx: Tx,
  { serverId, migrationId }: Pick<MoveInput, 'serverId' | 'migrationId'>,
): Promise<{ server: Server; migration: Migration } | undefined> {
  const server = await findServer(tx, serverId);
  const migration = await findMigration(tx, migrationId);
  if (!server || server.taskState === 'deleting' || !migration || migration.stage === 'none') return undefined;
  return { server, migration };
}

/** @throws Problem conflict while the server's host is away, or another move of it is under way */
export async function movableFrom(tx: Tx, server: Server): Promise<Server & { host: string }> {
  const host = hostOf(server);
  if (!(await hostByName(tx, host))?.up) throw new Problem('conflict', t.hostIsDown, { id: server.id, host });
  if (await activeMigration(tx, server.id)) throw new Problem('conflict', t.movesAlready, { id: server.id });
  return { ...server, host };
}

/** The server is the source's, with its old flavor, ports and room, whatever it was in between. */
export async function backToSource(tx: Tx, server: Server, migration: Migration): Promise<void> {
  const { oldFlavor, sourceHost, destHost } = migration;
  await changeServer(tx, server.id, {
    host: sourceHost,
    zone: await zoneOfHost(tx, sourceHost),
    flavor: oldFlavor,
    vcpus: oldFlavor.vcpus,
    memoryMib: oldFlavor.memoryMib,
    power: migration.wasPower,
  });
  await holdVolumes(tx, server.id, [sourceHost]);
  await bindPortsTo(tx, server.id, sourceHost);
  if (destHost !== sourceHost) await forgetPortsOn(tx, server.id, destHost);
  const { id, projectId, userId } = server;
  await handOver(tx, migration.uuid, { id, projectId, userId, type: 'INSTANCE' });
  await replan(tx, sourceHost);
  await replan(tx, destHost);
}

export async function portKeysOn(tx: Tx, serverId: string, host: string): Promise<PlanKey[]> {
  const plugged = new Set(
    ((await nicsOf(tx, [serverId])).get(serverId) ?? []).filter(nic => nic.plugged === 1).map(nic => nic.portId),
  );
  const keys: PlanKey[] = [];
  for (const port of await portsOfServer(tx, serverId))
    if (plugged.has(port.id))
      for (const key of portPlan(host, port)) if (!keys.some(known => known.key === key.key)) keys.push(key);
  return keys;
}
