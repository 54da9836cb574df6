// A password. A user who does not exist costs as much time as a wrong password, and is answered alike.

import type { Database } from '#/platform/database/database.ts';
import { open, string } from '#/platform/http/schema.ts';
import { tables, type UserRow } from '#/services/identity/tables.ts';
import { findUserAsked } from '#/services/identity/tokens/methods/find-user.ts';
import { type AuthMethod, authMethod, userRef } from '#/services/identity/tokens/methods/method.ts';
import { checkPassword, type PasswordCheck } from '#/services/identity/users/own-password.ts';

export function passwordMethod(needs: Omit<PasswordCheck, 'db'>): AuthMethod {
  return authMethod(open({ user: open({ ...userRef, password: string() }) }), async ({ user: ask }, { db }) => {
    const user = await db.read(tx => findUserAsked(tx, ask));
    const { stale } = await checkPassword({ ...needs, db }, user, ask.password);
    if (stale) await renewHash(db, user!, await needs.passwords.hash(ask.password));
    return { user: user!, methods: ['password'] };
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
