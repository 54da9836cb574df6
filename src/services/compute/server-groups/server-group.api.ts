// Server groups. API: Compute, "Server groups". From 2.64 on one policy and its rules, before a list of policies.

import { newId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type Microversion, since } from '#/platform/http/endpoint.ts';
import { any, array, as, either, integer, object, oneOf, optional, string } from '#/platform/http/schema.ts';
import { pageLimit } from '#/platform/http/page.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, projectMember, projectReader } from '#/services/compute/allow.ts';
import { checkQuota } from '#/services/compute/quotas/quota.store.ts';
import type { GroupPolicy } from '#/services/compute/scheduling/filters.ts';
import {
  deleteServerGroup,
  findServerGroup,
  insertServerGroup,
  listServerGroups,
  type Member,
  membersOf,
  type ServerGroup,
} from '#/services/compute/server-groups/server-group.store.ts';
import { t } from '#/services/compute/texts.ts';
import { flag, name, toInteger } from '#/services/compute/wire.ts';

const anything = as<Record<string, unknown>>(any());
const allRule = 'os_compute_api:os-server-groups:index:all_projects';

function view(group: ServerGroup, members: Member[], version: Microversion): Record<string, unknown> {
  const ids = members.filter(member => member.groupId === group.id).map(member => member.id);
  const rules = group.maxPerHost === null ? {} : { max_server_per_host: group.maxPerHost };
  return {
    id: group.id,
    name: group.name,
    members: ids,
    ...(since(version, '2.13') ? { project_id: group.projectId, user_id: group.userId } : {}),
    ...(since(version, '2.64') ? { policy: group.policy, rules } : { policies: [group.policy], metadata: {} }),
  };
}

const find: Finder<ServerGroup> = {
  find: ({ tx, path }) => findServerGroup(tx, path['group_id']!),
  missing: path => new Problem('notFound', t.groupNotFound, { id: path['group_id']?.slice(0, 80) }),
};

async function viewOne(tx: Tx, group: ServerGroup, version: Microversion) {
  return { server_group: view(group, await membersOf(tx, [group.id]), version) };
}

const list = endpoint({
  policy: 'os_compute_api:os-server-groups:index',
  allow: projectReader,
  route: 'GET /v2.1/os-server-groups',
  replies: { 200: object({ server_groups: array(anything) }) },
  async handle({ tx, query, caller, policy, version }) {
    const all =
      flag(query, 'all_projects') && policy.allows(allRule, caller.credentials, { project_id: caller.projectId });
    const groups = await listServerGroups(tx, all ? null : (caller.projectId ?? ''));
    const offset = pageLimit(query['offset'], 0);
    const page = groups.slice(offset, offset + pageLimit(query['limit'], undefined, { zero: 'none' }));
    const members = await membersOf(
      tx,
      page.map(group => group.id),
    );
    return { 200: { server_groups: page.map(group => view(group, members, version)) } };
  },
});

const show = endpoint({
  policy: 'os_compute_api:os-server-groups:show',
  allow: projectReader,
  route: 'GET /v2.1/os-server-groups/{group_id}',
  find,
  replies: { 200: object({ server_group: anything }) },
  handle: async ({ tx, found, version }) => ({ 200: await viewOne(tx, found, version) }),
});

const hard = oneOf('anti-affinity', 'affinity');
const all = oneOf('anti-affinity', 'affinity', 'soft-anti-affinity', 'soft-affinity');
const groupName = name();

const create = endpoint({
  policy: 'os_compute_api:os-server-groups:create',
  allow: projectMember,
  route: 'POST /v2.1/os-server-groups',
  body: {
    '2.1': object({ server_group: object({ name: groupName, policies: array(hard, { min: 1, max: 1 }) }) }),
    '2.15': object({ server_group: object({ name: groupName, policies: array(all, { min: 1, max: 1 }) }) }),
    '2.64': object({
      server_group: object({
        name: groupName,
        policy: all,
        rules: optional(
          object({ max_server_per_host: optional(either(integer({ min: 1 }), string({ pattern: '^[0-9]{1,9}$' }))) }),
        ),
      }),
    }),
  },
  replies: { 200: object({ server_group: anything }) },
  async handle({ tx, body, caller, version }) {
    const ask = (
      body as {
        server_group: {
          name: string;
          policies?: GroupPolicy[];
          policy?: GroupPolicy;
          rules?: { max_server_per_host?: number | string };
        };
      }
    ).server_group;
    if (caller.projectId === null)
      throw new Problem('forbidden', t.needsRule, { rule: 'os_compute_api:os-server-groups:create' });
    const policy = ask.policy ?? ask.policies![0]!;
    const most = ask.rules?.max_server_per_host;
    if (most !== undefined && policy !== 'anti-affinity')
      throw new Problem('invalid', t.groupPolicy, { why: 'max_server_per_host goes with anti-affinity only' });
    await checkQuota(tx, { projectId: caller.projectId, userId: caller.userId }, { server_groups: 1 });
    const group = await insertServerGroup(tx, {
      id: newId(tx),
      projectId: caller.projectId,
      userId: caller.userId,
      name: ask.name,
      policy,
      maxPerHost: most === undefined ? null : toInteger(most, 'server_group.rules.max_server_per_host', 1),
    });
    return { 200: await viewOne(tx, group, version) };
  },
});

const remove = endpoint({
  policy: 'os_compute_api:os-server-groups:delete',
  allow: projectMember,
  route: 'DELETE /v2.1/os-server-groups/{group_id}',
  find,
  replies: { 204: null },
  async handle({ tx, found }) {
    await deleteServerGroup(tx, found.id);
    return { 204: undefined };
  },
});

export const serverGroupEndpoints = [list, show, create, remove];
export const serverGroupRules = { [allRule]: admin };
