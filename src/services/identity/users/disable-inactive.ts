// Disables users who have not logged in for as long as the operator allows.

import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { tables } from '#/services/identity/tables.ts';
import { type Compliance, isInactive } from '#/services/identity/users/compliance.rules.ts';
import { accountState } from '#/services/identity/users/compliance.store.ts';
import { updateUser } from '#/services/identity/users/user.store.ts';
import { json } from '#/services/identity/wire.ts';

const dayMs = 86_400_000;

export async function disableInactive(tx: Tx, compliance: Compliance): Promise<void> {
  const { disableUserAccountDaysInactive: days } = compliance;
  if (days === 0) return;
  const db = tables(tx);
  const rows = await db
    .selectFrom('accountStates')
    .innerJoin('users', 'users.id', 'accountStates.userId')
    .select(['users.id', 'users.options'])
    .where('users.enabled', '=', 1)
    .where('accountStates.lastActiveAt', '<=', nowMs(tx) - days * dayMs)
    .limit(500)
    .execute();
  for (const { id, options } of rows)
    if (isInactive(compliance, json(options), await accountState(tx, id), nowMs(tx)))
      await updateUser(tx, id, { enabled: 0 }, { endTokens: true });
}
