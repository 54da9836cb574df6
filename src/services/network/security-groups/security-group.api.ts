// Security groups: named sets of rules for what ports may send and get. API: Network v2.0, "Security groups".

import { replanGroups } from '#/services/network/affected.ts';
import { type Attributes, both, readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import { boolean } from '#/services/network/attributes/checks.ts';
import type { Ask, Resource } from '#/services/network/attributes/resource.ts';
import { standardAttributes, standardView, touched } from '#/services/network/attributes/standard.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import { defaultGroupOf, ensureDefaultGroup, insertGroup } from '#/services/network/security-groups/default-group.ts';
import { ruleView } from '#/services/network/security-groups/security-group-rule.api.ts';
import { listGroups, type SecurityGroup } from '#/services/network/security-groups/security-group.store.ts';
import { db } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { Problem } from '#/platform/problem/problem.ts';

const attributes: Attributes = {
  ...standardAttributes(),
  stateful: both(boolean, { default: true }),
  shared: readOnly(),
  security_group_rules: readOnly(),
};

export const securityGroups: Resource<SecurityGroup> = {
  singular: 'security_group',
  plural: 'security_groups',
  path: 'security-groups',
  attributes,
  allow: {
    create: '(role:admin) or (role:member and project_id:%(project_id)s)',
    get: '(role:admin) or (role:reader and project_id:%(project_id)s) or True:%(shared)s',
    update: '(role:admin) or (role:member and project_id:%(project_id)s)',
    delete: '(role:admin) or (role:member and project_id:%(project_id)s)',
  },
  missing: t.securityGroupNotFound,
  columns: ['id', 'name', 'project_id'],
  list: listGroups,
  view,
  visible: (row, caller) => row.projectId === caller.projectId || row.shared,
  async prepareList({ db: database, caller }) {
    const { projectId } = caller;
    if (projectId === null || (await database.read(tx => defaultGroupOf(tx, projectId)))) return;
    await database.write(tx => ensureDefaultGroup(tx, projectId));
  },
  create,
  update,
  remove,
};

function view(row: SecurityGroup): Values {
  return {
    ...standardView(row),
    stateful: row.stateful === 1,
    shared: row.shared,
    security_group_rules: row.rules.map(rule => ruleView({ ...rule, group: row })),
  };
}

async function create({ tx }: Ask, values: Values): Promise<SecurityGroup> {
  const projectId = values['project_id'] as string;
  await ensureDefaultGroup(tx, projectId);
  if (values['name'] === 'default') throw new Problem('conflict', t.securityGroupDefaultAlreadyExists);
  await checkQuota(tx, 'security_group', projectId);
  const row = await insertGroup(tx, values, false);
  return find(row.id, { tx });
}

async function find(id: string, { tx }: Pick<Ask, 'tx'>): Promise<SecurityGroup> {
  return (await listGroups(tx, { all: true, projectId: '', only: { id: [id] } }))[0]!;
}

async function update({ tx }: Ask, row: SecurityGroup, values: Values): Promise<SecurityGroup> {
  const name = values['name'] as string | undefined;
  if (row.isDefault && name !== undefined && name !== row.name)
    throw new Problem('conflict', t.securityGroupCannotUpdateDefault);
  if (!row.isDefault && name === 'default') throw new Problem('conflict', t.securityGroupDefaultAlreadyExists);
  const stateful = values['stateful'] === undefined ? row.stateful : values['stateful'] ? 1 : 0;
  if (stateful !== row.stateful) await checkUnused(row.id, { tx });
  const changes = { ...touched(tx, row, values), stateful };
  await db(tx).updateTable('securityGroups').set(changes).where('id', '=', row.id).execute();
  return { ...row, ...changes };
}

async function remove({ tx, caller }: Ask, row: SecurityGroup): Promise<void> {
  if (row.isDefault && !caller.isAdmin) throw new Problem('conflict', t.securityGroupCannotRemoveDefault);
  await checkUnused(row.id, { tx });
  await replanGroups(tx, [row.id]);
  await db(tx)
    .deleteFrom('securityGroupRules')
    .where(eb => eb.or([eb('securityGroupId', '=', row.id), eb('remoteGroupId', '=', row.id)]))
    .execute();
  await db(tx).deleteFrom('networkRbacPolicies').where('objectId', '=', row.id).execute();
  await db(tx).deleteFrom('securityGroups').where('id', '=', row.id).execute();
}

/** @throws Problem conflict while ports have it */
async function checkUnused(id: string, { tx }: Pick<Ask, 'tx'>): Promise<void> {
  const used = await db(tx)
    .selectFrom('portSecurityGroups')
    .select('portId')
    .where('securityGroupId', '=', id)
    .executeTakeFirst();
  if (used) throw new Problem('conflict', t.securityGroupInUse, { id });
}
