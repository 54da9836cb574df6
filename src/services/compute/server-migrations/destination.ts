// Where a server that moves goes: the same filters as for a new one, without the host that it leaves. The room there is
// claimed in the same transaction; what it has now is held by the migration until it is known where the server stays.

import { hostsByName } from '#/host/hosts.ts';
import { idOf } from '#/host/plan.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { PlanKey } from '#/platform/operations/operation.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Candidate, PlacementAsk } from '#/services/compute/scheduling/filters.ts';
import { beginScheduling, mustBeComputeHost, place, resourcesOf } from '#/services/compute/scheduling/scheduler.ts';
import { findServerGroup, membersOf } from '#/services/compute/server-groups/server-group.store.ts';
import {
  blockDevicesOf,
  type Server,
  type ServerFlavor,
  serversByIds,
} from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { volumePlansOf } from '#/services/block-storage/contract.ts';
import { handOver } from '#/services/placement/contract.ts';

export interface DestinationAsk {
  flavor: ServerFlavor;
  /** The only host that will do. */
  host: string | null;
  /** `first`: where it is is best; `never`: it is to leave. */
  same: 'first' | 'never';
}

/**
 * Chooses a host and moves the server's claim there; its old room is then held by `migrationId`.
 * @throws Problem invalid explaining why no host will do
 */
export async function claimDestination(
  tx: Tx,
  server: Server,
  migrationId: string,
  ask: DestinationAsk,
): Promise<Candidate> {
  const { projectId, userId } = server;
  await handOver(tx, server.id, { id: migrationId, projectId, userId, type: 'MIGRATION' });
  const scheduling = beginScheduling(tx, { groupId: server.groupId, leaving: server.id });
  if (ask.host !== null) await mustBeComputeHost(tx, ask.host);
  const wanted = await placementOf(tx, server, ask);
  const consumer = { id: server.id, projectId, userId };
  if (ask.same === 'first' && ask.host === null) {
    const here = await place(tx, scheduling, { ...wanted, host: server.host }, consumer);
    if ('host' in here) return here.host;
  }
  const placed = await place(tx, scheduling, wanted, consumer);
  if ('problem' in placed) throw new Problem('invalid', placed.problem.text, placed.problem.facts);
  return placed.host;
}

async function placementOf(tx: Tx, server: Server, { flavor, host, same }: DestinationAsk): Promise<PlacementAsk> {
  const { properties } = server.image;
  const group = server.groupId === null ? undefined : await findServerGroup(tx, server.groupId);
  const others = group ? (await membersOf(tx, [group.id])).filter(member => member.id !== server.id) : [];
  const named = async (hint: string) => {
    const ids = [server.hints[hint] ?? []].flat().filter(id => typeof id === 'string');
    return (await serversByIds(tx, ids)).map(({ id, host: at }) => ({ id, host: at }));
  };
  return {
    resources: resourcesOf(flavor, await hasLocalRoot(tx, server.id)),
    zone: server.pinnedZone,
    host,
    notHosts: same === 'never' && server.host !== null ? [server.host] : [],
    architecture: properties['hw_architecture'] ?? properties['architecture'] ?? null,
    extraSpecs: flavor.extraSpecs,
    imageProperties: properties,
    group: group
      ? {
          id: group.id,
          policy: group.policy,
          maxPerHost: group.maxPerHost ?? 1,
          hosts: [...new Set(others.flatMap(member => member.host ?? []))],
        }
      : null,
    differentHost: await named('different_host'),
    sameHost: await named('same_host'),
  };
}

export async function hasLocalRoot(tx: Tx, serverId: string): Promise<boolean> {
  const devices = (await blockDevicesOf(tx, [serverId])).get(serverId) ?? [];
  return devices.some(device => device.destination === 'local' && device.bootIndex === 0);
}

/**
 * The server's volumes, where they are. @throws Problem conflict while one of them is on a host that is down, or just comes
 * or goes
 */
export async function volumesAtRest(tx: Tx, server: Server): Promise<PlanKey[]> {
  for (const { volumeId, connection, detaching } of (await blockDevicesOf(tx, [server.id])).get(server.id) ?? [])
    if (volumeId !== null && (connection === null || detaching === 1))
      throw new Problem('conflict', t.volumeOnItsWay, { id: server.id, volume: volumeId });
  return volumesInReach(tx, server);
}

/** The same, whatever is under way. */
export async function volumesInReach(tx: Tx, server: Server): Promise<PlanKey[]> {
  const keys = await volumePlansOf(tx, server.id);
  const hosts = await hostsByName(tx, [...new Set(keys.map(({ host }) => host))]);
  for (const { host, key } of keys)
    if (!hosts.some(({ name, up }) => name === host && up))
      throw new Problem('conflict', t.volumeHostDown, { id: server.id, volume: idOf(key), host });
  return keys;
}
