// What was done to servers: an action for each request, and the events in it that tell how it went.

import type { Generated } from 'kysely';
import type { Caller } from '#/platform/access/caller.ts';
import { contextOf, newId, now, type Tx } from '#/platform/database/tx.ts';
import type { Problem } from '#/platform/problem/problem.ts';
import { storeProblem } from '#/platform/problem/stored-problem.ts';

interface ActionRow {
  id: Generated<number>;
  serverId: string;
  projectId: string;
  userId: string;
  requestId: string;
  action: string;
  /** A stored problem; null while it goes well. */
  message: string | null;
  startedAt: string;
  updatedAt: string;
}

interface EventRow {
  id: Generated<number>;
  actionId: number;
  event: string;
  host: string | null;
  startedAt: string;
  finishedAt: string | null;
  result: 'Success' | 'Error' | null;
  details: string | null;
}

export type Action = Omit<ActionRow, 'id'> & { id: number };
export type ActionEvent = Omit<EventRow, 'id'> & { id: number };

function table(tx: Tx) {
  return tx.withTables<{ computeActions: ActionRow; computeActionEvents: EventRow }>();
}

/** Records that something begins. Its outcome is told by `endAction`, in the same request or in the operation it starts. */
export async function beginAction(
  tx: Tx,
  server: { id: string; projectId: string; host: string | null },
  action: string,
  caller: Pick<Caller, 'userId' | 'projectId'>,
): Promise<void> {
  const { id: actionId } = await table(tx)
    .insertInto('computeActions')
    .values({
      serverId: server.id,
      projectId: caller.projectId ?? server.projectId,
      userId: caller.userId,
      requestId: contextOf(tx).requestId ?? `req-${server.id}`,
      action,
      message: null,
      startedAt: now(tx),
      updatedAt: now(tx),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await table(tx)
    .insertInto('computeActionEvents')
    .values({
      actionId,
      event: `compute_${action.replaceAll('-', '_')}`,
      host: server.host,
      startedAt: now(tx),
      finishedAt: null,
      result: null,
      details: null,
    })
    .execute();
}

/** Ends the newest action of this request that is still open. */
export async function endAction(tx: Tx, serverId: string, problem?: Problem): Promise<void> {
  const action = await table(tx)
    .selectFrom('computeActions')
    .select('id')
    .where('serverId', '=', serverId)
    .where('requestId', '=', contextOf(tx).requestId ?? '')
    .orderBy('id', 'desc')
    .executeTakeFirst();
  if (!action) return;
  const said = problem ? storeProblem(problem) : null;
  await table(tx)
    .updateTable('computeActions')
    .set({ message: said, updatedAt: now(tx) })
    .where('id', '=', action.id)
    .execute();
  await table(tx)
    .updateTable('computeActionEvents')
    .set({ finishedAt: now(tx), result: problem ? 'Error' : 'Success', details: said })
    .where('actionId', '=', action.id)
    .where('finishedAt', 'is', null)
    .execute();
}

/** Something that happened without a request: told whole. */
export async function recordHappening(
  tx: Tx,
  server: { id: string; projectId: string; userId: string; host: string | null },
  action: string,
  event: string,
  problem: Problem,
): Promise<void> {
  const said = storeProblem(problem);
  const { id: actionId } = await table(tx)
    .insertInto('computeActions')
    .values({
      serverId: server.id,
      projectId: server.projectId,
      userId: server.userId,
      requestId: contextOf(tx).requestId ?? `req-${newId(tx)}`,
      action,
      message: said,
      startedAt: now(tx),
      updatedAt: now(tx),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await table(tx)
    .insertInto('computeActionEvents')
    .values({
      actionId,
      event,
      host: server.host,
      startedAt: now(tx),
      finishedAt: now(tx),
      result: 'Success',
      details: said,
    })
    .execute();
}

/** Newest first. */
export async function actionsOf(tx: Tx, serverId: string): Promise<Action[]> {
  return table(tx)
    .selectFrom('computeActions')
    .selectAll()
    .where('serverId', '=', serverId)
    .orderBy('startedAt', 'desc')
    .orderBy('id', 'desc')
    .execute();
}

export async function eventsOf(tx: Tx, actionId: number): Promise<ActionEvent[]> {
  return table(tx)
    .selectFrom('computeActionEvents')
    .selectAll()
    .where('actionId', '=', actionId)
    .orderBy('id')
    .execute();
}

/** Actions outlive their servers by this much, so that it can be asked what became of one. */
export async function forgetActions(tx: Tx, before: string): Promise<void> {
  const db = tx.withTables<{ computeActions: ActionRow; computeServers: { id: string } }>();
  await db
    .deleteFrom('computeActions')
    .where('updatedAt', '<', before)
    .where(eb =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('computeServers')
            .select('computeServers.id')
            .whereRef('computeServers.id', '=', 'computeActions.serverId'),
        ),
      ),
    )
    .execute();
}
