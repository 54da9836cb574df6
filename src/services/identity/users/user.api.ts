// Users, and their passwords.
// API: Identity v3, "Users".

import type { Passwords } from '#/platform/access/passwords.ts';
import { newHexId, now, type Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { any, isTrue, mapOf, nullable, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { userRules } from '#/services/identity/allow.ts';
import { projectsOfUser } from '#/services/identity/assignments/reach.store.ts';
import { groupsOfUser } from '#/services/identity/groups/group.store.ts';
import { viewGroup } from '#/services/identity/groups/group.view.ts';
import { confinedTo, domainOfToken, judge, somewhereOwn } from '#/services/identity/judge.ts';
import { findDomain, findProject } from '#/services/identity/projects/project.store.ts';
import { viewProject } from '#/services/identity/projects/project.view.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import {
  anyQuery,
  checkSameId,
  extraOf,
  json,
  listOf,
  mergedOptions,
  notFound,
  one,
  schemas,
} from '#/services/identity/wire.ts';
import {
  deleteUser,
  findUser,
  insertUser,
  listUsers,
  updateUser,
  userNameTaken,
} from '#/services/identity/users/user.store.ts';
import { userAttributes, viewUser } from '#/services/identity/users/user.view.ts';

const attributes = {
  domain_id: optional(nullable(schemas.id())),
  default_project_id: optional(nullable(schemas.id())),
  description: schemas.description(),
  enabled: schemas.enabled(),
  password: optional(nullable(string({ min: 1 }))),
  options: optional(mapOf(any())),
};
const reply = schemas.wrapped('user');

export const userFinder: Finder<UserRow> = {
  find: ({ tx, path }) => findUser(tx, path['user_id']!),
  missing: path => notFound('user', path['user_id']),
  target: row => ({ user_id: row.id, target: { user: { id: row.id, domain_id: row.domainId } } }),
  visible: (row, caller) => row.id === caller.userId || row.domainId === caller.domainId,
};

const list = endpoint({
  policy: 'identity:list_users',
  allow: userRules.list,
  route: 'GET /v3/users',
  summary: 'Lists users',
  find: somewhereOwn,
  query: anyQuery,
  replies: { 200: schemas.list('users') },
  async handle({ tx, caller, policy, query, request }) {
    const confined = confinedTo(caller);
    const domainId = one(query, 'domain_id');
    if (confined !== null && domainId !== undefined)
      judge({ caller, policy }, 'identity:list_users', { target: { domain_id: domainId } });
    const enabled = one(query, 'enabled');
    const rows = await listUsers(tx, {
      domainId: domainId ?? confined ?? undefined,
      name: one(query, 'name'),
      enabled: enabled === undefined ? undefined : isTrue(enabled),
    });
    return {
      200: listOf(
        request,
        query,
        'users',
        rows.map(row => viewUser(row, request)),
        ['name', 'default_project_id'],
      ),
    };
  },
});

const show = endpoint({
  policy: 'identity:get_user',
  allow: userRules.get,
  route: 'GET /v3/users/{user_id}',
  summary: 'Shows a user',
  find: userFinder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { user: viewUser(found, request) } }),
});

const remove = endpoint({
  policy: 'identity:delete_user',
  allow: userRules.manage,
  route: 'DELETE /v3/users/{user_id}',
  summary: 'Deletes a user',
  find: userFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await deleteUser(tx, found.id);
    return { 204: undefined };
  },
});

const groups = endpoint({
  policy: 'identity:list_groups_for_user',
  allow: userRules.groups,
  route: 'GET /v3/users/{user_id}/groups',
  summary: 'Lists the groups of a user',
  find: userFinder,
  query: anyQuery,
  replies: { 200: schemas.list('groups') },
  async handle({ tx, found, query, request }) {
    const rows = await groupsOfUser(tx, found.id);
    return {
      200: listOf(
        request,
        query,
        'groups',
        rows.map(row => ({ ...viewGroup(row, request), membership_expires_at: null })),
      ),
    };
  },
});

const projects = endpoint({
  policy: 'identity:list_user_projects',
  allow: userRules.projects,
  route: 'GET /v3/users/{user_id}/projects',
  summary: 'Lists the projects of a user',
  find: userFinder,
  query: anyQuery,
  replies: { 200: schemas.list('projects') },
  async handle({ tx, found, query, request }) {
    const rows = await projectsOfUser(tx, found.id);
    return {
      200: listOf(
        request,
        query,
        'projects',
        rows.map(row => viewProject(row, request)),
        ['name', 'enabled', 'domain_id'],
      ),
    };
  },
});

