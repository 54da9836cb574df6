// Two processes over one database: what one changes, the other knows within a second; and what is remembered is bounded by
// what is true.

import { equal, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { newFernetKey } from '#/platform/access/fernet.ts';
import { migrate } from '#/platform/database/migrations.ts';
import { openSqlite } from '#/platform/database/sqlite.ts';
import { createEvents, eventMigrations } from '#/platform/events/events.ts';
import { identityTables } from '#/services/identity/migrations/0001-identity.ts';
import { complianceTables } from '#/services/identity/migrations/0003-compliance.ts';
import { delegationTables } from '#/services/identity/migrations/0002-delegation.ts';
import { seedIdentity } from '#/services/identity/seed.ts';
import { tables } from '#/services/identity/tables.ts';
import { createAuthority, revokeToken } from '#/services/identity/tokens/authority.ts';
import { fernetTokens } from '#/services/identity/tokens/fernet-token.ts';
import { updateUser } from '#/services/identity/users/user.store.ts';
import { seededRandom } from '../../../../test/seeded-random.ts';
import { virtualClock } from '../../../../test/virtual-clock.ts';

test('a revocation in one process is known to another within a second', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'identity-'));
  const clock = virtualClock();
  const random = seededRandom(3);
  const keys = [newFernetKey(random)];
  const format = fernetTokens(() => keys, random);
  const processes = [1, 2].map(() => {
    const slots = new Map<symbol, unknown>();
    createEvents(slots);
    const db = openSqlite({ file: join(directory, 'cloud.db'), clock, random, slots });
    return { db, authority: createAuthority({ db, clock, random, format }) };
  });
  const [one, two] = [processes[0]!, processes[1]!];
  t.after(async () => {
    for (const { db } of processes) await db.close();
    rmSync(directory, { recursive: true });
  });
  await migrate(one.db, [...eventMigrations, identityTables, delegationTables, complianceTables]);
  const settings = {
    region: 'r',
    publicUrl: 'http://x',
    adminPassword: '',
    adminPasswordHash: '',
    services: [],
    externalCidr: null,
    simulated: true,
  };
  await one.db.write(tx => seedIdentity(tx, settings));
  const user = await one.db.read(tx =>
    tables(tx).selectFrom('users').selectAll().where('name', '=', 'demo').executeTakeFirstOrThrow(),
  );
  const issue = (): Promise<string> =>
    one.db.read(async tx => {
      const base = {
        userId: user.id,
        methods: ['password' as const],
        scope: { type: 'unscoped' as const },
        epoch: user.tokenEpoch,
      };
      const times = {
        issuedAt: clock.now(),
        expiresAt: clock.now() + 3_600_000,
        auditIds: [one.authority.newAuditId()],
      };
      return (await one.authority.issue(tx, { ...base, ...times })).token;
    });
  const made = await issue();
  const madeBy = (await format.read(made, clock.now()))!;
  await two.db.write(tx => revokeToken(tx, madeBy));
  await rejects(async () => one.authority.authenticate(made), { kind: 'unauthenticated' }, 'before its first look');
  const [first, second] = [await issue(), await issue()];
  for (const { authority } of processes)
    for (const token of [first, second]) equal((await authority.authenticate(token)).userId, user.id);

  const payload = (await format.read(first, clock.now()))!;
  await one.db.write(tx => revokeToken(tx, payload));
  await rejects(async () => one.authority.authenticate(first), { kind: 'unauthenticated' });
  await clock.advance(1_000);
  await rejects(async () => two.authority.authenticate(first), { kind: 'unauthenticated' });
  equal((await two.authority.authenticate(second)).userId, user.id);

  await two.db.write(tx => updateUser(tx, user.id, { enabled: 0 }, { endTokens: true }));
  await rejects(async () => two.authority.authenticate(second), { kind: 'unauthenticated' });
  await clock.advance(1_000);
  await rejects(async () => one.authority.authenticate(second), { kind: 'unauthenticated' });
});
