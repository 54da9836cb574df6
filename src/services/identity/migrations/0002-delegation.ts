// What acts for a user: credentials, application credentials and trusts. And limits, and what is merely stored.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const delegationTables: Migration = {
  name: 'identity/0002-delegation',
  async up(tx, engine) {
    const table = (name: string, columns: Record<string, string>, constraints: string[] = []) =>
      createTable(tx, engine, name, columns, constraints);
    const json = "text not null default '{}'";

    await table('credentials', {
      id: 'text primary key',
      userId: 'text not null',
      projectId: 'text',
      type: 'text not null',
      blob: 'text not null',
      accessKey: 'text',
      extra: json,
      trustId: 'text',
      applicationCredentialId: 'text',
    });
    await createIndex(tx, 'credentials', ['userId']);
    await createIndex(tx, 'credentials', ['accessKey']);
    await table(
      'applicationCredentials',
      {
        id: 'text primary key',
        userId: 'text not null',
        projectId: 'text not null',
        name: 'text not null',
        description: 'text',
        secretHash: 'text not null',
        expiresAt: 'text',
        unrestricted: 'integer not null',
        system: 'text',
        roleIds: 'text not null',
        accessRuleIds: 'text',
      },
      ['unique ("userId", "name")'],
    );
    await table(
      'accessRules',
      {
        id: 'text primary key',
        userId: 'text not null',
        service: 'text not null',
        path: 'text not null',
        method: 'text not null',
      },
      ['unique ("userId", "service", "path", "method")'],
    );
    await table('trusts', {
      id: 'text primary key',
      trustorUserId: 'text not null',
      trusteeUserId: 'text not null',
      projectId: 'text',
      impersonation: 'integer not null',
      expiresAt: 'text',
      remainingUses: 'integer',
      roleIds: 'text not null',
      redelegatedTrustId: 'text',
      redelegationCount: 'integer not null',
      allowRedelegation: 'integer not null',
      extra: json,
    });
    await createIndex(tx, 'trusts', ['trustorUserId']);
    await createIndex(tx, 'trusts', ['trusteeUserId']);
    await table('registeredLimits', {
      id: 'text primary key',
      serviceId: 'text not null',
      regionId: 'text',
      resourceName: 'text not null',
      defaultLimit: 'integer not null',
      description: 'text',
      unique: 'text not null unique',
    });
    await table('resourceLimits', {
      id: 'text primary key',
      registeredLimitId: 'text not null',
      projectId: 'text',
      domainId: 'text',
      resourceLimit: 'integer not null',
      description: 'text',
    });
    await createIndex(tx, 'resourceLimits', ['registeredLimitId']);
    await table('storedPolicies', {
      id: 'text primary key',
      type: 'text not null',
      blob: 'text not null',
      extra: json,
    });
    await table('oauthConsumers', {
      id: 'text primary key',
      description: 'text',
      sealedSecret: 'text not null',
      extra: json,
    });
    await table('endpointGroups', {
      id: 'text primary key',
      name: 'text not null',
      description: 'text',
      filters: 'text not null',
    });
    await table('endpointGroupProjects', { endpointGroupId: 'text not null', projectId: 'text not null' }, [
      'primary key ("endpointGroupId", "projectId")',
    ]);
    await table('endpointProjects', { endpointId: 'text not null', projectId: 'text not null' }, [
      'primary key ("endpointId", "projectId")',
    ]);
    await table(
      'domainConfigs',
      { domainId: 'text not null', groupName: 'text not null', optionName: 'text not null', value: 'text not null' },
      ['primary key ("domainId", "groupName", "optionName")'],
    );
  },
};
