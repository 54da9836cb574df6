// Which host is the way out of an external network that no host has an interface for.

import type { Migration } from '#/platform/database/migrations.ts';

export const carriersMigration: Migration = {
  name: 'network/0005-carriers',
  async up(tx) {
    await tx.schema.alterTable('networks').addColumn('carrier', 'text').execute();
  },
};
