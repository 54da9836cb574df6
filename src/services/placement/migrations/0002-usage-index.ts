// Usage is summed up from the index alone.

import { createIndex, type Migration } from '#/platform/database/migrations.ts';

export const usageIndex: Migration = {
  name: 'placement/0002-usage-index',
  async up(tx) {
    await createIndex(tx, 'allocations', ['providerId', 'resourceClass', 'used']);
    await tx.schema.dropIndex('allocations_providerId_resourceClass').execute();
  },
};
