// Role assignments: who holds which role where.

import type { Tx } from '#/platform/database/tx.ts';
import { type AssignmentRow, tables } from '#/services/identity/tables.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';

export type Grant = AssignmentRow;

export async function hasGrant(tx: Tx, grant: Grant): Promise<boolean> {
  return (await grantsOf(tx, grant)).includes(grant.roleId);
}

/** Ids of the roles that an actor was directly given on a target. */
export async function grantsOf(tx: Tx, place: Omit<Grant, 'roleId'>): Promise<string[]> {
  const rows = await tables(tx)
    .selectFrom('roleAssignments')
    .select('roleId')
    .where('actorType', '=', place.actorType)
    .where('actorId', '=', place.actorId)
    .where('targetType', '=', place.targetType)
    .where('targetId', '=', place.targetId)
    .where('inherited', '=', place.inherited)
    .execute();
  return rows.map(({ roleId }) => roleId);
}

export async function addGrant(tx: Tx, grant: Grant): Promise<void> {
  await tables(tx)
    .insertInto('roleAssignments')
    .values(grant)
    .onConflict(conflict => conflict.doNothing())
    .execute();
  await touched(tx, grant);
}

/** Takes a role back, and the application credentials that were made with it. */
export async function removeGrant(tx: Tx, grant: Grant): Promise<void> {
  const db = tables(tx);
  await db
    .deleteFrom('roleAssignments')
    .where('actorType', '=', grant.actorType)
    .where('actorId', '=', grant.actorId)
    .where('targetType', '=', grant.targetType)
    .where('targetId', '=', grant.targetId)
    .where('roleId', '=', grant.roleId)
    .where('inherited', '=', grant.inherited)
    .execute();
  if (grant.actorType === 'user' && grant.targetType === 'project' && !grant.inherited)
    await db
      .deleteFrom('applicationCredentials')
      .where('userId', '=', grant.actorId)
      .where('projectId', '=', grant.targetId)
      .execute();
  await touched(tx, grant);
}

/** A trustor's roles show in the trustees' tokens too, so a user's grant touches more than the user's own tokens. */
async function touched(tx: Tx, { actorType, actorId }: Grant): Promise<void> {
  if (actorType === 'group') return tokensChanged(tx);
  const trustees = await tables(tx)
    .selectFrom('trusts')
    .select('trusteeUserId')
    .where('trustorUserId', '=', actorId)
    .execute();
  await tokensChanged(tx, [actorId, ...trustees.map(({ trusteeUserId }) => trusteeUserId)]);
}
