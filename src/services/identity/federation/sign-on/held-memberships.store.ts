// The group memberships of a federated login that hold now, as tokens read them.

import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { federation } from '#/services/identity/federation/tables.ts';

export interface Membership {
  groupId: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

/** Those that hold now. */
export async function membershipsOf(tx: Tx, userId: string): Promise<Membership[]> {
  const rows = await federation(tx)
    .selectFrom('expiringMembers')
    .select(['groupId', 'expiresAt'])
    .where('userId', '=', userId)
    .where('expiresAt', '>', nowMs(tx))
    .execute();
  return rows.map(({ groupId, expiresAt }) => ({ groupId, expiresAt: Number(expiresAt) }));
}