export function userEndpoints(passwords: Passwords): Endpoint[] {
  const hashOf = async (password: string | null | undefined): Promise<string | null> =>
    password == null ? null : passwords.hash(password);

  const create = endpoint({
    policy: 'identity:create_user',
    allow: userRules.manage,
    route: 'POST /v3/users',
    summary: 'Creates a user',
    find: somewhereOwn,
    body: object({ user: open({ name: schemas.name(), ...attributes }) }),
    replies: { 201: reply },
    prepare: ({ body }) => hashOf(body.user.password),
    async handle({ tx, body, prepared: passwordHash, caller, policy, request }) {
      const ask = body.user;
      const domainId = ask.domain_id ?? domainOfToken(caller);
      if (domainId === null) throw new Problem('invalid', t.needsDomain);
      judge({ caller, policy }, 'identity:create_user', { target: { user: { domain_id: domainId } } });
      if (!(await findDomain(tx, domainId))) throw notFound('domain', domainId);
      if (await userNameTaken(tx, domainId, ask.name, null))
        throw new Problem('conflict', t.duplicate, { what: 'user', name: ask.name });
      await checkDefaultProject(tx, ask.default_project_id);
      const row: UserRow = {
        id: newHexId(tx),
        domainId,
        name: ask.name,
        enabled: ask.enabled === false ? 0 : 1,
        defaultProjectId: ask.default_project_id ?? null,
        passwordHash,
        passwordExpiresAt: null,
        options: mergedOptions('{}', ask.options),
        extra: JSON.stringify(extraOf(ask, userAttributes)),
        tokenEpoch: 0,
        createdAt: now(tx),
      };
      await insertUser(tx, row);
      return { 201: { user: viewUser(row, request) } };
    },
  });

  const update = endpoint({
    policy: 'identity:update_user',
    allow: userRules.manage,
    route: 'PATCH /v3/users/{user_id}',
    summary: 'Changes a user',
    find: userFinder,
    body: object({ user: open({ name: optional(schemas.name()), ...attributes }) }),
    replies: { 200: reply },
    prepare: ({ body }) => hashOf(body.user.password),
    async handle({ tx, body, prepared: passwordHash, found, request }) {
      const ask = body.user;
      checkSameId(ask, found.id);
      if (ask.domain_id != null && ask.domain_id !== found.domainId)
        throw new Problem('invalid', t.domainFixed, { what: 'user' });
      if (ask.name !== undefined && (await userNameTaken(tx, found.domainId, ask.name, found.id)))
        throw new Problem('conflict', t.duplicate, { what: 'user', name: ask.name });
      await checkDefaultProject(tx, ask.default_project_id);
      await updateUser(
        tx,
        found.id,
        {
          ...(ask.name === undefined ? {} : { name: ask.name }),
          ...(ask.enabled === undefined ? {} : { enabled: ask.enabled ? 1 : 0 }),
          ...(ask.default_project_id === undefined ? {} : { defaultProjectId: ask.default_project_id }),
          ...(ask.password === undefined ? {} : { passwordHash }),
          options: mergedOptions(found.options, ask.options),
          extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, userAttributes) }),
        },
        { endTokens: ask.password !== undefined || ask.enabled === false },
      );
      return { 200: { user: viewUser((await findUser(tx, found.id))!, request) } };
    },
  });

  const changePassword = endpoint({
    policy: 'public',
    route: 'POST /v3/users/{user_id}/password',
    summary: 'Changes the own password',
    body: object({ user: object({ original_password: string(), password: string({ min: 1 }) }) }),
    replies: { 204: null },
    async prepare({ body, path, db }) {
      const { original_password: original, password } = body.user;
      const user = await db.read(tx => findUser(tx, path['user_id']!));
      const { matches } = await passwords.verify(user?.passwordHash ?? null, original);
      if (!user || !matches || !user.enabled) throw new Problem('unauthenticated', t.unauthorized);
      if (json(user.options)['lock_password'] === true) throw new Problem('invalid', t.passwordLocked);
      if (password === original) throw new Problem('invalid', t.samePassword);
      return { user, passwordHash: await passwords.hash(password) };
    },
    async handle({ tx, prepared: { user, passwordHash } }) {
      const current = await findUser(tx, user.id);
      if (!current?.enabled || current.passwordHash !== user.passwordHash) throw refused();
      await updateUser(tx, user.id, { passwordHash }, { endTokens: true });
      return { 204: undefined };
    },
  });

  return [list, show, create, update, remove, changePassword, groups, projects];
}

/** A domain is no project to work in; one that is not there yet may come. @throws Problem invalid */
async function checkDefaultProject(tx: Tx, id: string | null | undefined): Promise<void> {
  if (id == null) return;
  if ((await findProject(tx, id))?.isDomain) throw new Problem('invalid', t.domainAsDefault, { id });
}
