// Chooses a host for a server, in the transaction that also claims the room there: two at once cannot take the same.
// Hosts are looked at in parts, each a fair sample: in a large cloud the best of a part is taken, and all are looked at
// only when none will do, so that "no valid host" speaks of every one.

import { sql } from 'kysely';
import { type Host, hostsByName, nextHosts } from '#/host/hosts.ts';
import { contextOf, newId, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { aggregatesByHost, defaultZone, hostsOfZone, zoneOf } from '#/services/compute/hosts/aggregate.store.ts';
import type { Candidate, PlacementAsk } from '#/services/compute/scheduling/filters.ts';
import { answersOf, noValidHost, rank } from '#/services/compute/scheduling/scheduler.rules.ts';
import { findServer, serverTables } from '#/services/compute/servers/server.store.ts';
import { t } from '#/services/compute/texts.ts';
import { claim, freeHosts } from '#/services/placement/contract.ts';

/** What every choice in one transaction looks at; kept up to date by `place` as servers are placed. */
export interface Scheduling {
  /** Those that have been looked at, by name. */
  known: Map<string, Candidate>;
  /** Whose members are counted. */
  groupId: string | null;
  /** A server that moves: it does not count where it is. */
  leaving: string | null;
  search: {
    /** Providers' ids are random: from a random one on, and round to it again, they are a fair sample. */
    start: string;
    /** After which provider the next part begins, up to which it goes; null when all hosts are known. */
    at: { after: string; upTo: string | null } | null;
    /** How many hosts the next part is. */
    size: number;
    begun: boolean;
  };
}

/** So many are chosen from; as long as none of them will do, each further part is twice as large. */
const firstPart = 50;
const largestPart = 1_000;

/** Begins to look for hosts. @param count how many servers are to be placed */
export function beginScheduling(
  tx: Tx,
  { groupId, leaving = null, count = 1 }: { groupId: string | null; leaving?: string | null; count?: number },
): Scheduling {
  const start = newId(tx);
  const size = Math.max(firstPart, count);
  return {
    known: new Map(),
    groupId,
    leaving,
    search: { start, at: { after: start, upTo: null }, size, begun: false },
  };
}

/** The best host, with the room claimed there; or why there is none. */
export async function place(
  tx: Tx,
  among: Scheduling,
  ask: PlacementAsk,
  consumer: { id: string; projectId: string; userId: string },
): Promise<{ host: Candidate } | { problem: Problem }> {
  const named = await namedHosts(tx, ask);
  if (named.length) await lookAt(tx, among, await hostsByName(tx, named));
  else if (!among.search.begun) await lookFurther(tx, among);
  for (;;) {
    const answers = answersOf([...among.known.values()], ask);
    const fitting = answers.filter(({ refusals }) => refusals.length === 0).map(({ host }) => host);
    const host = rank(fitting, ask)[0];
    if (host) {
      await take(tx, host, ask, consumer);
      return { host };
    }
    if (!(await lookFurther(tx, among))) return { problem: noValidHost(answers) };
  }
}

async function take(
  tx: Tx,
  host: Candidate,
  ask: PlacementAsk,
  consumer: { id: string; projectId: string; userId: string },
): Promise<void> {
  const resources = Object.fromEntries(Object.entries(ask.resources).filter(([, amount]) => amount > 0));
  await claim(tx, { ...consumer, type: 'INSTANCE' }, host.providerId, resources);
  for (const [resource, amount] of Object.entries(resources)) host.free[resource] = (host.free[resource] ?? 0) - amount;
  host.servers++;
  if (ask.group) {
    host.groupMembers++;
    if (!ask.group.hosts.includes(host.name)) ask.group.hosts.push(host.name);
  }
}

/** The hosts that what is asked for speaks of, where it does: nothing is gained from looking at others first. */
async function namedHosts(tx: Tx, ask: PlacementAsk): Promise<string[]> {
  if (ask.host !== null) return [ask.host];
  if (ask.sameHost.length) return ask.sameHost.flatMap(server => server.host ?? []);
  const near = ask.group && ['affinity', 'soft-affinity'].includes(ask.group.policy) ? ask.group.hosts : [];
  if (near.length) return near;
  return ask.zone === null || ask.zone === defaultZone ? [] : part(tx, await hostsOfZone(tx, ask.zone));
}

/** Some of them, from a random one on. */
function part(tx: Tx, names: string[]): string[] {
  const from = contextOf(tx).random.bytes(4).readUInt32BE() % Math.max(1, names.length);
  return [...names.slice(from), ...names.slice(0, from)].slice(0, firstPart);
}

/** @returns false when all are known already */
async function lookFurther(tx: Tx, among: Scheduling): Promise<boolean> {
  const { search } = among;
  if (!search.at) return false;
  const found: Host[] = [];
  while (search.at && found.length < search.size) {
    const missing = search.size - found.length;
    const hosts = await nextHosts(tx, search.at.after, search.at.upTo, missing);
    found.push(...hosts);
    if (hosts.length === missing) search.at = { ...search.at, after: hosts.at(-1)!.providerId };
    else search.at = search.at.upTo === null ? { after: '', upTo: search.start } : null;
  }
  search.begun = true;
  search.size = Math.min(largestPart, search.size * 2);
  await lookAt(tx, among, found);
  return true;
}

async function lookAt(tx: Tx, among: Scheduling, hosts: Host[]): Promise<void> {
  const computes = hosts.filter(host => host.roles.includes('compute') && !among.known.has(host.name));
  if (computes.length === 0) return;
  const names = computes.map(host => host.name);
  const providerIds = computes.map(host => host.providerId);
  // Asked for nothing, placement tells of all what is free.
  const room = new Map((await freeHosts(tx, {}, { providerIds })).map(host => [host.providerId, host]));
  const aggregates = await aggregatesByHost(tx, names);
  const servers = await serversOn(tx, names);
  const members = await membersOn(tx, names, among.groupId);
  const left = among.leaving === null ? undefined : await findServer(tx, among.leaving);
  for (const host of computes) {
    const leaves = left?.host === host.name ? 1 : 0;
    among.known.set(host.name, {
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
      servers: (servers.get(host.name) ?? 0) - leaves,
      groupMembers: (members.get(host.name) ?? 0) - (left?.groupId === among.groupId ? leaves : 0),
    });
  }
}

async function serversOn(tx: Tx, hosts: string[]): Promise<Map<string | null, number>> {
  const rows = await serverTables(tx)
    .selectFrom('computeServers')
    .select(['host', sql<number | string>`count(*)`.as('count')])
    .where('host', 'in', hosts)
    .groupBy('host')
    .execute();
  return new Map(rows.map(row => [row.host, Number(row.count)]));
}

async function membersOn(tx: Tx, hosts: string[], groupId: string | null): Promise<Map<string | null, number>> {
  if (groupId === null) return new Map();
  const rows = await serverTables(tx)
    .selectFrom('computeServers')
    .select(['host', sql<number | string>`count(*)`.as('count')])
    .where('groupId', '=', groupId)
    .where('host', 'in', hosts)
    .groupBy('host')
    .execute();
  return new Map(rows.map(row => [row.host, Number(row.count)]));
}

/** @throws Problem invalid */
export async function mustBeComputeHost(tx: Tx, name: string): Promise<void> {
  const [host] = await hostsByName(tx, [name]);
  if (!host?.roles.includes('compute')) throw new Problem('invalid', t.hostNotFound, { host: name });
}

/** What a server of this flavor takes from a host. @param localRoot whether its root disk is the host's */
export function resourcesOf(
  flavor: { vcpus: number; memoryMib: number; diskGib: number; ephemeralGib: number; swapMib: number },
  localRoot: boolean,
): Record<string, number> {
  const disk = (localRoot ? flavor.diskGib : 0) + flavor.ephemeralGib + Math.ceil(flavor.swapMib / 1024);
  return { VCPU: flavor.vcpus, MEMORY_MB: flavor.memoryMib, DISK_GB: disk };
}
