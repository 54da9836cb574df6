// What operators may demand of accounts: failed logins, activity, former passwords.

import { createTable, type Migration } from '#/platform/database/migrations.ts';

export const complianceTables: Migration = {
  name: 'identity/0003-compliance',
  async up(tx, engine) {
    await createTable(tx, engine, 'accountStates', {
      userId: 'text primary key',
      failures: 'integer not null',
      lastFailureAt: 'integer not null',
      passwordSetAt: 'integer',
      lastActiveAt: 'integer',
    });
    await createTable(
      tx,
      engine,
      'formerPasswords',
      { userId: 'text not null', passwordHash: 'text not null', endedAt: 'integer not null' },
      ['primary key ("userId", "passwordHash")'],
    );
  },
};
