// New keys for what is stored: nothing is lost, nothing is left under an old key, and no matter where it is broken off.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FernetKey, parseFernetKey } from '#/platform/access/fernet.ts';
import { loadFernetKeys } from '#/platform/access/fernet-keys.ts';
import { openKeyRing } from '#/platform/access/key-ring.ts';
import { systemRandom } from '#/platform/clock/clock.ts';
import type { Outside } from '#/platform/operations/operation.ts';
import { createVault } from '#/services/identity/credentials/credential.store.ts';
import { resealAll, sealedColumns } from '#/services/identity/credentials/reseal.ts';
import { rotateCredentialKeys } from '#/services/identity/credentials/rotate-keys.operation.ts';
import { tables } from '#/services/identity/tables.ts';
import { type TestCloud, testCloud } from '../../../../test/test-cloud.ts';

async function filled(cloud: TestCloud): Promise<() => Promise<void>> {
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const ids: string[] = [];
  const path = '/identity/v3/credentials';
  for (let at = 0; at < 3; at++) {
    const credential = { user_id: member.userId, type: 'note', blob: `secret ${at}` };
    ids.push((await member.post(path, { credential })).credential.id);
  }
  await admin.post('/identity/v3/OS-OAUTH1/consumers', { consumer: {} });
  const config = { identity: { driver: 'ldap' }, ldap: { url: 'ldap://192.0.2.1', password: 'bind-secret' } };
  await admin.put('/identity/v3/domains/default/config', { config }, 201);
  return async () => {
    for (const [at, id] of ids.entries()) equal((await member.get(`${path}/${id}`)).credential.blob, `secret ${at}`);
    equal((await admin.get('/identity/v3/domains/default/config')).config.ldap.url, config.ldap.url);
  };
}

async function sealedValues({ db }: TestCloud): Promise<string[]> {
  return db.read(async tx => {
    const all: string[] = [];
    for (const { table, column } of sealedColumns) {
      const rows = await tx
        .withTables<Record<string, Record<string, string>>>()
        .selectFrom(table)
        .select(column)
        .execute();
      all.push(...rows.map(row => row[column]!));
    }
    return all;
  });
}

test('everything stored is encrypted with the new key, twice over', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-rotate-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const keys = join(directory, 'credential-keys');
  await using cloud = await testCloud({ hosts: 0, directory });
  const admin = cloud.as('admin');
  const holds = await filled(cloud);
  const rotate = (headers = {}) => admin.request('POST', '/identity/keys/credentials/rotate', { headers });
  equal((await cloud.as('member').request('POST', '/identity/keys/credentials/rotate')).status, 403);
  equal((await rotate({ 'x-dry-run': 'true' })).status, 202);
  await cloud.settle();
  deepEqual(readdirSync(keys).sort(), ['0', '1']);

  for (const [round, numbers] of ['0,1,2', '0,2,3', '0,3,4'].entries()) {
    const before = await sealedValues(cloud);
    ok(before.length >= 6);
    equal((await rotate()).status, 202);
    await cloud.settle();
    equal(readdirSync(keys).sort().join(), numbers, `round ${round}`);
    const current = createVault(() => loadFernetKeys(keys).all.slice(0, 1));
    const values = await sealedValues(cloud);
    equal(values.length, before.length);
    for (const value of values) ok(current.isCurrent(value));
    await holds();
  }
  const { operations } = await admin.get('/haneul/operations?kind=identity.rotate-credential-keys&phase=done');
  equal(operations.length, 3);
  // As a step that is done a second time asks.
  const ring = openKeyRing({ directory: keys, random: systemRandom(), clock: cloud.clock });
  ring.rotate(({ numbers }) => numbers[0] === 3);
  equal(ring.current().numbers.join(), '4,3,0');
});

test('a machine that follows the keys of another changes none', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'haneul-follow-'));
  t.after(() => rmSync(directory, { recursive: true }));
  await using cloud = await testCloud({ hosts: 0, directory, config: { cluster_servers: ['https://192.0.2.1:8701'] } });
  const admin = cloud.as('admin');
  for (const path of ['/identity/keys/rotate', '/identity/keys/credentials/rotate']) {
    const { status, body } = await admin.request('POST', path);
    equal(status, 409);
    ok(body.error.message.includes('first machine'));
  }
  deepEqual(readdirSync(join(directory, 'credential-keys')).sort(), ['0', '1']);

  // What the first machine has begun, it leaves to that one, and nothing old passes for new with it.
  const ring = openKeyRing({ directory: join(directory, 'keys'), random: systemRandom(), clock: cloud.clock });
  const vault = createVault(() => ring.current().all);
  const { steps } = rotateCredentialKeys({ ring, vault, kept: false });
  const outside = { db: cloud.db } as Outside;
  const run = async (at: number, state: object): Promise<unknown> => {
    const step = steps[at]!;
    return step.type === 'call' ? step.do(outside, state) : undefined;
  };
  await rejects(run(0, { primary: 2 }), { kind: 'unavailable' });
  await rejects(run(1, { primary: 1 }), { kind: 'unavailable' });
  await rejects(run(2, { primary: 1, next: 2 }), { kind: 'unavailable' });
  equal(ring.current().numbers.join(), '1,0');
});

test('broken off, it goes on where it was', async () => {
  await using cloud = await testCloud({ hosts: 0 });
  const { db } = cloud;
  const key = (letter: string): FernetKey => parseFernetKey(letter.repeat(43))!;
  let keys = [key('A')];
  const vault = createVault(() => keys);
  await db.write(async tx => {
    for (const { table } of sealedColumns) await tx.withTables<Record<string, object>>().deleteFrom(table).execute();
    const row = (id: string) => ({ id, userId: 'u', projectId: null, type: 'note', extra: '{}', blob: '' });
    for (let at = 0; at < 450; at++) {
      const id = String(at).padStart(4, '0');
      await tables(tx)
        .insertInto('credentials')
        .values({ ...row(id), blob: vault.seal(tx, `secret ${id}`) })
        .execute();
    }
    const value = vault.seal(tx, 'of a domain');
    for (let at = 0; at < 250; at++)
      await tables(tx)
        .insertInto('domainConfigs')
        .values({ domainId: `d${at % 3}`, groupName: `g${at % 7}`, optionName: `o${at}`, value })
        .execute();
  });
  keys = [key('B'), key('A')];
  // The third transaction of the first try never commits.
  let writes = 0;
  const breaking: typeof db = {
    ...db,
    write: (work, options) => (++writes === 3 ? Promise.reject(new Error('power cut')) : db.write(work, options)),
  };
  await rejects(resealAll(breaking, vault));
  equal(await resealAll(db, vault), 700 - 400);
  equal(await resealAll(db, vault), 0);
  keys = [key('B')];
  const rows = await db.read(tx => tables(tx).selectFrom('credentials').selectAll().execute());
  await db.read(async tx => {
    for (const { id, blob } of rows) equal(vault.open(tx, blob), `secret ${id}`);
  });
});
