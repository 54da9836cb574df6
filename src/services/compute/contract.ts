// What other services may ask of compute, in their own transaction, and the events that it emits:
// `server.create.{start,end,error}`, `server.delete.{start,end}`, `server.{start,stop,pause,unpause,reboot,rebuild}.{end,error}`,
// `server.power_off.end` for guests that ended by themselves. Each names the server as its resource.

import { listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { statusOf } from '#/services/compute/servers/server.rules.ts';
import { findServer, type Server } from '#/services/compute/servers/server.store.ts';

export interface ServerInfo {
  id: string;
  projectId: string;
  userId: string;
  name: string;
  hostname: string;
  status: string;
  host: string | null;
  availabilityZone: string | null;
  createdAt: string;
}

export async function serverById(tx: Tx, id: string): Promise<ServerInfo | undefined> {
  const server = await findServer(tx, id);
  return server && toInfo(server);
}

/** Names of the hosts that run servers. */
export async function computeHosts(tx: Tx): Promise<string[]> {
  return (await listHosts(tx)).filter(host => host.roles.includes('compute')).map(host => host.name);
}

function toInfo(server: Server): ServerInfo {
  const { id, projectId, userId, name, hostname, host, zone, createdAt } = server;
  return { id, projectId, userId, name, hostname, status: statusOf(server), host, availabilityZone: zone, createdAt };
}
