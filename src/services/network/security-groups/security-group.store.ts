// The tables of security groups and their rules, and their queries.

import type { ListScope } from '#/services/network/attributes/resource.ts';
import { db, type SecurityGroupRow, type SecurityGroupRuleRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export interface SecurityGroup extends SecurityGroupRow {
  rules: SecurityGroupRuleRow[];
  /** With the project that looks. */
  shared: boolean;
}

export interface SecurityGroupRule extends SecurityGroupRuleRow {
  group: Pick<SecurityGroupRow, 'projectId' | 'isDefault'>;
}

export async function listGroups(tx: Tx, scope: ListScope): Promise<SecurityGroup[]> {
  let query = db(tx).selectFrom('securityGroups').selectAll();
  const shared = await sharedGroups(tx, scope.projectId);
  if (!scope.all)
    query = query.where(eb =>
      eb.or([eb('projectId', '=', scope.projectId), ...(shared.size ? [eb('id', 'in', [...shared])] : [])]),
    );
  const { id, name, project_id } = scope.only;
  if (id) query = query.where('id', 'in', id);
  if (name) query = query.where('name', 'in', name);
  if (project_id) query = query.where('projectId', 'in', project_id);
  const rows = await query.execute();
  if (!rows.length) return [];
  let rules = db(tx).selectFrom('securityGroupRules').selectAll().orderBy('createdAt').orderBy('id');
  if (rows.length <= 200)
    rules = rules.where(
      'securityGroupId',
      'in',
      rows.map(row => row.id),
    );
  const byGroup = Map.groupBy(await rules.execute(), rule => rule.securityGroupId);
  return rows.map(row => ({ ...row, rules: byGroup.get(row.id) ?? [], shared: shared.has(row.id) }));
}

async function sharedGroups(tx: Tx, projectId: string): Promise<Set<string>> {
  const rows = await db(tx)
    .selectFrom('networkRbacPolicies')
    .select('objectId')
    .where('objectType', '=', 'security_group')
    .where('target', 'in', [projectId, '*'])
    .execute();
  return new Set(rows.map(row => row.objectId));
}

export async function listRules(tx: Tx, scope: ListScope): Promise<SecurityGroupRule[]> {
  let query = db(tx)
    .selectFrom('securityGroupRules')
    .innerJoin('securityGroups', 'securityGroups.id', 'securityGroupRules.securityGroupId')
    .selectAll('securityGroupRules')
    .select(['securityGroups.projectId as ownerId', 'securityGroups.isDefault as ofDefault']);
  if (!scope.all) query = query.where('securityGroups.projectId', '=', scope.projectId);
  const { id, security_group_id } = scope.only;
  if (id) query = query.where('securityGroupRules.id', 'in', id);
  if (security_group_id) query = query.where('securityGroupRules.securityGroupId', 'in', security_group_id);
  const rows = await query.execute();
  return rows.map(({ ownerId, ofDefault, ...row }) => ({
    ...row,
    group: { projectId: ownerId, isDefault: ofDefault },
  }));
}

export async function groupById(tx: Tx, id: string): Promise<SecurityGroupRow | undefined> {
  return db(tx).selectFrom('securityGroups').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The ids, each once, if the caller may use them all. @param held those that the port has already @throws Problem notFound */
export async function usableGroups(tx: Tx, caller: Caller, ids: string[], held: string[] = []): Promise<string[]> {
  const wanted = [...new Set(ids)];
  if (!wanted.length) return [];
  const rows = await listGroups(tx, { all: caller.isAdmin, projectId: caller.projectId ?? '', only: { id: wanted } });
  const known = new Set([...rows.map(row => row.id), ...held]);
  const missing = wanted.find(id => !known.has(id));
  if (missing !== undefined) throw new Problem('notFound', t.securityGroupNotFound, { id: missing });
  return wanted;
}
