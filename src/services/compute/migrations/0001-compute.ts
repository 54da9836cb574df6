// Compute's tables.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';

export const computeTables: Migration = {
  name: 'compute/0001-compute',
  async up(tx, engine) {
    const serial = engine === 'sqlite' ? 'integer primary key autoincrement' : 'bigserial primary key';
    await createTable(tx, engine, 'computeFlavors', {
      id: 'text primary key',
      name: 'text not null unique',
      vcpus: 'integer not null',
      memoryMib: 'integer not null',
      diskGib: 'integer not null',
      ephemeralGib: 'integer not null',
      swapMib: 'integer not null',
      rxtxFactor: 'real not null',
      isPublic: 'integer not null',
      description: 'text',
      extraSpecs: 'text not null',
      createdAt: 'text not null',
      updatedAt: 'text',
    });
    await createTable(
      tx,
      engine,
      'computeFlavorAccess',
      { flavorId: 'text not null references "computeFlavors" ("id") on delete cascade', projectId: 'text not null' },
      ['primary key ("flavorId", "projectId")'],
    );
    await createTable(
      tx,
      engine,
      'computeKeypairs',
      {
        id: serial,
        userId: 'text not null',
        name: 'text not null',
        type: 'text not null',
        publicKey: 'text not null',
        fingerprint: 'text not null',
        createdAt: 'text not null',
      },
      ['unique ("userId", "name")'],
    );
    await createTable(tx, engine, 'computeServers', {
      seq: serial,
      id: 'text not null unique',
      projectId: 'text not null',
      userId: 'text not null',
      name: 'text not null',
      hostname: 'text not null',
      description: 'text',
      reservationId: 'text not null',
      launchIndex: 'integer not null',
      keyName: 'text',
      keyData: 'text',
      flavor: 'text not null',
      vcpus: 'integer not null',
      memoryMib: 'integer not null',
      imageId: 'text',
      image: 'text not null',
      vmState: 'text not null',
      taskState: 'text',
      powerState: 'integer not null',
      lockedBy: 'text',
      lockedReason: 'text',
      host: 'text',
      zone: 'text',
      pinnedZone: 'text',
      accessIpv4: 'text',
      accessIpv6: 'text',
      diskConfig: 'text not null',
      configDrive: 'integer not null',
      metadata: 'text not null',
      tags: 'text not null',
      userData: 'text',
      adminPass: 'text',
      randomSeed: 'text not null',
      files: 'text not null',
      hints: 'text not null',
      groupId: 'text',
      power: 'text not null',
      boot: 'integer not null',
      rootGeneration: 'integer not null',
      planned: 'integer not null',
      rootDevice: 'text not null',
      fault: 'text',
      createdAt: 'text not null',
      updatedAt: 'text not null',
      launchedAt: 'text',
    });
    await createIndex(tx, 'computeServers', ['projectId', 'createdAt']);
    await createIndex(tx, 'computeServers', ['host']);
    await createIndex(tx, 'computeServers', ['groupId'], { where: '"groupId" is not null' });
    await createTable(tx, engine, 'computeBlockDevices', {
      id: 'text primary key',
      serverId: 'text not null references "computeServers" ("id") on delete cascade',
      position: 'integer not null',
      source: 'text not null',
      destination: 'text not null',
      volumeId: 'text',
      attachmentId: 'text',
      device: 'text',
      bootIndex: 'integer',
      sizeGib: 'integer',
      guestFormat: 'text',
      tag: 'text',
      deleteOnTermination: 'integer not null',
      madeHere: 'integer not null',
      readOnly: 'integer not null',
      connection: 'text',
      detaching: 'integer not null',
    });
    await createIndex(tx, 'computeBlockDevices', ['serverId']);
    await createIndex(tx, 'computeBlockDevices', ['volumeId']);
    await createTable(tx, engine, 'computeNics', {
      portId: 'text primary key',
      serverId: 'text not null references "computeServers" ("id") on delete cascade',
      position: 'integer not null',
      tag: 'text',
      plugged: 'integer not null',
      detaching: 'integer not null',
    });
    await createIndex(tx, 'computeNics', ['serverId']);
    await createTable(tx, engine, 'computeActions', {
      id: serial,
      serverId: 'text not null',
      projectId: 'text not null',
      userId: 'text not null',
      requestId: 'text not null',
      action: 'text not null',
      message: 'text',
      startedAt: 'text not null',
      updatedAt: 'text not null',
    });
    await createIndex(tx, 'computeActions', ['serverId', 'requestId']);
    await createTable(tx, engine, 'computeActionEvents', {
      id: serial,
      actionId: 'integer not null references "computeActions" ("id") on delete cascade',
      event: 'text not null',
      host: 'text',
      startedAt: 'text not null',
      finishedAt: 'text',
      result: 'text',
      details: 'text',
    });
    await createIndex(tx, 'computeActionEvents', ['actionId']);
    await createTable(tx, engine, 'computeServerGroups', {
      id: 'text primary key',
      projectId: 'text not null',
      userId: 'text not null',
      name: 'text not null',
      policy: 'text not null',
      maxPerHost: 'integer',
      createdAt: 'text not null',
    });
    await createIndex(tx, 'computeServerGroups', ['projectId']);
    await createTable(
      tx,
      engine,
      'computeQuotas',
      { scope: 'text not null', resource: 'text not null', maximum: 'integer not null' },
      ['primary key ("scope", "resource")'],
    );
    await createTable(tx, engine, 'computeAggregates', {
      id: serial,
      uuid: 'text not null unique',
      name: 'text not null unique',
      metadata: 'text not null',
      createdAt: 'text not null',
      updatedAt: 'text',
    });
    await createTable(
      tx,
      engine,
      'computeAggregateHosts',
      {
        aggregateId: 'integer not null references "computeAggregates" ("id") on delete cascade',
        host: 'text not null',
      },
      ['primary key ("aggregateId", "host")'],
    );
    await createTable(tx, engine, 'computeConsoleTokens', {
      hash: 'text primary key',
      serverId: 'text not null references "computeServers" ("id") on delete cascade',
      kind: 'text not null',
      expiresAt: 'integer not null',
    });
  },
};
