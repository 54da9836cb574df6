// Which server a metadata request is about: told by the plan from where the request came in and from which address.

import type { Guest } from '#/drivers/hypervisor/hypervisor-driver.ts';
import type { HostPort, HostRouter } from '#/drivers/network/network-driver.ts';
import { type HostEntry, idOf, kindOf } from '#/host/plan.ts';

/** The server whose port has this address in the network or behind the router that a request came through. */
export function serverAt(entries: HostEntry[], via: string, address: string): Guest | undefined {
  const networks = new Set<string>();
  if (kindOf(via) === 'dhcp') networks.add(idOf(via));
  for (const entry of entries)
    if (entry.key === via && kindOf(via) === 'router')
      for (const port of (entry as HostRouter).interfaces) networks.add(port.networkId);
  const port = entries.find(
    entry =>
      kindOf(entry.key) === 'port' &&
      networks.has((entry as HostPort).networkId) &&
      (entry as HostPort).ips.includes(address),
  ) as HostPort | undefined;
  return entries.find(entry => port?.serverId && entry.key === `server/${port.serverId}`) as Guest | undefined;
}
