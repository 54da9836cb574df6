// Rules of security groups: what is let in or out. API: Network v2.0, "Security group rules".

import { replanGroups } from '#/services/network/affected.ts';
import { type Attributes, Invalid, postOnly, readOnly, type Values } from '#/services/network/attributes/attribute.ts';
import { among, orNull, shown, text } from '#/services/network/attributes/checks.ts';
import type { Ask, Resource } from '#/services/network/attributes/resource.ts';
import { newStandard, standardAttributes, standardView } from '#/services/network/attributes/standard.ts';
import { checkQuota } from '#/services/network/quotas/quota.store.ts';
import {
  planRule,
  readEthertype,
  readPort,
  readProtocol,
  type RuleAsk,
  sameRule,
} from '#/services/network/security-groups/rule.rules.ts';
import {
  groupById,
  listRules,
  type SecurityGroupRule,
} from '#/services/network/security-groups/security-group.store.ts';
import { db, type SecurityGroupRuleRow } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import { now } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

const prefixText = (value: unknown): string => {
  if (typeof value !== 'string') throw new Invalid(`${shown(value)} is not a valid IP subnet`);
  return value;
};

const { name: _, tags: __, ...standard } = standardAttributes();
const attributes: Attributes = {
  ...standard,
  security_group_id: postOnly(text(36)),
  direction: postOnly(among('ingress', 'egress')),
  ethertype: postOnly(readEthertype, { default: 'IPv4' }),
  protocol: postOnly(readProtocol, { default: null }),
  port_range_min: postOnly(readPort, { default: null }),
  port_range_max: postOnly(readPort, { default: null }),
  remote_group_id: postOnly(orNull(text(255)), { default: null }),
  remote_address_group_id: postOnly(orNull(text(255)), { default: null }),
  remote_ip_prefix: postOnly(orNull(prefixText), { default: null }),
  normalized_cidr: readOnly(),
  belongs_to_default_sg: readOnly(),
};

export const securityGroupRules: Resource<SecurityGroupRule> = {
  singular: 'security_group_rule',
  plural: 'security_group_rules',
  path: 'security-group-rules',
  attributes,
  allow: {
    create: '(role:admin) or (role:member and project_id:%(security_group:project_id)s)',
    get: '(role:admin) or (role:reader and project_id:%(security_group:project_id)s)',
    delete: '(role:admin) or (role:member and project_id:%(security_group:project_id)s)',
  },
  missing: t.securityGroupRuleNotFound,
  columns: ['id', 'security_group_id'],
  list: listRules,
  view: ruleView,
  target: row => ({ 'security_group:project_id': row.group.projectId }),
  visible: (row, caller) => row.group.projectId === caller.projectId,
  async newTarget(tx, values, caller) {
    const group = await groupById(tx, values['security_group_id'] as string);
    if (!group || !(caller.isAdmin || group.projectId === caller.projectId))
      throw new Problem('notFound', t.securityGroupNotFound, { id: values['security_group_id'] as string });
    return { 'security_group:project_id': group.projectId };
  },
  checkBulk(rules) {
    if (new Set(rules.map(rule => rule?.['security_group_id'])).size > 1)
      throw new Problem('invalid', t.securityGroupNotSingleGroupRules);
  },
  create,
  remove,
};

export function ruleView(row: SecurityGroupRule): Values {
  return {
    ...standardView(row, { name: false, tags: false }),
    security_group_id: row.securityGroupId,
    direction: row.direction,
    ethertype: row.family === 4 ? 'IPv4' : 'IPv6',
    protocol: row.protocol,
    port_range_min: row.portMin,
    port_range_max: row.portMax,
    remote_group_id: row.remoteGroupId,
    remote_address_group_id: row.remoteAddressGroupId,
    remote_ip_prefix: row.remoteIpPrefix,
    normalized_cidr: row.remoteIpPrefix,
    belongs_to_default_sg: row.group.isDefault === 1,
  };
}

async function create({ tx, caller }: Ask, values: Values): Promise<SecurityGroupRule> {
  const rule = planRule({
    direction: values['direction'] as 'ingress' | 'egress',
    ethertype: values['ethertype'] as 'IPv4' | 'IPv6',
    protocol: values['protocol'] as string | null,
    portMin: values['port_range_min'] as number | null,
    portMax: values['port_range_max'] as number | null,
    remoteGroupId: values['remote_group_id'] as string | null,
    remoteAddressGroupId: values['remote_address_group_id'] as string | null,
    remoteIpPrefix: values['remote_ip_prefix'] as string | null,
  });
  const group = (await groupById(tx, values['security_group_id'] as string))!;
  if (rule.remoteGroupId !== null) {
    const remote = await groupById(tx, rule.remoteGroupId);
    if (!remote || !(caller.isAdmin || remote.projectId === caller.projectId))
      throw new Problem('notFound', t.securityGroupNotFound, { id: rule.remoteGroupId });
  }
  if (rule.remoteAddressGroupId !== null) {
    const remote = await db(tx)
      .selectFrom('addressGroups')
      .select('projectId')
      .where('id', '=', rule.remoteAddressGroupId)
      .executeTakeFirst();
    if (!remote || !(caller.isAdmin || remote.projectId === caller.projectId))
      throw new Problem('notFound', t.addressGroupNotFound, { id: rule.remoteAddressGroupId });
  }
  const others = await db(tx)
    .selectFrom('securityGroupRules')
    .selectAll()
    .where('securityGroupId', '=', group.id)
    .execute();
  const same = others.find(other => sameRule(toAsk(other), rule));
  if (same) throw new Problem('conflict', t.securityGroupRuleExists, { id: same.id });
  await checkQuota(tx, 'security_group_rule', values['project_id'] as string);
  const row: SecurityGroupRuleRow = {
    ...newStandard(tx, values),
    securityGroupId: group.id,
    direction: rule.direction,
    family: rule.ethertype === 'IPv4' ? 4 : 6,
    protocol: rule.protocol,
    portMin: rule.portMin,
    portMax: rule.portMax,
    remoteGroupId: rule.remoteGroupId,
    remoteAddressGroupId: rule.remoteAddressGroupId,
    remoteIpPrefix: rule.remoteIpPrefix,
  };
  await db(tx).insertInto('securityGroupRules').values(row).execute();
  await touchGroup({ tx }, group.id);
  return { ...row, group };
}

function toAsk(row: SecurityGroupRuleRow): RuleAsk {
  return { ...row, direction: row.direction as RuleAsk['direction'], ethertype: row.family === 4 ? 'IPv4' : 'IPv6' };
}

async function remove({ tx }: Ask, row: SecurityGroupRule): Promise<void> {
  await db(tx).deleteFrom('securityGroupRules').where('id', '=', row.id).execute();
  await touchGroup({ tx }, row.securityGroupId);
}

/** A group changes with its rules. */
async function touchGroup({ tx }: Pick<Ask, 'tx'>, id: string): Promise<void> {
  await db(tx)
    .updateTable('securityGroups')
    .set(eb => ({ revision: eb('revision', '+', 1), updatedAt: now(tx) }))
    .where('id', '=', id)
    .execute();
  await replanGroups(tx, [id]);
}
