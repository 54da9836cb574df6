// What an inventory can still give. Pure.

import type { InventoryRow } from '#/services/placement/tables.ts';

/** The largest value that a database integer and JSON agree on for a unit. */
export const largestUnit = 2_147_483_647;

/** How much may be used in all: overcommitment counts, what is reserved does not. */
export function capacityOf({ total, reserved, allocationRatio }: InventoryRow): number {
  return Math.floor((total - reserved) * allocationRatio);
}

/** Whether `amount` can be taken at once beside what is `used` already. */
export function fitsInventory(inventory: InventoryRow, used: number, amount: number): boolean {
  const { minUnit, maxUnit, stepSize } = inventory;
  if (amount < minUnit || amount > maxUnit || amount % stepSize !== 0) return false;
  return used + amount <= capacityOf(inventory);
}
