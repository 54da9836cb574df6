// Resource classes: the standard names and those that operators made.

import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables } from '#/services/placement/tables.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';

/** As in os-resource-classes. */
export const standardClasses: readonly string[] = [
  'VCPU',
  'MEMORY_MB',
  'DISK_GB',
  'PCI_DEVICE',
  'SRIOV_NET_VF',
  'NUMA_SOCKET',
  'NUMA_CORE',
  'NUMA_THREAD',
  'NUMA_MEMORY_MB',
  'IPV4_ADDRESS',
  'VGPU',
  'VGPU_DISPLAY_HEAD',
  'NET_BW_EGR_KILOBIT_PER_SEC',
  'NET_BW_IGR_KILOBIT_PER_SEC',
  'PCPU',
  'MEM_ENCRYPTION_CONTEXT',
  'FPGA',
  'PGPU',
  'NET_PACKET_RATE_KILOPACKET_PER_SEC',
  'NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC',
  'NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC',
];

export async function allClasses(tx: Tx): Promise<string[]> {
  const custom = await tables(tx).selectFrom('customResourceClasses').select('name').orderBy('name').execute();
  return [...standardClasses, ...custom.map(row => row.name)];
}

/** @throws Problem invalid for the first that does not exist */
export async function checkKnownClasses(tx: Tx, names: string[]): Promise<void> {
  const known = new Set(await allClasses(tx));
  const name = names.find(one => !known.has(one));
  if (name !== undefined) throw new Problem('invalid', t.classUnknown, { name: name.slice(0, 80) });
}

export async function addClass(tx: Tx, name: string): Promise<void> {
  await tables(tx).insertInto('customResourceClasses').values({ name }).execute();
}
