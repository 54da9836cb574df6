// Which users and groups stand for entries of an LDAP directory.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const directoryTables: Migration = {
  name: 'identity/0011-directories',
  async up(tx, engine) {
    await createTable(tx, engine, 'directoryEntries', {
      id: 'text primary key',
      domainId: 'text not null',
      kind: 'text not null',
      localId: 'text not null',
    });
    await createIndex(tx, 'directoryEntries', ['domainId', 'kind']);
  },
};
