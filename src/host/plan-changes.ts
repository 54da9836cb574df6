// Which keys of a host's plan differ from one revision to the next, written down with the change itself: so an agent that
// has a plan is told of the difference alone, by whichever process it asks. Where it is not known, it is told the whole.

import { table } from '#/host/hosts.store.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { ServerKey } from '#/platform/http/service.ts';

/** Whoever is further behind gets the whole plan. */
const keptRevisions = 128;
const mostKeys = 100;

export async function recordPlanChange(tx: Tx, host: string, revision: number, key: ServerKey): Promise<void> {
  await table(tx)
    .insertInto('planChanges')
    .values({ host, revision, key })
    .onConflict(conflict => conflict.doNothing())
    .execute();
  if (revision % keptRevisions === 0)
    await table(tx)
      .deleteFrom('planChanges')
      .where('host', '=', host)
      .where('revision', '<', revision - keptRevisions)
      .execute();
}

/** From now on anything may differ in this revision. */
export async function forgetPlanChanges(tx: Tx, host: string, revision: number): Promise<void> {
  await table(tx).deleteFrom('planChanges').where('host', '=', host).where('revision', '=', revision).execute();
}

/** The keys that may differ between the plan's revision `from` and its revision `to`; null when any may. */
export async function changedKeys(tx: Tx, host: string, from: number, to: number): Promise<ServerKey[] | null> {
  if (from < 0 || from > to || to - from > keptRevisions) return null;
  const rows = await table(tx)
    .selectFrom('planChanges')
    .select(['revision', 'key'])
    .where('host', '=', host)
    .where('revision', '>', from)
    .where('revision', '<=', to)
    .execute();
  if (new Set(rows.map(row => row.revision)).size < to - from) return null;
  const keys = [...new Set(rows.map(row => row.key))];
  return keys.length > mostKeys ? null : keys;
}
