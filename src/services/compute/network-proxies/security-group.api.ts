// Security groups through compute, as clients asked for them before the network service had them (until 2.35).

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { any, array, as, either, integer, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { pageLimit } from '#/platform/http/page.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { projectMember, projectReader } from '#/services/compute/allow.ts';
import { t } from '#/services/compute/texts.ts';
import {
  changeGroup,
  type ComputeGroup,
  computeGroup,
  type ComputeGroupRule,
  computeGroupRule,
  computeGroups,
  computeRuleView,
  makeGroup,
  makeGroupRule,
  removeGroup,
  removeGroupRule,
  securityGroupsListed,
} from '#/services/network/contract.ts';

const versions = '2.1-2.35';
const path = '/v2.1/os-security-groups';
const anything = as<Record<string, unknown>>(any());
const one = object({ security_group: anything });
const written = object({
  security_group: open({ name: string({ min: 1, max: 255, pattern: '\\S' }), description: string({ max: 255 }) }),
});
const port = optional(nullable(either(integer({ min: -1, max: 65_535 }), string({ pattern: '^-?[0-9]{1,5}$' }))));

const find: Finder<ComputeGroup> = {
  find: ({ tx, path: { security_group_id: id } }) => computeGroup(tx, id!),
  missing: ({ security_group_id: id }) => new Problem('notFound', t.securityGroupNotFound, { id: id?.slice(0, 80) }),
};

const findRule: Finder<ComputeGroupRule & { projectId: string }> = {
  async find({ tx, path: { security_group_rule_id: id } }) {
    const rule = await computeGroupRule(tx, id!);
    return rule && { ...rule, projectId: rule.group.projectId };
  },
  missing: ({ security_group_rule_id: id }) =>
    new Problem('notFound', t.securityGroupRuleNotFound, { id: id?.slice(0, 80) }),
};

async function view(tx: Tx, groups: ComputeGroup[]): Promise<Record<string, unknown>[]> {
  const names = new Map<string, ComputeGroup>(groups.map(group => [group.id, group]));
  for (const { remoteGroupId: id } of groups.flatMap(group => group.rules))
    if (id !== null && !names.has(id)) {
      const other = await computeGroup(tx, id);
      if (other) names.set(id, other);
    }
  return groups.map(group => ({
    id: group.id,
    name: group.name,
    description: group.description,
    tenant_id: group.projectId,
    rules: group.rules.filter(rule => rule.direction === 'ingress').map(rule => computeRuleView(rule, names)),
  }));
}

/** Here what contradicts the present state is a bad request. */
async function refused<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.kind === 'conflict')
      throw new Problem('invalid', thrown.text, thrown.facts, { cause: thrown });
    throw thrown;
  }
}

const list = endpoint({
  policy: 'os_compute_api:os-security-groups:get',
  allow: projectReader,
  route: `GET ${path}`,
  versions,
  query: open({ limit: optional(string()), offset: optional(string()), all_tenants: optional(string()) }),
  replies: { 200: object({ security_groups: array(anything) }) },
  prepare: ({ db, caller }) => securityGroupsListed(db, caller),
  async handle({ tx, caller, query }) {
    const all = caller.isAdmin && /^(1|true|yes|on|t|y)$/i.test(query.all_tenants ?? '');
    const groups = await computeGroups(tx, caller.projectId ?? '', all);
    groups.sort((a, b) => (a.id < b.id ? -1 : 1));
    const offset = pageLimit(query.offset, 0);
    return { 200: { security_groups: await view(tx, groups.slice(offset, offset + pageLimit(query.limit))) } };
  },
});

const show = endpoint({
  policy: 'os_compute_api:os-security-groups:show',
  allow: projectReader,
  route: `GET ${path}/{security_group_id}`,
  versions,
  find,
  replies: { 200: one },
  handle: async ({ tx, found }) => ({ 200: { security_group: (await view(tx, [found]))[0]! } }),
});

const create = endpoint({
  policy: 'os_compute_api:os-security-groups:create',
  allow: projectMember,
  route: `POST ${path}`,
  versions,
  body: written,
  replies: { 200: one },
  async handle(asked) {
    const { name, description } = asked.body.security_group;
    const group = await refused(makeGroup(asked, name.trim(), description.trim()));
    return { 200: { security_group: (await view(asked.tx, [group]))[0]! } };
  },
});

const update = endpoint({
  policy: 'os_compute_api:os-security-groups:update',
  allow: projectMember,
  route: `PUT ${path}/{security_group_id}`,
  versions,
  find,
  body: written,
  replies: { 200: one },
  async handle(asked) {
    const { name, description } = asked.body.security_group;
    const values = { name: name.trim(), description: description.trim() };
    const group = await refused(changeGroup(asked, asked.found, values));
    return { 200: { security_group: (await view(asked.tx, [group]))[0]! } };
  },
});

const remove = endpoint({
  policy: 'os_compute_api:os-security-groups:delete',
  allow: projectMember,
  route: `DELETE ${path}/{security_group_id}`,
  versions,
  find,
  replies: { 202: null },
  async handle(asked) {
    await refused(removeGroup(asked, asked.found));
    return { 202: undefined };
  },
});

const createRule = endpoint({
  policy: 'os_compute_api:os-security-groups:rule:create',
  allow: projectMember,
  route: 'POST /v2.1/os-security-group-rules',
  versions,
  body: object({
    security_group_rule: open({
      parent_group_id: string({ min: 1, max: 255 }),
      ip_protocol: optional(nullable(string({ max: 40 }))),
      from_port: port,
      to_port: port,
      cidr: optional(nullable(string({ max: 64 }))),
      group_id: optional(nullable(string({ max: 255 }))),
    }),
  }),
  replies: { 200: object({ security_group_rule: anything }) },
  async handle(asked) {
    const { tx, caller, body } = asked;
    const rule = body.security_group_rule;
    const group = await computeGroup(tx, rule.parent_group_id);
    if (!group || !(caller.isAdmin || group.projectId === caller.projectId))
      throw new Problem('notFound', t.securityGroupNotFound, { id: rule.parent_group_id.slice(0, 80) });
    const groupId = rule.group_id ?? null;
    const made = await refused(
      makeGroupRule(asked, group, {
        protocol: rule.ip_protocol,
        fromPort: rule.from_port,
        toPort: rule.to_port,
        cidr: rule.cidr ?? (groupId === null ? '0.0.0.0/0' : null),
        groupId,
      }),
    );
    const other = groupId === null ? undefined : await computeGroup(tx, groupId);
    return { 200: { security_group_rule: computeRuleView(made, new Map(other ? [[other.id, other]] : [])) } };
  },
});

const removeRule = endpoint({
  policy: 'os_compute_api:os-security-groups:rule:delete',
  allow: projectMember,
  route: 'DELETE /v2.1/os-security-group-rules/{security_group_rule_id}',
  versions,
  find: findRule,
  replies: { 202: null },
  async handle(asked) {
    await removeGroupRule(asked, asked.found);
    return { 202: undefined };
  },
});

export const securityGroupEndpoints = [list, show, create, update, remove, createRule, removeRule];
