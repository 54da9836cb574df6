// Which attachments are those of this cloud's servers: they end with the server's, not by a call of block storage.

import type { Migration } from '#/platform/database/migrations.ts';

export const serverAttachments: Migration = {
  name: 'block-storage/0002-server-attachments',
  async up(tx) {
    await tx.schema
      .alterTable('volumeAttachments')
      .addColumn('ofServer', 'integer', column => column.notNull().defaultTo(0))
      .execute();
  },
};
