// Routers, floating IPs, security groups, pools, sharing and quotas.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

const standard = {
  id: 'text primary key',
  projectId: 'text not null',
  name: 'text not null',
  description: 'text not null',
  tags: 'text not null',
  revision: 'integer not null',
  createdAt: 'text not null',
  updatedAt: 'text not null',
};

export const routersMigration: Migration = {
  name: 'network/0002-routers',
  async up(tx, engine) {
    await createTable(tx, engine, 'securityGroups', {
      ...standard,
      stateful: 'integer not null',
      isDefault: 'integer not null',
    });
    await createIndex(tx, 'securityGroups', ['projectId'], { unique: true, where: '"isDefault" = 1' });
    await createIndex(tx, 'securityGroups', ['projectId', 'name']);
    await createTable(tx, engine, 'addressGroups', { ...standard, addresses: 'text not null' });
    await createTable(tx, engine, 'securityGroupRules', {
      ...standard,
      securityGroupId: 'text not null references "securityGroups" ("id") on delete cascade',
      direction: 'text not null',
      family: 'integer not null',
      protocol: 'text',
      portMin: 'integer',
      portMax: 'integer',
      remoteGroupId: 'text references "securityGroups" ("id") on delete cascade',
      remoteAddressGroupId: 'text references "addressGroups" ("id")',
      remoteIpPrefix: 'text',
    });
    await createIndex(tx, 'securityGroupRules', ['securityGroupId']);
    await createIndex(tx, 'securityGroupRules', ['remoteGroupId'], { where: '"remoteGroupId" is not null' });
    await createIndex(tx, 'securityGroupRules', ['remoteAddressGroupId'], {
      where: '"remoteAddressGroupId" is not null',
    });
    await createIndex(tx, 'securityGroupRules', ['projectId']);
    await createTable(
      tx,
      engine,
      'portSecurityGroups',
      {
        portId: 'text not null references "ports" ("id") on delete cascade',
        securityGroupId: 'text not null references "securityGroups" ("id")',
      },
      ['primary key ("portId", "securityGroupId")'],
    );
    await createIndex(tx, 'portSecurityGroups', ['securityGroupId']);
    await createTable(tx, engine, 'routers', {
      ...standard,
      adminStateUp: 'integer not null',
      host: 'text',
      gatewayPortId: 'text',
      gatewayNetworkId: 'text',
      enableSnat: 'integer not null',
      routes: 'text not null',
      zoneHints: 'text not null',
    });
    await createIndex(tx, 'routers', ['projectId']);
    await createIndex(tx, 'routers', ['host']);
    await createIndex(tx, 'routers', ['gatewayNetworkId'], { where: '"gatewayNetworkId" is not null' });
    await createTable(tx, engine, 'floatingIps', {
      ...standard,
      networkId: 'text not null references "networks" ("id")',
      ip: 'text not null',
      holderPortId: 'text not null',
      portId: 'text',
      fixedIp: 'text',
      routerId: 'text',
      status: 'text not null',
      dnsName: 'text not null',
      dnsDomain: 'text not null',
    });
    await createIndex(tx, 'floatingIps', ['projectId']);
    await createIndex(tx, 'floatingIps', ['networkId']);
    await createIndex(tx, 'floatingIps', ['portId', 'fixedIp'], { unique: true, where: '"portId" is not null' });
    await createIndex(tx, 'floatingIps', ['routerId'], { where: '"routerId" is not null' });
    await createTable(
      tx,
      engine,
      'portForwardings',
      {
        ...standard,
        floatingIpId: 'text not null references "floatingIps" ("id") on delete cascade',
        externalPort: 'integer not null',
        internalPort: 'integer not null',
        internalIp: 'text not null',
        internalPortId: 'text not null',
        protocol: 'text not null',
      },
      ['unique ("floatingIpId", "protocol", "externalPort")'],
    );
    await createIndex(tx, 'portForwardings', ['internalPortId']);
    await createTable(tx, engine, 'subnetPools', {
      ...standard,
      version: 'integer not null',
      prefixes: 'text not null',
      minPrefix: 'integer not null',
      maxPrefix: 'integer not null',
      defaultPrefix: 'integer not null',
      defaultQuota: 'integer',
      shared: 'integer not null',
      isDefault: 'integer not null',
    });
    await createIndex(tx, 'subnetPools', ['projectId']);
    await createTable(
      tx,
      engine,
      'networkRbacPolicies',
      {
        id: 'text primary key',
        projectId: 'text not null',
        objectType: 'text not null',
        objectId: 'text not null',
        action: 'text not null',
        target: 'text not null',
      },
      ['unique ("objectType", "objectId", "action", "target")'],
    );
    await createTable(
      tx,
      engine,
      'networkQuotas',
      { projectId: 'text not null', resource: 'text not null', quota: 'integer not null' },
      ['primary key ("projectId", "resource")'],
    );
  },
};
