// The table of operations: what runs, how far it is, what it waits for, how it ended.

import { createIndex, createTable, type Migration } from '#/platform/database/migrations.ts';
import { afterCommit, contextOf, newId, now, nowMs, type Tx } from '#/platform/database/tx.ts';
import { stepNamesOf } from '#/platform/operations/as-begun.ts';
import type { Operation } from '#/platform/operations/operation.ts';

/** `forward` and `undo` are under way; the others have ended. */
export type Phase = 'forward' | 'undo' | 'done' | 'failed' | 'superseded' | 'abandoned';

export interface OperationRow {
  id: string;
  kind: string;
  resourceId: string;
  projectId: string | null;
  requestId: string | null;
  /** JSON: the input and all that the steps have added. */
  state: string;
  step: number;
  /** The names of the steps that it began with, each on a line; null where a version before did not tell. */
  stepNames: string | null;
  phase: Phase;
  attempts: number;
  /** Milliseconds since 1970: not to be looked at before. */
  wakeAt: number;
  stepStartedAt: number;
  leaseOwner: string | null;
  leaseUntil: number;
  /** Raised with every lease, every commit of a step, and when it is ended from elsewhere. */
  epoch: number;
  /** The host that is waited for, and the plan keys, each between newlines. */
  waitHost: string | null;
  waitKeys: string | null;
  /** JSON: host → the revision of its plan from which its word counts. */
  waitRevisions: string | null;
  /** JSON of a `StoredProblem`: why it unwinds, or what the last try met. */
  problem: string | null;
  createdAt: string;
  updatedAt: string;
}

export function table(tx: Tx) {
  return tx.withTables<{ operations: OperationRow }>();
}

const slot = Symbol('operations');

/** Attaches the engine's ear to a database's transactions: it is told of work as soon as it is committed. */
export function attachHints(slots: Map<symbol, unknown>, hint: (id: string) => void): void {
  slots.set(slot, hint);
}

export function hint(tx: Tx, id: string): void {
  const tell = contextOf(tx).slots.get(slot) as ((id: string) => void) | undefined;
  if (tell) afterCommit(tx, () => tell(id));
}

/** Records long work in the transaction that made it necessary. @returns the operation's id */
export async function start<I extends object, S extends object>(
  tx: Tx,
  kind: Operation<I, S>,
  input: NoInfer<I>,
  about: {
    resourceId: string;
    projectId?: string | null;
    delayMs?: number;
    /** Host → the revision of its plan that asks for what the first step waits for; absent: a new one is made then. */
    revisions?: Record<string, number>;
  },
): Promise<string> {
  const id = newId(tx);
  const at = nowMs(tx);
  await table(tx)
    .insertInto('operations')
    .values({
      id,
      kind: kind.kind,
      resourceId: about.resourceId,
      projectId: about.projectId ?? null,
      requestId: contextOf(tx).requestId,
      state: JSON.stringify(input),
      step: 0,
      stepNames: stepNamesOf(kind),
      phase: 'forward',
      attempts: 0,
      wakeAt: at + (about.delayMs ?? 0),
      stepStartedAt: at,
      leaseOwner: null,
      leaseUntil: 0,
      epoch: 0,
      waitHost: null,
      waitKeys: null,
      waitRevisions: about.revisions ? JSON.stringify(about.revisions) : null,
      problem: null,
      createdAt: now(tx),
      updatedAt: now(tx),
    })
    .execute();
  if (!about.delayMs) hint(tx, id);
  return id;
}

/** Ends whatever still runs for a resource, because what now begins takes its place (a delete during a create). */
export async function supersede(tx: Tx, resourceId: string): Promise<void> {
  await table(tx)
    .updateTable('operations')
    .set(eb => ({
      phase: 'superseded',
      epoch: eb('epoch', '+', 1),
      waitHost: null,
      waitKeys: null,
      updatedAt: now(tx),
    }))
    .where('resourceId', '=', resourceId)
    .where('phase', 'in', ['forward', 'undo'])
    .execute();
}

/**
 * Wakes the operations that wait for entries of a host's plan. Called in the transaction that records the report.
 * @param goesOn asked with the keys that one waits for
 */
export async function wakeWaiting(tx: Tx, host: string, goesOn: (keys: string[]) => boolean): Promise<void> {
  const waiting = await table(tx)
    .selectFrom('operations')
    .select(['id', 'waitKeys'])
    .where('waitHost', '=', host)
    .where('phase', 'in', ['forward', 'undo'])
    .execute();
  const ids = waiting.filter(row => goesOn(row.waitKeys?.split('\n') ?? [])).map(row => row.id);
  if (!ids.length) return;
  await table(tx)
    .updateTable('operations')
    .set({ wakeAt: nowMs(tx) })
    .where('id', 'in', ids)
    .execute();
  for (const id of ids) hint(tx, id);
}

/** The operations of a resource, newest first. */
export async function operationsOf(tx: Tx, resourceId: string): Promise<OperationRow[]> {
  return table(tx)
    .selectFrom('operations')
    .selectAll()
    .where('resourceId', '=', resourceId)
    .orderBy('createdAt', 'desc')
    .execute();
}

