// What the operator decides about servers and the hosts' room.

import { setting } from '#/platform/database/setting.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { QuotaResource } from '#/services/compute/quotas/quota.store.ts';

export interface OperatorSettings {
  /** Of projects that have none of their own; -1 is unlimited. */
  quotas: Record<QuotaResource, number>;
  /** How much is given out per processor, MiB and GiB of a host. */
  cpuAllocationRatio: number;
  ramAllocationRatio: number;
  diskAllocationRatio: number;
  /** Memory in MiB that a host keeps for itself; see `reservedMemoryMib`. */
  reservedHostMemoryMib: number;
}

export const computeSettings = setting<OperatorSettings>('compute');

/** What a host of so much memory keeps for itself: what was decided, but at most an eighth. */
export function reservedMemoryMib(tx: Tx, memoryMib: number): number {
  return Math.min(computeSettings.of(tx).reservedHostMemoryMib, Math.floor(memoryMib / 8));
}
