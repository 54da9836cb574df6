// The security group that every project has, made when it is first needed.

import { newStandard } from '#/services/network/attributes/standard.ts';
import { db, type SecurityGroupRow, type SecurityGroupRuleRow } from '#/services/network/tables.ts';
import type { Tx } from '#/platform/database/tx.ts';

/** The id of the project's default group. */
export async function ensureDefaultGroup(tx: Tx, projectId: string): Promise<string> {
  const known = await defaultGroupOf(tx, projectId);
  if (known) return known;
  const row = await insertGroup(
    tx,
    { project_id: projectId, name: 'default', description: 'Default security group' },
    true,
  );
  return row.id;
}

export async function defaultGroupOf(tx: Tx, projectId: string): Promise<string | undefined> {
  return (
    await db(tx)
      .selectFrom('securityGroups')
      .select('id')
      .where('projectId', '=', projectId)
      .where('isDefault', '=', 1)
      .executeTakeFirst()
  )?.id;
}

/** A new group may send everything; the default group's members may also reach each other. */
export async function insertGroup(
  tx: Tx,
  values: Record<string, unknown>,
  isDefault: boolean,
): Promise<SecurityGroupRow> {
  const row: SecurityGroupRow = {
    ...newStandard(tx, values),
    stateful: values['stateful'] === false ? 0 : 1,
    isDefault: isDefault ? 1 : 0,
  };
  await db(tx).insertInto('securityGroups').values(row).execute();
  const rule = (direction: 'ingress' | 'egress', family: 4 | 6): SecurityGroupRuleRow => ({
    ...newStandard(tx, { project_id: row.projectId }),
    securityGroupId: row.id,
    direction,
    family,
    protocol: null,
    portMin: null,
    portMax: null,
    remoteGroupId: direction === 'ingress' ? row.id : null,
    remoteAddressGroupId: null,
    remoteIpPrefix: null,
  });
  const rules = [rule('egress', 4), rule('egress', 6), ...(isDefault ? [rule('ingress', 4), rule('ingress', 6)] : [])];
  await db(tx).insertInto('securityGroupRules').values(rules).execute();
  return row;
}
