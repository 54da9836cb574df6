// Exact counts: allocations, capacity, quotas and server groups, recounted from the servers. Pure.

import { flavorOf, type MigrationRow, type Rows } from '#/audit/rows.ts';
import { auditTexts as t } from '#/audit/texts.ts';
import type { Report } from '#/audit/violation.ts';
import { holdsBoth, larger } from '#/services/compute/server-migrations/migration.rules.ts';
import type { ServerFlavor } from '#/services/compute/servers/server.store.ts';
import { resourcesOf } from '#/services/compute/scheduling/scheduler.ts';

export function checkAllocations(rows: Rows, report: Report): void {
  const provider = new Map(rows.hosts.map(host => [host.name, host.providerId]));
  const servers = new Map(rows.computeServers.map(server => [server.id, server]));
  const held = Map.groupBy(rows.allocations, row => row.consumerId);
  const localRoots = new Set(
    rows.computeBlockDevices
      .filter(device => device.destination === 'local' && device.bootIndex === 0)
      .map(device => device.serverId),
  );
  const moves = movesOf(rows);
  const roomOf = (serverId: string, flavor: ServerFlavor, host: string): string =>
    say(
      Object.entries(resourcesOf(flavor, localRoots.has(serverId))).map(([resourceClass, used]) => ({
        providerId: provider.get(host) ?? host,
        resourceClass,
        used,
      })),
    );
  for (const server of rows.computeServers) {
    // Of one that moves, the room at its destination; its migration holds that at the source.
    const move = moves.get(server.id);
    const host = move?.destHost ?? server.host;
    const flavor = move ? (JSON.parse(move.newFlavor) as ServerFlavor) : flavorOf(server);
    const wanted = host === null ? '' : roomOf(server.id, flavor, host);
    const has = say(held.get(server.id) ?? []);
    if (has !== wanted)
      report('allocation', `server/${server.id}`, t.wrongAllocation, {
        id: server.id,
        held: has || '-',
        wanted: wanted || '-',
      });
  }
  const migrations = new Set([...moves.values()].map(({ uuid }) => uuid));
  for (const { uuid, serverId, oldFlavor, sourceHost } of moves.values()) {
    const wanted = roomOf(serverId, JSON.parse(oldFlavor) as ServerFlavor, sourceHost);
    const has = say(held.get(uuid) ?? []);
    if (has !== wanted)
      report('allocation', `migration/${uuid}`, t.wrongAllocation, {
        id: uuid,
        held: has || '-',
        wanted: wanted || '-',
      });
  }
  for (const { id, type } of rows.consumers)
    if ((type === 'INSTANCE' && !servers.has(id)) || (type === 'MIGRATION' && !migrations.has(id)))
      report('allocation', `consumer/${id}`, t.orphanAllocation, { id, held: say(held.get(id) ?? []) || '-' });
}

/** The migrations under way, by server. */
function movesOf(rows: Rows): Map<string, MigrationRow> {
  const servers = new Set(rows.computeServers.map(server => server.id));
  return new Map(
    rows.computeMigrations
      .filter(({ stage, serverId }) => holdsBoth(stage) && servers.has(serverId))
      .map(migration => [migration.serverId, migration]),
  );
}

function say(allocations: { providerId: string; resourceClass: string; used: number }[]): string {
  return allocations
    .filter(row => row.used > 0)
    .map(row => `${row.resourceClass}=${row.used}@${row.providerId}`)
    .toSorted()
    .join(' ');
}

export function checkCapacity(rows: Rows, report: Report): void {
  const used = new Map<string, number>();
  for (const row of rows.allocations) {
    const key = `${row.providerId} ${row.resourceClass}`;
    used.set(key, (used.get(key) ?? 0) + row.used);
  }
  const names = new Map(rows.hosts.map(host => [host.providerId, host.name]));
  for (const row of rows.inventories) {
    const capacity = Math.floor((row.total - row.reserved) * row.allocationRatio);
    const taken = used.get(`${row.providerId} ${row.resourceClass}`) ?? 0;
    const host = names.get(row.providerId) ?? row.providerId;
    if (taken > capacity)
      report('allocation', `host/${host}`, t.overCapacity, {
        host,
        resource: row.resourceClass,
        used: taken,
        capacity,
      });
  }
}

/** What quotas count is a column beside the flavor: the two must agree. Of a resize, the larger flavor counts. */
export function checkQuotaCounts(rows: Rows, report: Report): void {
  const moves = movesOf(rows);
  for (const server of rows.computeServers) {
    const move = moves.get(server.id);
    const flavor = move
      ? larger(JSON.parse(move.oldFlavor) as ServerFlavor, JSON.parse(move.newFlavor) as ServerFlavor)
      : flavorOf(server);
    if (flavor.vcpus === server.vcpus && flavor.memoryMib === server.memoryMib) continue;
    report('quota', `server/${server.id}`, t.wrongCount, {
      id: server.id,
      counted: `${server.vcpus} VCPU, ${server.memoryMib} MiB`,
      flavor: `${flavor.vcpus} VCPU, ${flavor.memoryMib} MiB`,
    });
  }
}

export function checkServerGroups(rows: Rows, report: Report): void {
  for (const { id, policy, maxPerHost } of rows.computeServerGroups) {
    const members = rows.computeServers.filter(server => server.groupId === id && server.host !== null);
    const byHost = Map.groupBy(members, server => server.host!);
    for (const [host, servers] of byHost) {
      const broken =
        (policy === 'anti-affinity' && servers.length > (maxPerHost ?? 1)) ||
        (policy === 'affinity' && servers.length < members.length);
      if (broken)
        report('server group', `server-group/${id}`, t.affinity, {
          group: id,
          policy,
          host,
          servers: servers.map(server => server.id),
        });
    }
  }
}
