// The first tables of the network service.

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

export const networksMigration: Migration = {
  name: 'network/0001-networks',
  async up(tx, engine) {
    await createTable(tx, engine, 'networks', {
      ...standard,
      adminStateUp: 'integer not null',
      shared: 'integer not null',
      external: 'integer not null',
      isDefault: 'integer not null',
      type: 'text not null',
      physicalNetwork: 'text',
      segmentationId: 'integer not null unique',
      mtu: 'integer not null',
      portSecurity: 'integer not null',
      dnsDomain: 'text not null',
      zoneHints: 'text not null',
    });
    await createIndex(tx, 'networks', ['projectId']);
    await createIndex(tx, 'networks', ['physicalNetwork'], { unique: true, where: `"type" = 'flat'` });
    await createTable(tx, engine, 'subnets', {
      ...standard,
      networkId: 'text not null references "networks" ("id")',
      version: 'integer not null',
      cidr: 'text not null',
      gateway: 'text',
      enableDhcp: 'integer not null',
      pools: 'text not null',
      dnsServers: 'text not null',
      hostRoutes: 'text not null',
      serviceTypes: 'text not null',
      ipv6AddressMode: 'text',
      ipv6RaMode: 'text',
      subnetPoolId: 'text',
    });
    await createIndex(tx, 'subnets', ['networkId']);
    await createIndex(tx, 'subnets', ['projectId']);
    await createIndex(tx, 'subnets', ['subnetPoolId'], { where: '"subnetPoolId" is not null' });
    await createTable(
      tx,
      engine,
      'ports',
      {
        ...standard,
        networkId: 'text not null references "networks" ("id")',
        mac: 'text not null',
        adminStateUp: 'integer not null',
        status: 'text not null',
        deviceId: 'text not null',
        deviceOwner: 'text not null',
        host: 'text',
        vnicType: 'text not null',
        profile: 'text not null',
        portSecurity: 'integer not null',
        allowedPairs: 'text not null',
        dhcpOptions: 'text not null',
        dnsName: 'text not null',
        ordinal: 'integer not null',
        ownedByServer: 'integer not null',
      },
      ['unique ("networkId", "mac")'],
    );
    await createIndex(tx, 'ports', ['projectId']);
    await createIndex(tx, 'ports', ['deviceId']);
    await createIndex(tx, 'ports', ['host'], { where: '"host" is not null' });
    await createIndex(tx, 'ports', ['networkId', 'host'], { where: '"host" is not null' });
    await createTable(
      tx,
      engine,
      'portAddresses',
      {
        portId: 'text not null references "ports" ("id") on delete cascade',
        networkId: 'text not null',
        subnetId: 'text not null references "subnets" ("id")',
        ip: 'text not null',
        ipKey: 'text not null',
        position: 'integer not null',
      },
      ['primary key ("subnetId", "ipKey")'],
    );
    await createIndex(tx, 'portAddresses', ['portId']);
    await createIndex(tx, 'portAddresses', ['ip']);
  },
};
