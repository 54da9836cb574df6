// The first tables: who there is, what they may do where, and the service catalog.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';
import { tables } from '#/services/identity/tables.ts';

export const identityTables: Migration = {
  name: 'identity/0001-identity',
  async up(tx, engine) {
    const table = (name: string, columns: Record<string, string>, constraints: string[] = []) =>
      createTable(tx, engine, name, columns, constraints);
    const json = "text not null default '{}'";

    await table(
      'projects',
      {
        id: 'text primary key',
        name: 'text not null',
        domainId: 'text',
        parentId: 'text',
        isDomain: 'integer not null',
        enabled: 'integer not null',
        description: 'text not null',
        tags: "text not null default '[]'",
        options: json,
        extra: json,
        nameScope: 'text not null',
      },
      ['unique ("nameScope", "name")'],
    );
    await createIndex(tx, 'projects', ['parentId']);
    await table(
      'users',
      {
        id: 'text primary key',
        domainId: 'text not null',
        name: 'text not null',
        enabled: 'integer not null',
        defaultProjectId: 'text',
        passwordHash: 'text',
        passwordExpiresAt: 'text',
        options: json,
        extra: json,
        tokenEpoch: 'integer not null',
        createdAt: 'text not null',
      },
      ['unique ("domainId", "name")'],
    );
    await createIndex(tx, 'users', ['name']);
    await table(
      'userGroups',
      {
        id: 'text primary key',
        domainId: 'text not null',
        name: 'text not null',
        description: 'text not null',
        extra: json,
      },
      ['unique ("domainId", "name")'],
    );
    await table('groupMembers', { groupId: 'text not null', userId: 'text not null' }, [
      'primary key ("groupId", "userId")',
    ]);
    await createIndex(tx, 'groupMembers', ['userId']);
    await table(
      'roles',
      {
        id: 'text primary key',
        name: 'text not null',
        domainId: 'text',
        description: 'text',
        options: json,
        extra: json,
        nameScope: 'text not null',
      },
      ['unique ("nameScope", "name")'],
    );
    await table('impliedRoles', { priorRoleId: 'text not null', impliedRoleId: 'text not null' }, [
      'primary key ("priorRoleId", "impliedRoleId")',
    ]);
    await table(
      'roleAssignments',
      {
        actorType: 'text not null',
        actorId: 'text not null',
        targetType: 'text not null',
        targetId: 'text not null',
        roleId: 'text not null',
        inherited: 'integer not null',
      },
      ['primary key ("actorId", "targetId", "roleId", "inherited", "actorType", "targetType")'],
    );
    await createIndex(tx, 'roleAssignments', ['targetId']);
    await createIndex(tx, 'roleAssignments', ['roleId']);
    await table('regions', {
      id: 'text primary key',
      description: 'text not null',
      parentRegionId: 'text',
      extra: json,
    });
    await table('catalogServices', {
      id: 'text primary key',
      type: 'text not null',
      name: 'text not null',
      description: 'text not null',
      enabled: 'integer not null',
      extra: json,
    });
    await table('catalogEndpoints', {
      id: 'text primary key',
      serviceId: 'text not null',
      regionId: 'text',
      interface: 'text not null',
      url: 'text not null',
      enabled: 'integer not null',
      name: 'text',
      description: 'text',
      extra: json,
      followsConfig: 'integer not null',
    });
    await createIndex(tx, 'catalogEndpoints', ['serviceId']);
    await table('revokedTokens', { auditId: 'text primary key', expiresAt: 'integer not null' });
    await table('identityState', { id: 'integer primary key', generation: 'integer not null' });
    await tables(tx).insertInto('identityState').values({ id: 1, generation: 1 }).execute();
  },
};
