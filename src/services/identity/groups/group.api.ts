// Groups, and who is in them.
// API: Identity v3, "Groups".

import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { isTrue, nullable, object, open, optional } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { groupRules } from '#/services/identity/allow.ts';
import { confinedTo, domainOfToken, judge, somewhereOwn } from '#/services/identity/judge.ts';
import { findDomain } from '#/services/identity/projects/project.store.ts';
import type { GroupRow, UserRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { findUser } from '#/services/identity/users/user.store.ts';
import { viewUser } from '#/services/identity/users/user.view.ts';
import { anyQuery, checkSameId, extraOf, json, listOf, notFound, one, schemas } from '#/services/identity/wire.ts';
import {
  addMember,
  deleteGroup,
  findGroup,
  groupNameTaken,
  insertGroup,
  isMember,
  listGroups,
  membersOf,
  removeMember,
  updateGroup,
} from '#/services/identity/groups/group.store.ts';
import { groupAttributes, viewGroup } from '#/services/identity/groups/group.view.ts';

const attributes = { domain_id: optional(nullable(schemas.id())), description: schemas.description() };
const reply = schemas.wrapped('group');

export const groupFinder: Finder<GroupRow> = {
  find: ({ tx, path }) => findGroup(tx, path['group_id']!),
  missing: path => notFound('group', path['group_id']),
  target: row => ({ target: { group: { id: row.id, domain_id: row.domainId } } }),
  visible: (row, caller) => row.domainId === caller.domainId,
};

const list = endpoint({
  policy: 'identity:list_groups',
  allow: groupRules.get,
  route: 'GET /v3/groups',
  summary: 'Lists groups',
  find: somewhereOwn,
  query: anyQuery,
  replies: { 200: schemas.list('groups') },
  async handle({ tx, caller, policy, query, request }) {
    const confined = confinedTo(caller);
    const domainId = one(query, 'domain_id');
    if (confined !== null && domainId !== undefined)
      judge({ caller, policy }, 'identity:list_groups', { target: { group: { domain_id: domainId } } });
    const rows = await listGroups(tx, { domainId: domainId ?? confined ?? undefined, name: one(query, 'name') });
    return {
      200: listOf(
        request,
        query,
        'groups',
        rows.map(row => viewGroup(row, request)),
      ),
    };
  },
});

const show = endpoint({
  policy: 'identity:get_group',
  allow: groupRules.get,
  route: 'GET /v3/groups/{group_id}',
  summary: 'Shows a group',
  find: groupFinder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { group: viewGroup(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_group',
  allow: groupRules.manage,
  route: 'POST /v3/groups',
  summary: 'Creates a group',
  find: somewhereOwn,
  body: object({ group: open({ name: schemas.shortName(), ...attributes }) }),
  replies: { 201: reply },
  async handle({ tx, body, caller, policy, request }) {
    const ask = body.group;
    const domainId = ask.domain_id ?? domainOfToken(caller);
    if (domainId === null) throw new Problem('invalid', t.needsDomain);
    judge({ caller, policy }, 'identity:create_group', { target: { group: { domain_id: domainId } } });
    if (!(await findDomain(tx, domainId))) throw notFound('domain', domainId);
    if (await groupNameTaken(tx, domainId, ask.name, null))
      throw new Problem('conflict', t.duplicate, { what: 'group', name: ask.name });
    const row: GroupRow = {
      id: newHexId(tx),
      domainId,
      name: ask.name,
      description: ask.description ?? '',
      extra: JSON.stringify(extraOf(ask, groupAttributes)),
    };
    await insertGroup(tx, row);
    return { 201: { group: viewGroup(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_group',
  allow: groupRules.manage,
  route: 'PATCH /v3/groups/{group_id}',
  summary: 'Changes a group',
  find: groupFinder,
  body: object({ group: open({ name: optional(schemas.shortName()), ...attributes }) }),
  replies: { 200: reply },
  async handle({ tx, body, found, request }) {
    const ask = body.group;
    checkSameId(ask, found.id);
    if (ask.domain_id != null && ask.domain_id !== found.domainId)
      throw new Problem('invalid', t.domainFixed, { what: 'group' });
    if (ask.name !== undefined && (await groupNameTaken(tx, found.domainId, ask.name, found.id)))
      throw new Problem('conflict', t.duplicate, { what: 'group', name: ask.name });
    const row: GroupRow = {
      ...found,
      ...(ask.name === undefined ? {} : { name: ask.name }),
      ...(ask.description === undefined ? {} : { description: ask.description ?? '' }),
      extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, groupAttributes) }),
    };
    await updateGroup(tx, found.id, row);
    return { 200: { group: viewGroup(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_group',
  allow: groupRules.manage,
  route: 'DELETE /v3/groups/{group_id}',
  summary: 'Deletes a group',
  find: groupFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await deleteGroup(tx, found.id);
    return { 204: undefined };
  },
});

const users = endpoint({
  policy: 'identity:list_users_in_group',
  allow: groupRules.get,
  route: 'GET /v3/groups/{group_id}/users',
  summary: 'Lists the users in a group',
  find: groupFinder,
  query: anyQuery,
  replies: { 200: schemas.list('users') },
  async handle({ tx, found, query, request }) {
    const enabled = one(query, 'enabled');
    const rows = (await membersOf(tx, found.id)).filter(
      row => enabled === undefined || isTrue(enabled) === (row.enabled === 1),
    );
    return {
      200: listOf(
        request,
        query,
        'users',
        rows.map(row => viewUser(row, request)),
      ),
    };
  },
});

const memberPath = '/v3/groups/{group_id}/users/{user_id}';
interface Membership {
  group: GroupRow;
  user: UserRow;
}

const membershipFinder: Finder<Membership> = {
  find: ({ tx, path }) => findBoth(tx, path),
  missing: path => notFound('group or user', `${path['group_id']}, ${path['user_id']}`),
  target: ({ group, user }) => ({
    user_id: user.id,
    target: { group: { id: group.id, domain_id: group.domainId }, user: { id: user.id, domain_id: user.domainId } },
  }),
  visible: ({ group }, caller) => group.domainId === caller.domainId,
};

async function findBoth(tx: Tx, path: Record<string, string>): Promise<Membership | undefined> {
  const group = await findGroup(tx, path['group_id']!);
  const user = await findUser(tx, path['user_id']!);
  return group && user && { group, user };
}

const add = endpoint({
  policy: 'identity:add_user_to_group',
  allow: groupRules.manageMember,
  route: `PUT ${memberPath}`,
  summary: 'Adds a user to a group',
  find: membershipFinder,
  replies: { 204: null },
  async handle({ tx, found: { group, user } }) {
    await addMember(tx, group.id, user.id);
    return { 204: undefined };
  },
});

const check = (method: 'HEAD' | 'GET') =>
  endpoint({
    policy: 'identity:check_user_in_group',
    allow: groupRules.member,
    route: `${method} ${memberPath}`,
    summary: 'Checks whether a user is in a group',
    find: membershipFinder,
    replies: { 204: null },
    async handle({ tx, found: { group, user } }) {
      if (!(await isMember(tx, group.id, user.id))) throw notFound('user in group', user.id);
      return { 204: undefined };
    },
  });

const drop = endpoint({
  policy: 'identity:remove_user_from_group',
  allow: groupRules.manageMember,
  route: `DELETE ${memberPath}`,
  summary: 'Takes a user out of a group',
  find: membershipFinder,
  replies: { 204: null },
  async handle({ tx, found: { group, user } }) {
    if (!(await isMember(tx, group.id, user.id))) throw notFound('user in group', user.id);
    await removeMember(tx, group.id, user.id);
    return { 204: undefined };
  },
});

export const groupEndpoints = [list, show, create, update, remove, users, add, check('HEAD'), check('GET'), drop];
