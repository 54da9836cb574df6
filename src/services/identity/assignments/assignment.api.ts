// Who holds which role where.
// API: Identity v3, "Roles", role assignments.

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Query, type RequestFacts } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { assignmentRules } from '#/services/identity/allow.ts';
import { confinedTo, judge, somewhereOwn } from '#/services/identity/judge.ts';
import { tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { anyQuery, flagOf, listLinks, one, schemas, selfLink, type Wire } from '#/services/identity/wire.ts';
import {
  type AssignmentFilter,
  type Listed,
  listAssignments,
} from '#/services/identity/assignments/assignment-list.ts';

/** @throws Problem invalid for filters that contradict each other */
function filterOf(query: Query): Omit<AssignmentFilter, 'within'> {
  const inheritedTo = one(query, 'scope.OS-INHERIT:inherited_to');
  const filter = {
    userId: one(query, 'user.id'),
    groupId: one(query, 'group.id'),
    roleId: one(query, 'role.id'),
    projectId: one(query, 'scope.project.id'),
    domainId: one(query, 'scope.domain.id'),
    system: 'scope.system' in query && flagOf(query, 'scope.system'),
    inherited: inheritedTo === undefined ? undefined : inheritedTo === 'projects',
    effective: 'effective' in query && flagOf(query, 'effective'),
    subtree: 'include_subtree' in query && flagOf(query, 'include_subtree'),
  };
  const clashes: [boolean, string[]][] = [
    [filter.userId !== undefined && filter.groupId !== undefined, ['user.id', 'group.id']],
    [filter.projectId !== undefined && filter.domainId !== undefined, ['scope.project.id', 'scope.domain.id']],
    [
      filter.system && (filter.projectId ?? filter.domainId) !== undefined,
      ['scope.system', 'scope.project.id', 'scope.domain.id'],
    ],
    [filter.effective && filter.groupId !== undefined, ['effective', 'group.id']],
    [
      filter.effective && filter.inherited === true && filter.domainId !== undefined,
      ['effective', 'scope.OS-INHERIT:inherited_to', 'scope.domain.id'],
    ],
  ];
  for (const [clash, filters] of clashes) if (clash) throw new Problem('invalid', t.badFilters, { filters });
  if (filter.subtree && filter.projectId === undefined) throw new Problem('invalid', t.subtreeNeedsProject);
  return filter;
}

export const list = endpoint({
  policy: 'identity:list_role_assignments',
  allow: assignmentRules.list,
  route: 'GET /v3/role_assignments',
  summary: 'Lists role assignments',
  find: somewhereOwn,
  query: anyQuery,
  replies: { 200: schemas.list('role_assignments') },
  async handle({ tx, caller, policy, query, request }) {
    const filter = filterOf(query);
    const within = confinedTo(caller);
    if (filter.subtree)
      judge({ caller, policy }, 'identity:list_role_assignments_for_tree', {
        target: { domain_id: await domainOf(tx, filter.projectId!) },
      });
    const rows = await listAssignments(tx, { ...filter, within });
    const names = 'include_names' in query && flagOf(query, 'include_names') ? await namesFor(tx) : null;
    return { 200: { role_assignments: rows.map(row => view(row, request, names)), links: listLinks(request) } };
  },
});

async function domainOf(tx: Tx, projectId: string): Promise<string | null> {
  const row = await tables(tx).selectFrom('projects').select('domainId').where('id', '=', projectId).executeTakeFirst();
  return row?.domainId ?? null;
}

type Names = Record<'user' | 'group' | 'role' | 'project' | 'domain', Map<string, Wire>>;

async function namesFor(tx: Tx): Promise<Names> {
  const db = tables(tx);
  const projects = await db.selectFrom('projects').select(['id', 'name', 'domainId', 'isDomain']).execute();
  const domains = new Map(projects.filter(({ isDomain }) => isDomain).map(({ id, name }) => [id, { id, name }]));
  const named = (rows: { id: string; name: string; domainId: string | null }[]): Map<string, Wire> =>
    new Map(
      rows.map(({ id, name, domainId }) => [
        id,
        { id, name, ...(domainId === null ? {} : { domain: domains.get(domainId) }) },
      ]),
    );
  return {
    user: named(await db.selectFrom('users').select(['id', 'name', 'domainId']).execute()),
    group: named(await db.selectFrom('userGroups').select(['id', 'name', 'domainId']).execute()),
    role: named(await db.selectFrom('roles').select(['id', 'name', 'domainId']).execute()),
    project: named(projects),
    domain: domains,
  };
}

function view(row: Listed, request: RequestFacts, names: Names | null): Wire {
  const { source } = row;
  const named = (kind: keyof Names, id: string): Wire => names?.[kind].get(id) ?? { id };
  const where = source.targetType === 'system' ? 'system' : `${source.targetType}s/${source.targetId}`;
  const path = `${where}/${source.actorType}s/${source.actorId}/roles/${source.roleId}`;
  return {
    role: named('role', row.roleId),
    [row.actorType]: named(row.actorType, row.actorId),
    scope: {
      ...(row.targetType === 'system'
        ? { system: { all: true } }
        : { [row.targetType]: named(row.targetType, row.targetId) }),
      ...(source.inherited ? { 'OS-INHERIT:inherited_to': 'projects' } : {}),
    },
    links: {
      assignment: selfLink(request, source.inherited ? `OS-INHERIT/${path}/inherited_to_projects` : path),
      ...(row.throughGroup === null
        ? {}
        : { membership: selfLink(request, `groups/${row.throughGroup}/users/${row.actorId}`) }),
      ...(row.priorRoleId === null
        ? {}
        : { prior_role: selfLink(request, `prior_role/${row.priorRoleId}/implies/${row.roleId}`) }),
    },
  };
}

export const assignmentEndpoints = [list];
/** Checked besides, when a whole tree is asked for. */
export const assignmentTreeRule = { 'identity:list_role_assignments_for_tree': assignmentRules.list };
