// The tables of placement, as its stores see them.

import type { Tx } from '#/platform/database/tx.ts';

export interface ProviderRow {
  id: string;
  name: string;
  generation: number;
  parentId: string | null;
  rootId: string;
  createdAt: string;
  updatedAt: string;
}

export interface InventoryRow {
  providerId: string;
  resourceClass: string;
  total: number;
  reserved: number;
  minUnit: number;
  maxUnit: number;
  stepSize: number;
  allocationRatio: number;
}

export interface ConsumerRow {
  id: string;
  projectId: string;
  userId: string;
  type: string;
  generation: number;
}

export interface AllocationRow {
  consumerId: string;
  providerId: string;
  resourceClass: string;
  used: number;
}

export type PlacementTables = {
  resourceProviders: ProviderRow;
  inventories: InventoryRow;
  consumers: ConsumerRow;
  allocations: AllocationRow;
  providerTraits: { providerId: string; trait: string };
  providerAggregates: { providerId: string; aggregateId: string };
  customResourceClasses: { name: string };
  customTraits: { name: string };
};

export function tables(tx: Tx) {
  return tx.withTables<PlacementTables>();
}
