// Which hosts may reach a volume for an attachment, each by a ticket of its own; and how often one was taken back.

import { createTable, type Migration } from '#/platform/database/migrations.ts';

export const volumeHolds: Migration = {
  name: 'block-storage/0003-volume-holds',
  async up(tx, engine) {
    await createTable(
      tx,
      engine,
      'volumeHolds',
      {
        attachmentId: 'text not null references "volumeAttachments" ("id") on delete cascade',
        host: 'text not null',
        ticket: 'text not null',
      },
      ['primary key ("attachmentId", "host")'],
    );
    await tx.schema
      .alterTable('volumes')
      .addColumn('epoch', 'integer', column => column.notNull().defaultTo(0))
      .execute();
  },
};
