// What is good once, such as a nonce or a one-time password: remembered in the database, so that no other control plane
// takes it either, for as long as it would be good otherwise.

import { createHash } from 'node:crypto';
import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { tables } from '#/services/identity/tables.ts';
import { refused } from '#/services/identity/tokens/context.ts';

/**
 * Uses it up.
 * @param parts what it is; only their hash is kept
 * @param until when it would end by itself, milliseconds since 1970
 * @throws Problem unauthenticated when it has been used
 */
export async function useOnce(tx: Tx, parts: readonly string[], until: number): Promise<void> {
  const what = createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
  const { numInsertedOrUpdatedRows } = await tables(tx)
    .insertInto('usedOnce')
    .values({ what, until })
    .onConflict(conflict => conflict.column('what').doNothing())
    .executeTakeFirstOrThrow();
  if (!numInsertedOrUpdatedRows) throw refused();
}

/** Drops what would not be good any more. */
export async function forgetUsed(tx: Tx): Promise<void> {
  await tables(tx).deleteFrom('usedOnce').where('until', '<', nowMs(tx)).execute();
}
