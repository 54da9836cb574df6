// Group memberships that a federated login told of: they hold for a while, and the next login says anew.

import type { Tx } from '#/platform/database/tx.ts';
import { membershipsOf } from '#/services/identity/federation/sign-on/held-memberships.store.ts';
import { federation } from '#/services/identity/federation/tables.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';

/** What a provider says of a user's groups from now on; what it said before is forgotten. */
export async function setMemberships(
  tx: Tx,
  { userId, idpId }: { userId: string; idpId: string },
  groupIds: string[],
  expiresAt: number,
): Promise<void> {
  const db = federation(tx);
  const before = await membershipsOf(tx, userId);
  await db.deleteFrom('expiringMembers').where('userId', '=', userId).where('idpId', '=', idpId).execute();
  if (groupIds.length)
    await db
      .insertInto('expiringMembers')
      .values(groupIds.map(groupId => ({ groupId, userId, idpId, expiresAt })))
      .execute();
  const after = await membershipsOf(tx, userId);
  const same =
    before.length === after.length && before.every(({ groupId }) => after.some(now => now.groupId === groupId));
  if (!same) await tokensChanged(tx, [userId]);
}

/** Takes away those that have ended, and what was remembered of their holders' tokens. */
export async function forgetMemberships(tx: Tx, now: number): Promise<void> {
  const gone = await federation(tx)
    .deleteFrom('expiringMembers')
    .where('expiresAt', '<=', now)
    .returning('userId')
    .execute();
  if (gone.length) await tokensChanged(tx, [...new Set(gone.map(({ userId }) => userId))]);
}
