// A password. A user who does not exist costs as much time as a wrong password, and is answered alike.

import type { Passwords } from '#/platform/access/passwords.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Logger } from '#/platform/log/log.ts';
import { open, string } from '#/platform/http/schema.ts';
import { tables, type UserRow } from '#/services/identity/tables.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import { findUserAsked } from '#/services/identity/tokens/methods/find-user.ts';
import { type AuthMethod, authMethod, userRef } from '#/services/identity/tokens/methods/method.ts';

export function passwordMethod({ passwords, log }: { passwords: Passwords; log: Logger }): AuthMethod {
  return authMethod(open({ user: open({ ...userRef, password: string() }) }), async ({ user: ask }, { db }) => {
    const user = await db.read(tx => findUserAsked(tx, ask));
    const { matches, stale } = await passwords.verify(user?.passwordHash ?? null, ask.password);
    if (!user || !matches || !user.enabled) {
      log.info({ userId: user?.id ?? null, known: user !== undefined, enabled: user?.enabled === 1 }, 'login refused');
      throw refused();
    }
    if (stale) await renewHash(db, user, await passwords.hash(ask.password));
    return { user, methods: ['password'] };
  });
}

/** The same password in today's form. It is no change of password: tokens stay. */
async function renewHash(db: Database, user: UserRow, passwordHash: string): Promise<void> {
  await db.write(tx =>
    tables(tx)
      .updateTable('users')
      .set({ passwordHash })
      .where('id', '=', user.id)
      .where('passwordHash', '=', user.passwordHash)
      .execute(),
  );
}
