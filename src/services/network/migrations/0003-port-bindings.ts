// Further hosts of a port: the one it is to move to, or the one it has left and not yet let go.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const portBindingsMigration: Migration = {
  name: 'network/0003-port-bindings',
  async up(tx, engine) {
    await createTable(
      tx,
      engine,
      'portBindings',
      {
        portId: 'text not null references "ports" ("id") on delete cascade',
        networkId: 'text not null',
        host: 'text not null',
        vnicType: 'text not null',
        profile: 'text not null',
      },
      ['primary key ("portId", "host")'],
    );
    await createIndex(tx, 'portBindings', ['host']);
    await createIndex(tx, 'portBindings', ['networkId', 'host']);
  },
};
