// Chooses a host for a server, in the transaction that also claims the room there: two at once cannot take the same.

import { sql } from 'kysely';
import { listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Problem } from '#/platform/problem/problem.ts';
import { aggregatesByHost, zoneOf } from '#/services/compute/hosts/aggregate.store.ts';
import type { Candidate, PlacementAsk } from '#/services/compute/scheduling/filters.ts';
import { answersOf, noValidHost, rank } from '#/services/compute/scheduling/scheduler.rules.ts';
import { serverTables } from '#/services/compute/servers/server.store.ts';
import { claim, freeHosts } from '#/services/placement/contract.ts';

/** What every choice in one transaction looks at; kept up to date by `place` as servers are placed. */
export interface Scheduling {
  hosts: Candidate[];
}

/** Reads the hosts and what is free on them. @param groupId counts its members, without `leaving`, a server that moves */
export async function gather(tx: Tx, groupId: string | null, leaving = ''): Promise<Scheduling> {
  const computes = (await listHosts(tx)).filter(host => host.roles.includes('compute'));
  // Asked for nothing, placement lists all with what is free.
  const room = new Map((await freeHosts(tx, {})).map(host => [host.providerId, host]));
  const aggregates = await aggregatesByHost(tx);
  const counts = new Map((await countByHost(tx, groupId, leaving)).map(row => [row.host, row]));
  return {
    hosts: computes.map(host => ({
      name: host.name,
      providerId: host.providerId,
      up: host.up,
      enabled: host.enabled,
      disabledReason: host.disabledReason,
      zone: zoneOf(aggregates.get(host.name)),
      architecture: host.capabilities?.architecture ?? null,
      hypervisorType: host.capabilities?.type ?? null,
      aggregates: (aggregates.get(host.name) ?? []).map(aggregate => aggregate.metadata),
      free: { ...room.get(host.providerId)?.free },
      total: { ...room.get(host.providerId)?.total },
      servers: Number(counts.get(host.name)?.servers ?? 0),
      groupMembers: Number(counts.get(host.name)?.members ?? 0),
    })),
  };
}

async function countByHost(tx: Tx, groupId: string | null, leaving: string) {
  return serverTables(tx)
    .selectFrom('computeServers')
    .select([
      'host',
      sql<number | string>`count(*)`.as('servers'),
      sql<number | string>`sum(case when "groupId" = ${groupId ?? ''} then 1 else 0 end)`.as('members'),
    ])
    .where('host', 'is not', null)
    .where('id', '!=', leaving)
    .groupBy('host')
    .execute();
}

/** The best host, with the room claimed there; or why there is none. */
export async function place(
  tx: Tx,
  scheduling: Scheduling,
  ask: PlacementAsk,
  consumer: { id: string; projectId: string; userId: string },
): Promise<{ host: Candidate } | { problem: Problem }> {
  const answers = answersOf(scheduling.hosts, ask);
  const fitting = answers.filter(({ refusals }) => refusals.length === 0).map(({ host }) => host);
  const host = rank(fitting, ask)[0];
  if (!host) return { problem: noValidHost(answers) };
  const resources = Object.fromEntries(Object.entries(ask.resources).filter(([, amount]) => amount > 0));
  await claim(tx, { ...consumer, type: 'INSTANCE' }, host.providerId, resources);
  for (const [resource, amount] of Object.entries(resources)) host.free[resource] = (host.free[resource] ?? 0) - amount;
  host.servers++;
  if (ask.group) {
    host.groupMembers++;
    if (!ask.group.hosts.includes(host.name)) ask.group.hosts.push(host.name);
  }
  return { host };
}

/** What a server of this flavor takes from a host. @param localRoot whether its root disk is the host's */
export function resourcesOf(
  flavor: { vcpus: number; memoryMib: number; diskGib: number; ephemeralGib: number; swapMib: number },
  localRoot: boolean,
): Record<string, number> {
  const disk = (localRoot ? flavor.diskGib : 0) + flavor.ephemeralGib + Math.ceil(flavor.swapMib / 1024);
  return { VCPU: flavor.vcpus, MEMORY_MB: flavor.memoryMib, DISK_GB: disk };
}
