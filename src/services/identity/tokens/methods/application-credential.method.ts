// An application credential, by id, or by name and owner.

import type { Passwords } from '#/platform/access/passwords.ts';
import type { Clock } from '#/platform/clock/clock.ts';
import { open, optional, string } from '#/platform/http/schema.ts';
import { tables } from '#/services/identity/tables.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import { type RefusalReason, RefusedLogin } from '#/services/identity/tokens/refused-login.ts';
import { findUserAsked } from '#/services/identity/tokens/methods/find-user.ts';
import { type AuthMethod, authMethod, noData, userRef } from '#/services/identity/tokens/methods/method.ts';

const body = open({
  id: optional(string()),
  name: optional(string()),
  secret: string(),
  user: optional(open(userRef)),
});

export function applicationCredentialMethod({ passwords, clock }: { passwords: Passwords; clock: Clock }): AuthMethod {
  return authMethod(body, async (ask, { db }) => {
    const { row, user } = await db.read(async tx => {
      const select = tables(tx).selectFrom('applicationCredentials').selectAll();
      if (ask.id !== undefined) {
        const found = await select.where('id', '=', ask.id).executeTakeFirst();
        return { row: found, user: found && (await findUserAsked(tx, { id: found.userId })) };
      }
      if (ask.name === undefined || !ask.user) throw noData('application_credential');
      const owner = await findUserAsked(tx, ask.user);
      const found =
        owner && (await select.where('userId', '=', owner.id).where('name', '=', ask.name).executeTakeFirst());
      return { row: found, user: owner };
    });
    const { matches } = await passwords.verify(row?.secretHash ?? null, ask.secret);
    const expired = row?.expiresAt != null && Date.parse(`${row.expiresAt}Z`) <= clock.now();
    const refuse = (reason: RefusalReason) => refused(new RefusedLogin(user?.id ?? null, reason));
    if (!row || !user || !matches) throw refuse('WrongSecret');
    if (!user.enabled) throw refuse('UserDisabled');
    if (expired) throw refuse('Expired');
    return { user, methods: ['application_credential'], bounds: { applicationCredentialId: row.id } };
  });
}
