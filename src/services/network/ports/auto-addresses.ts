// A new subnet with automatic addresses gives one to every guest port that is on its network already.

import { keyOf, parsePrefix, showAddress, slaacAddress } from '#/services/network/addressing/address.ts';
import { db, type SubnetRow } from '#/services/network/tables.ts';
import type { Tx } from '#/platform/database/tx.ts';

export async function addAutoAddresses(tx: Tx, subnet: SubnetRow): Promise<void> {
  const ports = await db(tx)
    .selectFrom('ports')
    .select(['id', 'mac', 'deviceOwner'])
    .where('networkId', '=', subnet.networkId)
    .execute();
  const prefix = parsePrefix(subnet.cidr)!;
  const last = 1_000;
  for (const port of ports) {
    if (port.deviceOwner.startsWith('network:')) continue;
    const value = slaacAddress(prefix, port.mac);
    await db(tx)
      .insertInto('portAddresses')
      .values({
        portId: port.id,
        networkId: subnet.networkId,
        subnetId: subnet.id,
        ip: showAddress(6, value),
        ipKey: keyOf(6, value),
        position: last,
      })
      .onConflict(conflict => conflict.doNothing())
      .execute();
  }
}
