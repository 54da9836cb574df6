// Routers that are on several hosts, and the network by which those hear one another.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const haRoutersMigration: Migration = {
  name: 'network/0006-ha-routers',
  async up(tx, engine) {
    const integer = engine === 'sqlite' ? 'integer' : 'bigint';
    await tx.schema
      .alterTable('routers')
      .addColumn('ha', integer, column => column.notNull().defaultTo(0))
      .execute();
    await tx.schema.alterTable('routers').addColumn('virtualRouterId', integer).execute();
    await createTable(
      tx,
      engine,
      'routerHosts',
      {
        routerId: 'text not null references "routers" ("id") on delete cascade',
        host: 'text not null',
        portId: 'text not null',
        state: 'text not null',
      },
      ['primary key ("routerId", "host")'],
    );
    await createIndex(tx, 'routerHosts', ['host']);
    await createTable(tx, engine, 'haNetworks', {
      projectId: 'text primary key',
      networkId: 'text not null',
    });
  },
};
