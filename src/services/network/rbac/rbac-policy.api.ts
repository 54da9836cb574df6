// RBAC policies: networks and security groups shared with named projects, or with all. API: Network v2.0, "RBAC policies".

import { type Attributes, both, postOnly, readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import { among, text, uuid } from '#/services/network/attributes/checks.ts';
import type { Ask, ListScope, Resource } from '#/services/network/attributes/resource.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { db, type RbacPolicyRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { newId, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

const attributes: Attributes = {
  id: readOnly(),
  project_id: postOnly(text(255), { default: undefined }),
  tenant_id: readOnly(),
  object_type: postOnly(among('network', 'security_group')),
  object_id: postOnly(uuid),
  action: postOnly(among('access_as_shared')),
  target_tenant: both(text(255), { default: undefined }),
  target_project: both(text(255), { default: undefined }),
};

const owner = '(role:admin) or (role:member and project_id:%(project_id)s)';

export const rbacPolicies: Resource<RbacPolicyRow> = {
  singular: 'rbac_policy',
  plural: 'rbac_policies',
  path: 'rbac-policies',
  attributes,
  allow: {
    create: owner,
    get: '(role:admin) or (role:reader and project_id:%(project_id)s)',
    update: owner,
    delete: owner,
  },
  missing: t.rbacPolicyNotFound,
  columns: ['id', 'object_id', 'object_type'],
  list,
  view,
  newTarget: async (_, values) => ({ target_tenant: targetOf(values), target_project: targetOf(values) }),
  create,
  update,
  remove,
};

async function list(tx: Tx, scope: ListScope): Promise<RbacPolicyRow[]> {
  let query = db(tx).selectFrom('networkRbacPolicies').selectAll();
  if (!scope.all) query = query.where('projectId', '=', scope.projectId);
  const { id, object_id, object_type } = scope.only;
  if (id) query = query.where('id', 'in', id);
  if (object_id) query = query.where('objectId', 'in', object_id);
  if (object_type) query = query.where('objectType', 'in', object_type);
  return query.execute();
}

function view(row: RbacPolicyRow): Values {
  return {
    id: row.id,
    project_id: row.projectId,
    tenant_id: row.projectId,
    object_type: row.objectType,
    object_id: row.objectId,
    action: row.action,
    target_tenant: row.target,
    target_project: row.target,
  };
}

function targetOf(values: Values): string | undefined {
  return (values['target_tenant'] ?? values['target_project']) as string | undefined;
}

async function create({ tx, caller, policy }: Ask, values: Values): Promise<RbacPolicyRow> {
  const target = targetOf(values);
  if (!target) throw new Problem('invalid', t.missingAttribute, { name: 'target_tenant' });
  const projectId = values['project_id'] as string;
  const objectType = values['object_type'] as string;
  const objectId = values['object_id'] as string;
  const object = await db(tx)
    .selectFrom(objectType === 'network' ? 'networks' : 'securityGroups')
    .select('projectId')
    .where('id', '=', objectId)
    .executeTakeFirst();
  const admin = policy.allows('context_is_admin', caller.credentials, {});
  if (!object || !(admin || object.projectId === caller.projectId))
    throw new Problem('notFound', objectType === 'network' ? t.networkNotFound : t.securityGroupNotFound, {
      id: objectId,
    });
  await checkQuota(tx, 'rbac_policy', projectId);
  const row: RbacPolicyRow = {
    id: newId(tx),
    projectId,
    objectType,
    objectId,
    action: values['action'] as string,
    target,
  };
  await checkNew(tx, row);
  await db(tx).insertInto('networkRbacPolicies').values(row).execute();
  return row;
}

/** @throws Problem conflict */
async function checkNew(tx: Tx, row: RbacPolicyRow): Promise<void> {
  const same = await db(tx)
    .selectFrom('networkRbacPolicies')
    .select('id')
    .where('objectType', '=', row.objectType)
    .where('objectId', '=', row.objectId)
    .where('action', '=', row.action)
    .where('target', '=', row.target)
    .where('id', '!=', row.id)
    .executeTakeFirst();
  if (same) throw new Problem('conflict', t.duplicateRbacPolicy);
}

async function update({ tx }: Ask, row: RbacPolicyRow, values: Values): Promise<RbacPolicyRow> {
  const target = targetOf(values) ?? row.target;
  if (target === row.target) return row;
  await checkUnused(tx, row);
  const changed = { ...row, target };
  await checkNew(tx, changed);
  await db(tx).updateTable('networkRbacPolicies').set({ target }).where('id', '=', row.id).execute();
  return changed;
}

async function remove({ tx }: Ask, row: RbacPolicyRow): Promise<void> {
  await checkUnused(tx, row);
  await db(tx).deleteFrom('networkRbacPolicies').where('id', '=', row.id).execute();
}

/** @throws Problem conflict while a project that gained access by the policy has ports that use it */
async function checkUnused(tx: Tx, row: RbacPolicyRow): Promise<void> {
  const everybody = row.target === '*';
  if (row.objectType === 'security_group') {
    let query = db(tx)
      .selectFrom('portSecurityGroups')
      .innerJoin('ports', 'ports.id', 'portSecurityGroups.portId')
      .select('ports.id')
      .where('securityGroupId', '=', row.objectId);
    query = everybody
      ? query.where('ports.projectId', 'not in', [row.projectId, ''])
      : query.where('ports.projectId', '=', row.target);
    if (await query.executeTakeFirst()) throw new Problem('conflict', t.rbacPolicyInUse, { id: row.objectId });
    return;
  }
  const network = await db(tx)
    .selectFrom('networks')
    .select(['projectId', 'shared'])
    .where('id', '=', row.objectId)
    .executeTakeFirst();
  if (!network || network.shared) return;
  let query = db(tx).selectFrom('ports').select('id').where('networkId', '=', row.objectId);
  query = everybody
    ? query.where('projectId', 'not in', [network.projectId, ''])
    : query.where('projectId', '=', row.target).where('projectId', '!=', network.projectId);
  if (await query.executeTakeFirst()) throw new Problem('conflict', t.rbacPolicyInUse, { id: row.objectId });
}
