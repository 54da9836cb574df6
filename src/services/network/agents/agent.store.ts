// A host's parts in networking, under the names that Neutron has for them, and which hosts can take on more.

import { db } from '#/services/network/tables.ts';
import { type Host, type HostRole, listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

export type AgentKind = 'bridge' | 'dhcp' | 'l3' | 'metadata';

export interface Agent {
  id: string;
  /** Agents belong to no project. */
  projectId: string;
  kind: AgentKind;
  host: Host;
  adminStateUp: boolean;
  description: string | null;
}

/** The last two digits of an agent's id, behind the host's; who has one. */
const parts: Record<AgentKind, { mark: string; roles: HostRole[] }> = {
  bridge: { mark: 'a1', roles: ['compute', 'network'] },
  dhcp: { mark: 'a2', roles: ['network'] },
  l3: { mark: 'a3', roles: ['network'] },
  metadata: { mark: 'a4', roles: ['compute'] },
};

/** Stable, and different for every part. */
function idOf(host: Host, kind: AgentKind): string {
  return `${host.providerId.slice(0, -2)}${parts[kind].mark}`;
}

export async function listAgents(tx: Tx): Promise<Agent[]> {
  const hosts = await listHosts(tx);
  const rows = new Map((await db(tx).selectFrom('networkAgents').selectAll().execute()).map(row => [row.id, row]));
  return hosts.flatMap(host =>
    (Object.keys(parts) as AgentKind[])
      .filter(kind => parts[kind].roles.some(role => host.roles.includes(role)))
      .map(kind => {
        const id = idOf(host, kind);
        const { adminStateUp = 1, description = null } = rows.get(id) ?? {};
        return { id, projectId: '', kind, host, adminStateUp: adminStateUp === 1, description };
      }),
  );
}

/** Hosts that work for networks: their agent answers, and no operator has set it aside. In order of their names. */
export async function ableHosts(tx: Tx, kind: 'dhcp' | 'l3'): Promise<Host[]> {
  const agents = (await listAgents(tx)).filter(agent => agent.kind === kind);
  return agents.filter(({ adminStateUp, host }) => adminStateUp && host.up).map(({ host }) => host);
}

/** Where more of something may go: the able host with the least of it, counting what has been given out from here. */
export interface Places {
  able(host: string | null): boolean;
  /** @param except hosts that have it already @returns null when there is no other */
  take(except: ReadonlySet<string | null>, allowed?: (host: Host) => boolean): Host | null;
}

/** @param load what each host has now */
export async function openPlaces(tx: Tx, kind: 'dhcp' | 'l3', load: ReadonlyMap<string, number>): Promise<Places> {
  const hosts = await ableHosts(tx, kind);
  const counts = new Map(hosts.map(({ name }) => [name, load.get(name) ?? 0]));
  return {
    able: host => host !== null && counts.has(host),
    take(except, allowed = () => true) {
      let least: Host | null = null;
      for (const host of hosts) {
        if (!host.enabled || except.has(host.name) || !allowed(host)) continue;
        if (!least || counts.get(host.name)! < counts.get(least.name)!) least = host;
      }
      if (least) counts.set(least.name, counts.get(least.name)! + 1);
      return least;
    },
  };
}
