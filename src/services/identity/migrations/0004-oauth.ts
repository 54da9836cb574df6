// OAuth 1.0 tokens, and which stored policy documents belong to which endpoints.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const oauthTables: Migration = {
  name: 'identity/0004-oauth',
  async up(tx, engine) {
    await createTable(tx, engine, 'oauthTokens', {
      id: 'text primary key',
      kind: 'text not null',
      consumerId: 'text not null',
      sealedSecret: 'text not null',
      projectId: 'text not null',
      userId: 'text',
      roleIds: "text not null default '[]'",
      verifier: 'text',
      expiresAt: 'text',
    });
    await createIndex(tx, 'oauthTokens', ['userId']);
    await createIndex(tx, 'oauthTokens', ['consumerId']);
    await createTable(
      tx,
      engine,
      'policyAssociations',
      {
        policyId: 'text not null',
        endpointId: 'text not null',
        serviceId: 'text not null',
        regionId: 'text not null',
      },
      ['primary key ("endpointId", "serviceId", "regionId")'],
    );
  },
};
