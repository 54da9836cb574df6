// Application credentials: a secret of its own for a program, with some of the user's roles in one project.
// API: Identity v3, "Application credentials".

import type { Caller } from '#/platform/access/caller.ts';
import type { Passwords } from '#/platform/access/passwords.ts';
import type { Random } from '#/platform/clock/clock.ts';
import { newHexId, now, type Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import {
  array,
  boolean,
  nullable,
  object,
  oneOf,
  open,
  optional,
  type Static,
  string,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { applicationCredentialRules as rules } from '#/services/identity/allow.ts';
import { rolesById } from '#/services/identity/roles/role.store.ts';
import {
  type AccessRuleRow,
  type ApplicationCredentialRow,
  type RoleRow,
  type UserRow,
} from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { readTime } from '#/services/identity/times.ts';
import { delegable } from '#/services/identity/tokens/delegable.ts';
import { userFinder } from '#/services/identity/users/user.api.ts';
import { findUser } from '#/services/identity/users/user.store.ts';
import { anyQuery, json, listIn, listOf, notFound, schemas, selfLink, type Wire } from '#/services/identity/wire.ts';
import {
  accessRuleInUse,
  accessRulesOf,
  applicationCredentialsOf,
  deleteAccessRule,
  deleteApplicationCredential,
  ensureAccessRule,
  findApplicationCredential,
  insertApplicationCredential,
} from '#/services/identity/application-credentials/application-credential.store.ts';

const path = '/v3/users/{user_id}/application_credentials';
const reply = schemas.wrapped('application_credential');
const method = () => oneOf('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE');
const createBody = object({
  application_credential: object({
    name: schemas.name(),
    secret: optional(nullable(string({ min: 1 }))),
    description: schemas.description(),
    expires_at: optional(nullable(string())),
    unrestricted: optional(nullable(boolean())),
    project_id: optional(string()),
    roles: optional(array(open({ id: optional(string()), name: optional(string()) }))),
    access_rules: optional(
      array(
        object({
          id: optional(string()),
          service: optional(schemas.name()),
          path: optional(string({ max: 128, pattern: '^/' })),
          method: optional(method()),
        }),
      ),
    ),
  }),
});
type Ask = Static<typeof createBody>['application_credential'];

interface Owned {
  row: ApplicationCredentialRow;
  user: UserRow;
}

const finder: Finder<Owned> = {
  async find({ tx, path: { user_id: userId = '', application_credential_id: id = '' } }) {
    const user = await findUser(tx, userId);
    const row = await findApplicationCredential(tx, userId, id);
    return user && row && { row, user };
  },
  missing: ({ application_credential_id: id }) => notFound('application credential', id),
  target: ({ user }) => ({ user_id: user.id, target: { user: { id: user.id } } }),
  visible: () => false,
};

interface Parts {
  roles: RoleRow[];
  rules: AccessRuleRow[];
}

function view(row: ApplicationCredentialRow, { roles, rules: accessRules }: Parts, request: RequestFacts): Wire {
  const roleIds = listIn(row.roleIds);
  const ruleIds = row.accessRuleIds === null ? null : listIn(row.accessRuleIds);
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    user_id: row.userId,
    project_id: row.projectId,
    expires_at: row.expiresAt,
    unrestricted: row.unrestricted === 1,
    system: row.system,
    roles: roles
      .filter(({ id }) => roleIds.includes(id))
      .map(({ id, name, domainId, description, options }) => ({
        ...{ id, name, domain_id: domainId, description },
        options: json(options),
      })),
    ...(ruleIds ? { access_rules: accessRules.filter(({ id }) => ruleIds.includes(id)).map(viewRuleBriefly) } : {}),
    links: { self: selfLink(request, `users/${row.userId}/application_credentials/${row.id}`) },
  };
}

function viewRuleBriefly({ id, service, path: rulePath, method: ruleMethod }: AccessRuleRow): Wire {
  return { id, service, path: rulePath, method: ruleMethod };
}

async function partsOf(tx: Tx, rows: ApplicationCredentialRow[]): Promise<Parts> {
  const ids = new Set(rows.flatMap(row => listIn(row.roleIds)));
  return { roles: await rolesById(tx, [...ids]), rules: rows.length ? await accessRulesOf(tx, rows[0]!.userId) : [] };
}

const list = endpoint({
  policy: 'identity:list_application_credentials',
  allow: rules.get,
  route: `GET ${path}`,
  summary: 'Lists application credentials',
  find: userFinder,
  query: anyQuery,
  replies: { 200: schemas.list('application_credentials') },
  async handle({ tx, found, query, request }) {
    const rows = await applicationCredentialsOf(tx, found.id);
    const parts = await partsOf(tx, rows);
    return {
      200: listOf(
        request,
        query,
        'application_credentials',
        rows.map(row => view(row, parts, request)),
      ),
    };
  },
});

const show = endpoint({
  policy: 'identity:get_application_credential',
  allow: rules.get,
  route: `GET ${path}/{application_credential_id}`,
  summary: 'Shows an application credential',
  find: finder,
  replies: { 200: reply },
  handle: async ({ tx, found: { row }, request }) => ({
    200: { application_credential: view(row, await partsOf(tx, [row]), request) },
  }),
});

const remove = endpoint({
  policy: 'identity:delete_application_credential',
  allow: rules.delete,
  route: `DELETE ${path}/{application_credential_id}`,
  summary: 'Deletes an application credential',
  find: finder,
  replies: { 204: null },
  async handle({ tx, found: { row }, caller }) {
    checkUnrestricted(caller);
    await deleteApplicationCredential(tx, row);
    return { 204: undefined };
  },
});

/** What was delegated does not delegate, unless it was made to. @throws Problem forbidden */
export function checkUnrestricted(caller: Caller): void {
  const { restricted, trustId, accessTokenId } = caller.token;
  if (restricted === true || trustId !== undefined || accessTokenId !== undefined)
    throw new Problem('forbidden', t.restricted, { what: 'application credential' });
}

export function applicationCredentialEndpoints({
  passwords,
  random,
}: {
  passwords: Passwords;
  random: Random;
}): Endpoint[] {
  const create = endpoint({
    policy: 'identity:create_application_credential',
    allow: rules.create,
    route: `POST ${path}`,
    summary: 'Creates an application credential',
    find: userFinder,
    body: createBody,
    replies: { 201: reply },
    async prepare({ body }) {
      const secret = body.application_credential.secret ?? random.bytes(64).toString('base64url');
      return { secret, secretHash: await passwords.hash(secret) };
    },
    async handle({
      tx,
      body: { application_credential: ask },
      found: user,
      caller,
      prepared: { secret, secretHash },
      request,
    }) {
      checkUnrestricted(caller);
      if (caller.projectId === null) throw new Problem('invalid', t.needsProjectScope);
      const expiresAt = ask.expires_at == null ? null : readTime(ask.expires_at);
      if (expiresAt !== null && expiresAt <= now(tx)) throw new Problem('invalid', t.expiresPast);
      if ((await applicationCredentialsOf(tx, user.id)).some(({ name }) => name === ask.name))
        throw new Problem('conflict', t.duplicate, { what: 'application credential', name: ask.name });
      const row: ApplicationCredentialRow = {
        id: newHexId(tx),
        userId: user.id,
        projectId: caller.projectId,
        name: ask.name,
        description: ask.description ?? null,
        secretHash,
        expiresAt,
        unrestricted: ask.unrestricted ? 1 : 0,
        system: null,
        roleIds: JSON.stringify(delegable(caller, ask.roles)),
        accessRuleIds:
          ask.access_rules === undefined ? null : JSON.stringify(await ruleIdsFor(tx, user.id, ask.access_rules)),
      };
      await insertApplicationCredential(tx, row);
      return { 201: { application_credential: { ...view(row, await partsOf(tx, [row]), request), secret } } };
    },
  });
  return [list, show, create, remove];
}

async function ruleIdsFor(tx: Tx, userId: string, asks: NonNullable<Ask['access_rules']>): Promise<string[]> {
  const ids: string[] = [];
  for (const { id, service, path: rulePath, method: ruleMethod } of asks) {
    if (id !== undefined) {
      if (!(await accessRulesOf(tx, userId)).some(rule => rule.id === id)) throw notFound('access rule', id);
      ids.push(id);
    } else {
      if (!service || !rulePath || !ruleMethod) throw new Problem('invalid', t.ruleParts);
      ids.push(await ensureAccessRule(tx, { userId, service, path: rulePath, method: ruleMethod }));
    }
  }
  return [...new Set(ids)];
}

const rulesPath = '/v3/users/{user_id}/access_rules';

function viewRule(row: AccessRuleRow, request: RequestFacts): Wire {
  return { ...viewRuleBriefly(row), links: { self: selfLink(request, `users/${row.userId}/access_rules/${row.id}`) } };
}

const ruleFinder: Finder<AccessRuleRow> = {
  find: async ({ tx, path: { user_id: userId = '', access_rule_id: id = '' } }) =>
    (await accessRulesOf(tx, userId)).find(row => row.id === id),
  missing: ({ access_rule_id: id }) => notFound('access rule', id),
  target: row => ({ user_id: row.userId, target: { user: { id: row.userId } } }),
  visible: () => false,
};

const listRules = endpoint({
  policy: 'identity:list_access_rules',
  allow: rules.getRule,
  route: `GET ${rulesPath}`,
  summary: 'Lists access rules',
  find: userFinder,
  query: anyQuery,
  replies: { 200: schemas.list('access_rules') },
  async handle({ tx, found, query, request }) {
    const rows = await accessRulesOf(tx, found.id);
    return {
      200: listOf(
        request,
        query,
        'access_rules',
        rows.map(row => viewRule(row, request)),
        ['service', 'path', 'method'],
      ),
    };
  },
});

const showRule = endpoint({
  policy: 'identity:get_access_rule',
  allow: rules.getRule,
  route: `GET ${rulesPath}/{access_rule_id}`,
  summary: 'Shows an access rule',
  find: ruleFinder,
  replies: { 200: schemas.wrapped('access_rule') },
  handle: async ({ found, request }) => ({ 200: { access_rule: viewRule(found, request) } }),
});

const removeRule = endpoint({
  policy: 'identity:delete_access_rule',
  allow: rules.deleteRule,
  route: `DELETE ${rulesPath}/{access_rule_id}`,
  summary: 'Deletes an access rule',
  find: ruleFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    if (await accessRuleInUse(tx, found)) throw new Problem('forbidden', t.ruleInUse, { id: found.id });
    await deleteAccessRule(tx, found.id);
    return { 204: undefined };
  },
});

export const accessRuleEndpoints = [listRules, showRule, removeRule];
