// Identity providers, mappings, protocols and service providers, and which users came from where.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const federationTables: Migration = {
  name: 'identity/0010-federation',
  async up(tx, engine) {
    const table = (name: string, columns: Record<string, string>, constraints: string[] = []) =>
      createTable(tx, engine, name, columns, constraints);
    const ofProvider = 'text not null references "identityProviders" ("id") on delete cascade';
    const ofUser = 'text not null references "users" ("id") on delete cascade';

    await table('identityProviders', {
      id: 'text primary key',
      enabled: 'integer not null',
      description: 'text',
      domainId: 'text not null',
      authorizationTtl: 'integer',
    });
    await table('identityProviderRemoteIds', { remoteId: 'text primary key', idpId: ofProvider });
    await createIndex(tx, 'identityProviderRemoteIds', ['idpId']);
    await table('federationMappings', {
      id: 'text primary key',
      rules: 'text not null',
      schemaVersion: 'text not null',
    });
    await table(
      'federationProtocols',
      { id: 'text not null', idpId: ofProvider, mappingId: 'text not null', remoteIdAttribute: 'text' },
      ['primary key ("idpId", "id")'],
    );
    await table(
      'federationConnections',
      { idpId: 'text not null', protocolId: 'text not null', kind: 'text not null', sealed: 'text not null' },
      [
        'primary key ("idpId", "protocolId")',
        'foreign key ("idpId", "protocolId") references "federationProtocols" ("idpId", "id") on delete cascade',
      ],
    );
    await table('serviceProviders', {
      id: 'text primary key',
      enabled: 'integer not null',
      description: 'text',
      authUrl: 'text not null',
      spUrl: 'text not null',
      relayStatePrefix: 'text not null',
    });
    await table(
      'federatedUsers',
      {
        userId: ofUser,
        idpId: ofProvider,
        protocolId: 'text not null',
        uniqueId: 'text not null',
        displayName: 'text',
      },
      ['primary key ("idpId", "protocolId", "uniqueId")'],
    );
    await createIndex(tx, 'federatedUsers', ['userId']);
    await table(
      'expiringMembers',
      { groupId: 'text not null', userId: ofUser, idpId: ofProvider, expiresAt: 'integer not null' },
      ['primary key ("groupId", "userId", "idpId")'],
    );
    await createIndex(tx, 'expiringMembers', ['userId']);
    await createIndex(tx, 'expiringMembers', ['expiresAt']);
    await table('usedAssertions', { id: 'text primary key', expiresAt: 'integer not null' });
    await table('signOns', { id: 'text primary key', sealed: 'text not null', expiresAt: 'integer not null' });
    await table('samlKeys', { id: 'integer primary key', sealedKey: 'text not null', certificate: 'text not null' });
  },
};
