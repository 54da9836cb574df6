import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { hostMigrations, table } from '#/host/hosts.store.ts';
import { createSilence } from '#/host/silence.ts';
import { memoryBus } from '#/platform/bus/memory-bus.ts';
import { migrate } from '#/platform/database/migrations.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { createLogger } from '#/platform/log/log.ts';
import { type TestDatabase, testDatabase } from '../../test/postgres/test-database.ts';
import { seededRandom } from '../../test/seeded-random.ts';
import { virtualClock } from '../../test/virtual-clock.ts';

test('those who fall silent together are all down before what one carried goes elsewhere', async () => {
  const clock = virtualClock(undefined, async () => db?.idle());
  await using end = new AsyncDisposableStack();
  const db: TestDatabase = await testDatabase({ clock, random: seededRandom(1), slots: new Map() });
  end.defer(() => db.close());
  const log = createLogger('test', 'silent');
  const bus = memoryBus({ clock, log });
  await migrate(db, hostMigrations);
  await db.write(async tx => {
    for (const name of ['one', 'two', 'three'])
      await table(tx)
        .insertInto('hosts')
        .values({
          ...{ name, providerId: name, roles: '[]', address: null, up: 1, enabled: 1, disabledReason: null },
          ...{ forcedDown: 0, capabilities: null, volumeCapacity: null, networkCapabilities: null },
          ...{ wantedRevision: 1, reportedRevision: 1, reportedSequence: 0, session: null },
          ...{ lastSeenAt: '', startedAt: '', createdAt: '' },
        })
        .execute();
  });
  const up = async (tx: Tx): Promise<string[]> =>
    (await table(tx).selectFrom('hosts').select('name').where('up', '=', 1).orderBy('name').execute()).map(
      row => row.name,
    );
  const told: [string, string, string[]][] = [];
  const silence = createSilence({
    ...{ db, bus, clock, log },
    tell: async (tx, host, { type }) => void told.push([host, type, await up(tx)]),
  });
  silence.start();
  for (let second = 0; second < 20; second++) {
    silence.heard('three');
    await clock.advance(1_000);
  }
  deepEqual(
    told.toSorted((a, b) => (a[0] < b[0] ? -1 : 1)),
    [
      ['one', 'host.down', ['three']],
      ['two', 'host.down', ['three']],
    ],
  );
  silence.heard('two');
  await clock.advance(4_000);
  deepEqual(told.slice(2), [['two', 'host.up', ['three', 'two']]]);
  silence.stop();
  await bus.close();
});
