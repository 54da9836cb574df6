// Volumes, their attachments and snapshots, types, quotas, transfers.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const volumeTables: Migration = {
  name: 'block-storage/0001-volumes',
  async up(tx, engine) {
    await createTable(tx, engine, 'volumeTypes', {
      id: 'text primary key',
      name: 'text not null unique',
      description: 'text',
      isPublic: 'integer not null',
      extraSpecs: 'text not null',
      createdAt: 'text not null',
      updatedAt: 'text',
    });
    await createTable(
      tx,
      engine,
      'volumeTypeAccess',
      {
        typeId: 'text not null references "volumeTypes" ("id") on delete cascade',
        projectId: 'text not null',
      },
      ['primary key ("typeId", "projectId")'],
    );
    await createTable(tx, engine, 'volumes', {
      id: 'text primary key',
      projectId: 'text not null',
      userId: 'text not null',
      name: 'text',
      description: 'text',
      sizeGib: 'integer not null',
      status: 'text not null',
      previousStatus: 'text',
      availabilityZone: 'text not null',
      typeId: 'text not null references "volumeTypes" ("id")',
      bootable: 'integer not null',
      multiattach: 'integer not null',
      readOnly: 'integer',
      snapshotId: 'text',
      sourceVolumeId: 'text',
      imageId: 'text',
      host: 'text',
      planned: 'integer not null',
      built: 'integer not null',
      metadata: 'text not null',
      imageMetadata: 'text not null',
      createdAt: 'text not null',
      updatedAt: 'text',
    });
    await createIndex(tx, 'volumes', ['projectId', 'createdAt']);
    await createIndex(tx, 'volumes', ['host']);
    const volume = 'text not null references "volumes" ("id") on delete cascade';
    await createTable(tx, engine, 'volumeAttachments', {
      id: 'text primary key',
      volumeId: volume,
      serverId: 'text',
      hostName: 'text',
      device: 'text',
      mode: 'text not null',
      status: 'text not null',
      connector: 'text',
      attachedAt: 'text',
      createdAt: 'text not null',
    });
    await createIndex(tx, 'volumeAttachments', ['volumeId']);
    await createIndex(tx, 'volumeAttachments', ['serverId']);
    await createTable(tx, engine, 'volumeSnapshots', {
      id: 'text primary key',
      volumeId: volume,
      projectId: 'text not null',
      userId: 'text not null',
      name: 'text',
      description: 'text',
      sizeGib: 'integer not null',
      status: 'text not null',
      planned: 'integer not null',
      metadata: 'text not null',
      createdAt: 'text not null',
      updatedAt: 'text',
    });
    await createIndex(tx, 'volumeSnapshots', ['volumeId']);
    await createIndex(tx, 'volumeSnapshots', ['projectId', 'createdAt']);
    await createTable(
      tx,
      engine,
      'volumeQuotas',
      { projectId: 'text not null', resource: 'text not null', limit: 'integer not null' },
      ['primary key ("projectId", "resource")'],
    );
    await createTable(tx, engine, 'volumeTransfers', {
      id: 'text primary key',
      volumeId: volume,
      projectId: 'text not null',
      name: 'text',
      keyHash: 'text not null',
      createdAt: 'text not null',
    });
  },
};
