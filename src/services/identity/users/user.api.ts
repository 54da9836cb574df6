// Users, and their passwords.
// API: Identity v3, "Users".

import { newHexId, now, nowMs, timestamp, type Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder, type Query } from '#/platform/http/endpoint.ts';
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
import { expiryOf, oddOption } from '#/services/identity/users/compliance.rules.ts';
import { changeAccountState, rememberPassword } from '#/services/identity/users/compliance.store.ts';
import type { LoginRecorder } from '#/services/identity/tokens/login-record.ts';
import { checkStrength, ownPasswordEndpoint } from '#/services/identity/users/own-password.api.ts';
import type { PasswordCheck } from '#/services/identity/users/own-password.ts';
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
  type Wire,
} from '#/services/identity/wire.ts';
import {
  deleteUser,
  findUser,
  insertUser,
  listUsers,
  readExpiryFilter,
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
    const page = pageInDatabase(query);
    const marker = page && one(query, 'marker');
    if (marker !== undefined && !(await findUser(tx, marker))) throw notFound('marker', marker);
    const rows = await listUsers(tx, {
      ...page,
      domainId: domainId ?? confined ?? undefined,
      name: one(query, 'name'),
      enabled: enabled === undefined ? undefined : isTrue(enabled),
      expires: readExpiryFilter(one(query, 'password_expires_at')),
    });
    return {
      200: listOf(
        request,
        page ? { ...query, marker: [] } : query,
        'users',
        rows.map(row => viewUser(row, request)),
        ['name', 'default_project_id'],
      ),
    };
  },
});

/** The page that is asked for, where every filter is one that the database knows; one row more says whether there is another. */
function pageInDatabase(query: Query): { after?: string; atMost: number } | undefined {
  const limit = one(query, 'limit');
  const known = ['limit', 'marker', 'domain_id', 'name', 'enabled', 'password_expires_at'];
  if (limit === undefined || !/^[1-9]\d{0,5}$/.test(limit)) return undefined;
  if (!Object.keys(query).every(name => known.includes(name))) return undefined;
  return { after: one(query, 'marker'), atMost: Number(limit) + 1 };
}

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

export function userEndpoints(needs: Omit<PasswordCheck, 'db'> & { recorder: LoginRecorder }): Endpoint[] {
  const { passwords, compliance } = needs;
  const hashOf = async (password: string | null | undefined): Promise<string | null> => {
    checkStrength(needs, password);
    return password == null ? null : passwords.hash(password);
  };
  /** What a password that an administrator sets brings with it. */
  const given = async (
    tx: Tx,
    userId: string,
    passwordHash: string | null,
    options: string,
  ): Promise<Pick<UserRow, 'passwordHash' | 'passwordExpiresAt'>> => {
    const moment = nowMs(tx);
    const expiresAt = passwordHash === null ? null : expiryOf(compliance, json(options), moment, false);
    await changeAccountState(tx, userId, { passwordSetAt: null, failures: 0 });
    return { passwordHash, passwordExpiresAt: expiresAt === null ? null : timestamp(expiresAt) };
  };

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
      checkOptions(ask.options);
      const row: UserRow = {
        id: newHexId(tx),
        domainId,
        name: ask.name,
        enabled: ask.enabled === false ? 0 : 1,
        defaultProjectId: ask.default_project_id ?? null,
        passwordHash: null,
        passwordExpiresAt: null,
        options: mergedOptions('{}', ask.options),
        extra: JSON.stringify(extraOf(ask, userAttributes)),
        tokenEpoch: 0,
        createdAt: now(tx),
      };
      if (passwordHash !== null) Object.assign(row, await given(tx, row.id, passwordHash, row.options));
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
      checkOptions(ask.options);
      const options = mergedOptions(found.options, ask.options);
      if (ask.password !== undefined)
        await rememberPassword(tx, found.id, found.passwordHash, compliance.uniqueLastPasswordCount - 1);
      if (ask.enabled === true && !found.enabled) await changeAccountState(tx, found.id, { lastActiveAt: nowMs(tx) });
      await updateUser(
        tx,
        found.id,
        {
          ...(ask.name === undefined ? {} : { name: ask.name }),
          ...(ask.enabled === undefined ? {} : { enabled: ask.enabled ? 1 : 0 }),
          ...(ask.default_project_id === undefined ? {} : { defaultProjectId: ask.default_project_id }),
          ...(ask.password === undefined ? {} : await given(tx, found.id, passwordHash, options)),
          options,
          extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, userAttributes) }),
        },
        { endTokens: ask.password !== undefined || ask.enabled === false },
      );
      return { 200: { user: viewUser((await findUser(tx, found.id))!, request) } };
    },
  });

  return [list, show, create, update, remove, ownPasswordEndpoint(needs), groups, projects];
}

/** @throws Problem invalid */
function checkOptions(options: Wire | undefined): void {
  const odd = options && oddOption(options);
  if (odd) throw new Problem('invalid', t.badOption, { option: odd });
}

/** A domain is no project to work in; one that is not there yet may come. @throws Problem invalid */
async function checkDefaultProject(tx: Tx, id: string | null | undefined): Promise<void> {
  if (id == null) return;
  if ((await findProject(tx, id))?.isDomain) throw new Problem('invalid', t.domainAsDefault, { id });
}