export async function findOperation(tx: Tx, id: string): Promise<OperationRow | undefined> {
  return table(tx).selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirst();
}

export interface OperationFilter {
  phases?: Phase[];
  kind?: string;
  resourceId?: string;
  projectId?: string;
  requestId?: string;
}

/** Newest first, from after the operation `after` on. */
export async function listOperations(
  tx: Tx,
  filter: OperationFilter,
  page: { limit: number; after?: OperationRow },
): Promise<OperationRow[]> {
  let query = table(tx).selectFrom('operations').selectAll();
  if (filter.phases) query = query.where('phase', 'in', filter.phases);
  for (const column of ['kind', 'resourceId', 'projectId', 'requestId'] as const) {
    const value = filter[column];
    if (value !== undefined) query = query.where(column, '=', value);
  }
  const { after } = page;
  if (after)
    query = query.where(eb =>
      eb.or([
        eb('createdAt', '<', after.createdAt),
        eb.and([eb('createdAt', '=', after.createdAt), eb('id', '<', after.id)]),
      ]),
    );
  return query.orderBy('createdAt', 'desc').orderBy('id', 'desc').limit(page.limit).execute();
}

/** How many operations of each kind are under way. */
export async function countRunning(tx: Tx): Promise<Record<string, number>> {
  const rows = await table(tx)
    .selectFrom('operations')
    .select(eb => ['kind', eb.fn.countAll<number>().as('running')])
    .where('phase', 'in', ['forward', 'undo'])
    .groupBy('kind')
    .execute();
  return Object.fromEntries(rows.map(row => [row.kind, Number(row.running)]));
}

/** What the newest long work that may concern a host is about → the request that asked for it; a bounded number. */
export async function requestsUnderWay(tx: Tx, host: string): Promise<Record<string, string>> {
  const rows = await table(tx)
    .selectFrom('operations')
    .select(['resourceId', 'requestId'])
    .where('phase', 'in', ['forward', 'undo'])
    .where('requestId', 'is not', null)
    .where(eb => eb.or([eb('waitHost', 'is', null), eb('waitHost', '=', host)]))
    .orderBy('createdAt', 'desc')
    .limit(200)
    .execute();
  return Object.fromEntries(rows.toReversed().map(row => [row.resourceId, row.requestId!]));
}

/** Who asked for what is under way for these resources. */
export async function requestsFor(tx: Tx, resourceIds: string[]): Promise<Record<string, string>> {
  if (!resourceIds.length) return {};
  const rows = await table(tx)
    .selectFrom('operations')
    .select(['resourceId', 'requestId'])
    .where('resourceId', 'in', resourceIds)
    .where('phase', 'in', ['forward', 'undo'])
    .where('requestId', 'is not', null)
    .orderBy('createdAt')
    .execute();
  return Object.fromEntries(rows.map(row => [row.resourceId, row.requestId!]));
}

/** Ended operations older than `before` (a timestamp) are forgotten. */
export async function forgetEnded(tx: Tx, before: string): Promise<void> {
  await table(tx)
    .deleteFrom('operations')
    .where('phase', 'not in', ['forward', 'undo'])
    .where('updatedAt', '<', before)
    .execute();
}

export const operationMigrations: Migration[] = [
  {
    name: 'platform/0002-operations',
    async up(tx, engine) {
      await createTable(tx, engine, 'operations', {
        id: 'text primary key',
        kind: 'text not null',
        resourceId: 'text not null',
        projectId: 'text',
        requestId: 'text',
        state: 'text not null',
        step: 'integer not null',
        phase: 'text not null',
        attempts: 'integer not null',
        wakeAt: 'integer not null',
        stepStartedAt: 'integer not null',
        leaseOwner: 'text',
        leaseUntil: 'integer not null',
        waitHost: 'text',
        waitKeys: 'text',
        waitRevisions: 'text',
        problem: 'text',
        createdAt: 'text not null',
        updatedAt: 'text not null',
      });
      const running = `"phase" in ('forward', 'undo')`;
      await createIndex(tx, 'operations', ['wakeAt'], { where: running });
      await createIndex(tx, 'operations', ['waitHost'], { where: running });
      await createIndex(tx, 'operations', ['resourceId', 'createdAt']);
    },
  },
  {
    // Of every row: a query that names its phases by parameters cannot use an index of some phases.
    name: 'platform/0005-operation-indexes',
    async up(tx) {
      for (const name of ['operations_wakeAt', 'operations_waitHost']) await tx.schema.dropIndex(name).execute();
      await createIndex(tx, 'operations', ['phase', 'wakeAt']);
      await createIndex(tx, 'operations', ['waitHost']);
    },
  },
  {
    name: 'platform/0006-operation-epochs',
    async up(tx, engine) {
      await tx.schema
        .alterTable('operations')
        .addColumn('epoch', engine === 'sqlite' ? 'integer' : 'bigint', column => column.notNull().defaultTo(0))
        .execute();
    },
  },
  {
    name: 'platform/0007-operation-step-names',
    up: tx => tx.schema.alterTable('operations').addColumn('stepNames', 'text').execute(),
  },
];
