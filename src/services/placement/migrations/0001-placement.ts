// Resource providers, what they hold, and who uses it. Usage is only ever the sum of allocation rows.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const placementTables: Migration = {
  name: 'placement/0001-placement',
  async up(tx, engine) {
    await createTable(tx, engine, 'resourceProviders', {
      id: 'text primary key',
      name: 'text not null unique',
      generation: 'integer not null',
      parentId: 'text references "resourceProviders" ("id")',
      rootId: 'text not null',
      createdAt: 'text not null',
      updatedAt: 'text not null',
    });
    await createIndex(tx, 'resourceProviders', ['rootId']);
    await createTable(
      tx,
      engine,
      'inventories',
      {
        providerId: 'text not null references "resourceProviders" ("id") on delete cascade',
        resourceClass: 'text not null',
        total: 'integer not null',
        reserved: 'integer not null',
        minUnit: 'integer not null',
        maxUnit: 'integer not null',
        stepSize: 'integer not null',
        allocationRatio: 'real not null',
      },
      ['primary key ("providerId", "resourceClass")'],
    );
    await createTable(tx, engine, 'consumers', {
      id: 'text primary key',
      projectId: 'text not null',
      userId: 'text not null',
      type: 'text not null',
      generation: 'integer not null',
    });
    await createIndex(tx, 'consumers', ['projectId']);
    await createTable(
      tx,
      engine,
      'allocations',
      {
        consumerId: 'text not null references "consumers" ("id") on delete cascade',
        providerId: 'text not null references "resourceProviders" ("id")',
        resourceClass: 'text not null',
        used: 'integer not null',
      },
      ['primary key ("consumerId", "providerId", "resourceClass")'],
    );
    await createIndex(tx, 'allocations', ['providerId', 'resourceClass']);
    await createTable(
      tx,
      engine,
      'providerTraits',
      {
        providerId: 'text not null references "resourceProviders" ("id") on delete cascade',
        trait: 'text not null',
      },
      ['primary key ("providerId", "trait")'],
    );
    await createTable(
      tx,
      engine,
      'providerAggregates',
      {
        providerId: 'text not null references "resourceProviders" ("id") on delete cascade',
        aggregateId: 'text not null',
      },
      ['primary key ("providerId", "aggregateId")'],
    );
    await createTable(tx, engine, 'customResourceClasses', { name: 'text primary key' });
    await createTable(tx, engine, 'customTraits', { name: 'text primary key' });
  },
};
