// Images, what users say of them, who may use them, who does.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const imageTables: Migration = {
  name: 'image/0001-images',
  async up(tx, engine) {
    await createTable(tx, engine, 'imageStores', { id: 'text primary key', directory: 'text not null' });
    await createTable(tx, engine, 'images', {
      id: 'text primary key',
      projectId: 'text not null',
      name: 'text',
      status: 'text not null',
      visibility: 'text not null',
      diskFormat: 'text',
      containerFormat: 'text',
      sizeBytes: 'integer',
      virtualSizeBytes: 'integer',
      md5: 'text',
      sha512: 'text',
      formatProven: 'integer not null',
      minDiskGib: 'integer not null',
      minRamMib: 'integer not null',
      protected: 'integer not null',
      hidden: 'integer not null',
      uploadId: 'text',
      uploadAliveAt: 'integer not null',
      createdAt: 'text not null',
      updatedAt: 'text not null',
    });
    await createIndex(tx, 'images', ['projectId', 'status']);
    await createIndex(tx, 'images', ['visibility']);
    const image = 'text not null references "images" ("id") on delete cascade';
    await createTable(
      tx,
      engine,
      'imageProperties',
      { imageId: image, name: 'text not null', value: 'text not null' },
      ['primary key ("imageId", "name")'],
    );
    await createTable(tx, engine, 'imageTags', { imageId: image, tag: 'text not null' }, [
      'primary key ("imageId", "tag")',
    ]);
    await createTable(
      tx,
      engine,
      'imageMembers',
      {
        imageId: image,
        memberId: 'text not null',
        status: 'text not null',
        createdAt: 'text not null',
        updatedAt: 'text not null',
      },
      ['primary key ("imageId", "memberId")'],
    );
    await createIndex(tx, 'imageMembers', ['memberId']);
    await createTable(tx, engine, 'imageUses', { imageId: image, userKey: 'text not null' }, [
      'primary key ("imageId", "userKey")',
    ]);
    await createTable(tx, engine, 'imageTasks', {
      id: 'text primary key',
      imageId: 'text not null',
      projectId: 'text not null',
      userId: 'text not null',
      requestId: 'text',
      type: 'text not null',
      status: 'text not null',
      input: 'text not null',
      message: 'text not null',
      createdAt: 'text not null',
      updatedAt: 'text not null',
    });
    await createIndex(tx, 'imageTasks', ['imageId']);
  },
};
