// The DHCP port of a network: one address in every subnet that hands addresses out. It comes and goes with them.

import { allocate, type Assigned } from '#/services/network/addressing/allocate.ts';
import { makePort } from '#/services/network/ports/make-port.ts';
import { replaceAddresses, withParts } from '#/services/network/ports/port.store.ts';
import { removePort } from '#/services/network/ports/remove-port.ts';
import { subnetsOfNetwork } from '#/services/network/subnets/subnet.store.ts';
import { db, type SubnetRow } from '#/services/network/tables.ts';
import { networkById } from '#/services/network/networks/network.store.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export const dhcpOwner = 'network:dhcp';

/** Makes the network's DHCP port be as its subnets now are. A subnet that has no address left goes without. */
export async function syncDhcpPort(tx: Tx, networkId: string): Promise<void> {
  const network = await networkById(tx, networkId);
  if (!network) return;
  const served = (await subnetsOfNetwork(tx, networkId)).filter(subnet => subnet.enableDhcp === 1);
  const row = await db(tx)
    .selectFrom('ports')
    .selectAll()
    .where('networkId', '=', networkId)
    .where('deviceOwner', '=', dhcpOwner)
    .executeTakeFirst();
  if (!served.length) {
    if (row) await removePort(tx, row.id);
    return;
  }
  if (!row) {
    const port = await makePort(tx, {
      network,
      projectId: network.projectId,
      fixedIps: [],
      deviceOwner: dhcpOwner,
      deviceId: `dhcp-${networkId}`,
      portSecurity: false,
    });
    await replaceAddresses(tx, port, await addressesIn(tx, served, port.mac, []));
    return;
  }
  const [port] = await withParts(tx, [row]);
  const wanted = await addressesIn(tx, served, row.mac, port!.addresses);
  if (wanted.length !== port!.addresses.length || wanted.some((one, index) => one.ip !== port!.addresses[index]!.ip))
    await replaceAddresses(tx, row, wanted);
}

async function addressesIn(tx: Tx, subnets: SubnetRow[], mac: string, keep: Assigned[]): Promise<Assigned[]> {
  const chosen: Assigned[] = [];
  for (const subnet of subnets) {
    const kept = keep.find(one => one.subnetId === subnet.id);
    if (kept) {
      chosen.push(kept);
      continue;
    }
    try {
      chosen.push(
        ...(await allocate(tx, {
          networkId: subnet.networkId,
          subnets: [subnet],
          fixedIps: [{ subnet_id: subnet.id }],
          mac,
          deviceOwner: dhcpOwner,
        })),
      );
    } catch (thrown) {
      if (!(thrown instanceof Problem)) throw thrown;
    }
  }
  return chosen;
}
