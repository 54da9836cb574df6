// The catalogue of metadata definitions: what properties mean, for people who choose among them.

import { createTable, type Migration } from '#/platform/database/migrations.ts';

export const metadefTables: Migration = {
  name: 'image/0002-metadefs',
  async up(tx, engine) {
    await createTable(tx, engine, 'metadefNamespaces', {
      name: 'text primary key',
      projectId: 'text not null',
      displayName: 'text',
      description: 'text',
      visibility: 'text not null',
      protected: 'integer not null',
      createdAt: 'text not null',
      updatedAt: 'text not null',
    });
    await createTable(
      tx,
      engine,
      'metadefItems',
      {
        namespace: 'text not null references "metadefNamespaces" ("name") on delete cascade on update cascade',
        kind: 'text not null',
        name: 'text not null',
        body: 'text not null',
        createdAt: 'text not null',
        updatedAt: 'text not null',
      },
      ['primary key ("namespace", "kind", "name")'],
    );
  },
};
