// Security groups as compute's old calls for them see and change them: by the network service's own rules.

import type { Ask } from '#/services/network/attributes/resource.ts';
import { readPort, readProtocol } from '#/services/network/security-groups/rule.rules.ts';
import { securityGroups } from '#/services/network/security-groups/security-group.api.ts';
import { securityGroupRules } from '#/services/network/security-groups/security-group-rule.api.ts';
import {
  listGroups,
  listRules,
  type SecurityGroup,
  type SecurityGroupRule,
} from '#/services/network/security-groups/security-group.store.ts';
import type { SecurityGroupRuleRow } from '#/services/network/tables.ts';
import type { Caller } from '#/platform/access/caller.ts';
import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';

export type ComputeGroup = SecurityGroup;
export type ComputeGroupRule = SecurityGroupRule;

/** What compute's call says of a rule. */
export interface ComputeRuleAsk {
  protocol: unknown;
  fromPort: unknown;
  toPort: unknown;
  cidr: string | null;
  groupId: string | null;
}

/** The groups that a project may use. @param all those of every project */
export function computeGroups(tx: Tx, projectId: string, all: boolean): Promise<ComputeGroup[]> {
  return listGroups(tx, { all, projectId, only: {} });
}

/** Before a list: the project gets its default group. */
export async function securityGroupsListed(db: Database, caller: Caller): Promise<void> {
  await securityGroups.prepareList!({ db, caller });
}

export async function computeGroup(tx: Tx, id: string): Promise<ComputeGroup | undefined> {
  return (await listGroups(tx, { all: true, projectId: '', only: { id: [id] } }))[0];
}

export async function computeGroupRule(tx: Tx, id: string): Promise<ComputeGroupRule | undefined> {
  return (await listRules(tx, { all: true, projectId: '', only: { id: [id] } }))[0];
}

/** @throws Problem conflict for the name `default`, quotaExceeded */
export function makeGroup(ask: Ask, name: string, description: string): Promise<ComputeGroup> {
  return securityGroups.create!(ask, { project_id: ask.caller.projectId ?? '', name, description });
}

/** @throws Problem conflict when the default group would get another name, or another its name */
export function changeGroup(
  ask: Ask,
  group: ComputeGroup,
  values: { name: string; description: string },
): Promise<ComputeGroup> {
  return securityGroups.update!(ask, group, values);
}

/** @throws Problem conflict for a group that is used, or the default one */
export function removeGroup(ask: Ask, group: ComputeGroup): Promise<void> {
  return securityGroups.remove!(ask, group);
}

/** Lets something in. @throws Problem invalid, conflict for a rule that is there, notFound for the other group */
export function makeGroupRule(ask: Ask, group: ComputeGroup, rule: ComputeRuleAsk): Promise<ComputeGroupRule> {
  const port = (value: unknown): number | null => (String(value) === '-1' ? null : readPort(value));
  return securityGroupRules.create!(ask, {
    project_id: group.projectId,
    security_group_id: group.id,
    direction: 'ingress',
    ethertype: rule.cidr?.includes(':') ? 'IPv6' : 'IPv4',
    protocol: readProtocol(rule.protocol),
    port_range_min: port(rule.fromPort),
    port_range_max: port(rule.toPort),
    remote_group_id: rule.groupId,
    remote_address_group_id: null,
    remote_ip_prefix: rule.cidr,
  });
}

export function removeGroupRule(ask: Ask, rule: ComputeGroupRule): Promise<void> {
  return securityGroupRules.remove!(ask, rule);
}

/** A rule as compute shows it. @param names the groups that rules may speak of, by id */
export function computeRuleView(
  rule: SecurityGroupRuleRow,
  names: Map<string, { name: string; projectId: string }>,
): Record<string, unknown> {
  const { protocol, portMin, portMax, remoteGroupId } = rule;
  const anyPort = portMin === null && portMax === null && protocol !== null;
  const withPorts = protocol === 'tcp' || protocol === 'udp';
  const other = remoteGroupId === null ? undefined : names.get(remoteGroupId);
  const anywhere = rule.family === 4 ? '0.0.0.0/0' : '::/0';
  return {
    id: rule.id,
    parent_group_id: rule.securityGroupId,
    ip_protocol: protocol,
    from_port: anyPort ? (withPorts ? 1 : -1) : portMin,
    to_port: anyPort ? (withPorts ? 65_535 : -1) : portMax,
    group: other ? { name: other.name, tenant_id: other.projectId } : {},
    ip_range: remoteGroupId === null ? { cidr: rule.remoteIpPrefix ?? anywhere } : {},
  };
}
