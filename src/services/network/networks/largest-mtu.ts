// The largest packet of a network: what fits between the hosts, less what a tunnel adds.

import { isIPv6 } from 'node:net';
import { tunnelBytes } from '#/services/network/networks/network.rules.ts';
import { networkSettings } from '#/services/network/settings.ts';
import { listHosts } from '#/host/hosts.ts';
import type { Tx } from '#/platform/database/tx.ts';

/** In bytes. Networks in tunnels have room for the headers even while the cloud is one machine: others may join. */
export async function largestMtu(tx: Tx, type: string): Promise<number> {
  const { underlayMtu } = networkSettings.of(tx);
  if (type === 'flat') return underlayMtu;
  const overIpv6 = (await listHosts(tx)).some(host => isIPv6(host.networkCapabilities?.tunnelAddress ?? ''));
  return underlayMtu - tunnelBytes[overIpv6 ? 6 : 4];
}
