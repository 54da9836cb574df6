// What each host has said of the entries of its plan: reports are written down here, and operations read them.

import { type EntryChange, reportMessage } from '#/host/commands.ts';
import { replan, wakeHost } from '#/host/hosts.ts';
import { table } from '#/host/hosts.store.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Static } from '#/platform/http/schema.ts';
import type { EntryState, HostState } from '#/platform/operations/engine.ts';
import { wakeWaiting } from '#/platform/operations/operation.store.ts';
import { reviveProblem } from '#/platform/problem/stored-problem.ts';

export type HostEvent = { type: string } & Record<string, unknown>;

/** Writes a report down, unless it is an old one. @returns false when it is of a session that is over */
export async function recordReport(
  tx: Tx,
  said: Static<typeof reportMessage>,
  tell: (event: HostEvent) => Promise<void>,
): Promise<boolean> {
  const host = await table(tx)
    .selectFrom('hosts')
    .select(['session', 'reportedRevision', 'reportedSequence'])
    .where('name', '=', said.host)
    .executeTakeFirst();
  if (!host || host.session !== said.session) return false;
  if (said.sequence <= host.reportedSequence) return true;
  await table(tx).updateTable('hosts').set({ reportedSequence: said.sequence }).where('name', '=', said.host).execute();
  if (said.planned) await forgetOthers(tx, said.host, new Set([...said.planned, ...(said.removing ?? [])]));
  const { pending, removing = [] } = said;
  if (pending) await recordPlan(tx, said.host, said.revision, pending, removing);
  for (const change of said.changes) await recordChange(tx, said.host, said.revision, change);
  if (said.removed.length)
    await table(tx).deleteFrom('hostEntries').where('host', '=', said.host).where('key', 'in', said.removed).execute();
  if (said.revision > host.reportedRevision)
    await table(tx)
      .updateTable('hosts')
      .set({ reportedRevision: said.revision })
      .where('name', '=', said.host)
      .execute();
  for (const { key, state, facts, problem } of said.changes)
    await tell(
      state === 'applied'
        ? { type: 'entry.applied', key, facts }
        : { type: 'entry.failed', key, problem: reviveProblem(problem!) },
    );
  for (const key of said.removed) await tell({ type: 'entry.removed', key });
  const news = new Set([...said.changes.map(change => change.key), ...said.removed]);
  // Of a new plan, whoever waits for nothing that is still to do may go on; of what is, there will be news.
  const open = pending && new Set([...pending, ...removing]);
  await wakeWaiting(
    tx,
    said.host,
    keys => keys.some(key => news.has(key)) || (open !== undefined && !keys.some(key => open.has(key))),
  );
  return true;
}

/** The agent has seen a new plan: these entries are not yet so, all others of the plan are. */
async function recordPlan(
  tx: Tx,
  host: string,
  revision: number,
  pending: string[],
  removing: string[],
): Promise<void> {
  const wanted = new Map<string, 'pending' | 'removing'>([
    ...removing.map(key => [key, 'removing'] as const),
    ...pending.map(key => [key, 'pending'] as const),
  ]);
  if (wanted.size === 0) return;
  const all = table(tx).selectFrom('hostEntries').select(['key', 'state']).where('host', '=', host);
  const rows = await (wanted.size > 500 ? all : all.where('key', 'in', [...wanted.keys()])).execute();
  const before = new Map(rows.map(row => [row.key, row.state]));
  for (const [key, state] of wanted) {
    if (before.get(key) === state) continue;
    await table(tx)
      .insertInto('hostEntries')
      .values({ host, key, state, revision, facts: null, problem: null })
      .onConflict(conflict => conflict.columns(['host', 'key']).doUpdateSet({ state, revision }))
      .execute();
  }
}

async function forgetOthers(tx: Tx, host: string, known: Set<string>): Promise<void> {
  const rows = await table(tx).selectFrom('hostEntries').select('key').where('host', '=', host).execute();
  for (const { key } of rows)
    if (!known.has(key))
      await table(tx).deleteFrom('hostEntries').where('host', '=', host).where('key', '=', key).execute();
}

async function recordChange(
  tx: Tx,
  host: string,
  revision: number,
  { key, state, facts, problem }: EntryChange,
): Promise<void> {
  const row = { state, revision, facts: facts ? JSON.stringify(facts) : null, problem: problem ?? null };
  await table(tx)
    .insertInto('hostEntries')
    .values({ host, key, ...row })
    .onConflict(conflict => conflict.columns(['host', 'key']).doUpdateSet(row))
    .execute();
}

/** What operations ask of plans and reports. */
export const hostState: HostState = {
  replan,
  wake: wakeHost,
  async entry(tx, host, key, revision): Promise<EntryState> {
    const row = await table(tx)
      .selectFrom('hostEntries')
      .selectAll()
      .where('host', '=', host)
      .where('key', '=', key)
      .executeTakeFirst();
    const reported = await reportedRevision(tx, host);
    if (reported < revision) return { state: 'pending' };
    if (!row || row.state === 'removing') return { state: 'unplanned' };
    if (row.state === 'applied')
      return { state: 'applied', facts: row.facts ? (JSON.parse(row.facts) as Record<string, unknown>) : {} };
    if (row.state === 'failed' && row.problem) return { state: 'failed', problem: reviveProblem(row.problem) };
    return { state: 'pending' };
  },
  async gone(tx, host, key, revision) {
    if ((await reportedRevision(tx, host)) < revision) return false;
    const row = await table(tx)
      .selectFrom('hostEntries')
      .select('key')
      .where('host', '=', host)
      .where('key', '=', key)
      .executeTakeFirst();
    return !row;
  },
};

async function reportedRevision(tx: Tx, host: string): Promise<number> {
  const row = await table(tx)
    .selectFrom('hosts')
    .select('reportedRevision')
    .where('name', '=', host)
    .executeTakeFirst();
  return row?.reportedRevision ?? -1;
}
