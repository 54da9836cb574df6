// A server's ports while it moves from one host to another: planned on both, switched, and forgotten where it was.
// Each step may be taken again. While a port is on two hosts, frames to it reach both: no peer says where it is.

import { listPorts, type Port } from '#/services/network/ports/port.store.ts';
import { activateBinding, addBinding, dropBinding } from '#/services/network/ports/port-binding.store.ts';
import type { Tx } from '#/platform/database/tx.ts';

/** Plans the server's ports on the destination too. Wait for `portPlan(host, port)` before the guest goes there. */
export async function preparePortsOn(tx: Tx, serverId: string, host: string): Promise<void> {
  for (const port of await portsOf(tx, serverId)) await addBinding(tx, port, host);
}

/** The guest is there now: the ports are the destination's. They stay planned on the source until forgotten. */
export async function bindPortsTo(tx: Tx, serverId: string, host: string): Promise<void> {
  for (const port of await portsOf(tx, serverId)) await activateBinding(tx, port, host);
}

/** Takes the ports off a host: the source after a move, the destination after one that failed. */
export async function forgetPortsOn(tx: Tx, serverId: string, host: string): Promise<void> {
  for (const port of await portsOf(tx, serverId)) await dropBinding(tx, port, host);
}

async function portsOf(tx: Tx, serverId: string): Promise<Port[]> {
  return listPorts(tx, { all: true, projectId: '', only: { device_id: [serverId] } });
}
