// What is good once and has been used: nonces of signed requests, one-time passwords.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const usedOnceTable: Migration = {
  name: 'identity/0012-used-once',
  async up(tx, engine) {
    await createTable(tx, engine, 'usedOnce', { what: 'text primary key', until: 'integer not null' });
    await createIndex(tx, 'usedOnce', ['until']);
  },
};
