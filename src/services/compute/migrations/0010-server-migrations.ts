// Servers on their way from one host, or one flavor, to another.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const serverMigrationTables: Migration = {
  name: 'compute/0010-server-migrations',
  async up(tx, engine) {
    const serial = engine === 'sqlite' ? 'integer primary key autoincrement' : 'bigserial primary key';
    await createTable(tx, engine, 'computeMigrations', {
      id: serial,
      uuid: 'text not null unique',
      serverId: 'text not null',
      projectId: 'text not null',
      userId: 'text not null',
      type: 'text not null',
      status: 'text not null',
      stage: 'text not null',
      sourceHost: 'text not null',
      destHost: 'text not null',
      oldFlavor: 'text not null',
      newFlavor: 'text not null',
      wasPower: 'text not null',
      wasVmState: 'text not null',
      ticket: 'text not null',
      layout: 'text',
      wish: 'text',
      memoryTotal: 'integer not null',
      memoryProcessed: 'integer not null',
      memoryRemaining: 'integer not null',
      diskTotal: 'integer not null',
      diskProcessed: 'integer not null',
      diskRemaining: 'integer not null',
      downtimeMs: 'integer',
      createdAt: 'text not null',
      updatedAt: 'text not null',
    });
    await createIndex(tx, 'computeMigrations', ['serverId']);
    await createIndex(tx, 'computeMigrations', ['projectId', 'createdAt']);
    await createIndex(tx, 'computeMigrations', ['sourceHost', 'destHost'], { where: `"stage" <> 'none'` });
  },
};
