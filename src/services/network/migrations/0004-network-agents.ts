// What operators decide about a host's parts in networking, one by one.

import { createTable, type Migration } from '#/platform/database/migrations.ts';

export const networkAgentsMigration: Migration = {
  name: 'network/0004-network-agents',
  async up(tx, engine) {
    await createTable(tx, engine, 'networkAgents', {
      id: 'text primary key',
      adminStateUp: 'integer not null',
      description: 'text',
    });
  },
};
