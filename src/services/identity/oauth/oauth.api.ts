// OAuth 1.0: a consumer asks for access to a project, a user grants it some roles there, and the consumer takes up an
// access token with which it logs in for that user.
// API: Identity v3, "OS-OAUTH1".

import { contextOf, type Tx } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder, type Reply } from '#/platform/http/endpoint.ts';
import { any, array, object, open, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin } from '#/services/identity/allow.ts';
import { checkUnrestricted } from '#/services/identity/application-credentials/application-credential.api.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import {
  accessTokensOf,
  authorizeRequest,
  deleteOAuthToken,
  findOAuthToken,
  insertOAuthToken,
  signedBy,
} from '#/services/identity/oauth/oauth.store.ts';
import { findProject } from '#/services/identity/projects/project.store.ts';
import { viewRole } from '#/services/identity/roles/role.api.ts';
import { rolesById } from '#/services/identity/roles/role.store.ts';
import type { OAuthTokenRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { ancestorsOf, assignedRoleIds, effectiveRoles, groupIdsOf } from '#/services/identity/tokens/scope.store.ts';
import { anyQuery, listIn, listOf, notFound, printed, schemas, selfLink } from '#/services/identity/wire.ts';

const path = '/v3/OS-OAUTH1';
const ofUser = '/v3/users/{user_id}/OS-OAUTH1/access_tokens';

const requestFinder: Finder<OAuthTokenRow> = {
  find: ({ tx, path: { request_token_id: id = '' } }) => findOAuthToken(tx, 'request', id),
  missing: ({ request_token_id: id }) => notFound('request token', id),
  target: () => ({}),
  visible: () => true,
};

const accessFinder: Finder<OAuthTokenRow> = {
  async find({ tx, path: { user_id: userId = '', access_token_id: id = '' } }) {
    const row = await findOAuthToken(tx, 'access', id);
    return row?.userId === userId ? row : undefined;
  },
  missing: ({ access_token_id: id }) => notFound('access token', id),
  target: row => ({ user_id: row.userId }),
  visible: (row, caller) => row.userId === caller.userId,
};

/** A token as OAuth tells it: a form, not JSON. */
function told({ row, secret }: { row: OAuthTokenRow; secret: string }): Reply {
  const form = new URLSearchParams({ oauth_token: row.id, oauth_token_secret: secret });
  if (row.expiresAt !== null) form.set('oauth_expires_at', printed(row.expiresAt)!);
  return { 201: Buffer.from(form.toString()), headers: { 'content-type': 'application/x-www-form-urlencoded' } };
}

export function oauthEndpoints(vault: Vault): Endpoint[] {
  const requestToken = endpoint({
    policy: 'public',
    route: `POST ${path}/request_token`,
    summary: 'Asks for access to a project, signed by a consumer',
    replies: { 201: any() },
    async handle({ tx, request }) {
      const { consumerId } = await signedBy(tx, vault, request, null);
      const projectId = String(request.headers['requested-project-id'] ?? '');
      if (!(await findProject(tx, projectId))) throw notFound('project', projectId);
      return told(
        await insertOAuthToken(tx, vault, { kind: 'request', consumerId, projectId, userId: null, roleIds: '[]' }),
      );
    },
  });

  const accessToken = endpoint({
    policy: 'public',
    route: `POST ${path}/access_token`,
    summary: 'Takes up an access token for an authorized request',
    replies: { 201: any() },
    async handle({ tx, request }) {
      const { consumerId, token, verifier } = await signedBy(tx, vault, request, 'request');
      if (!token || token.verifier === null || token.verifier !== verifier)
        throw new Problem('unauthenticated', t.unauthorized);
      const { projectId, userId, roleIds } = token;
      await deleteOAuthToken(tx, token);
      return told(await insertOAuthToken(tx, vault, { kind: 'access', consumerId, projectId, userId, roleIds }));
    },
  });

  return [requestToken, accessToken, authorize, list, show, remove, roles, role];
}

const authorize = endpoint({
  policy: 'identity:authorize_request_token',
  allow: admin,
  route: `PUT ${path}/authorize/{request_token_id}`,
  summary: 'Grants a consumer some of the own roles in the project that it asked for',
  find: requestFinder,
  body: object({
    roles: array(open({ id: optional(string({ max: 64 })), name: optional(string({ max: 255 })) }), {
      min: 1,
      max: 100,
    }),
  }),
  replies: { 200: open({ token: open({ oauth_verifier: string() }) }) },
  async handle({ tx, body, found, caller }) {
    checkUnrestricted(caller);
    const held = await rolesHeld(tx, caller.userId, found.projectId);
    const roleIds = body.roles.map(ask => {
      const own = held.find(({ id, name }) => (ask.id === undefined ? name === ask.name : id === ask.id));
      if (!own) throw new Problem('unauthenticated', t.roleNotHeld, { role: (ask.id ?? ask.name ?? '').slice(0, 80) });
      return own.id;
    });
    const verifier = contextOf(tx).random.bytes(6).toString('base64url');
    await authorizeRequest(tx, found.id, { userId: caller.userId, roleIds: JSON.stringify(roleIds), verifier });
    return { 200: { token: { oauth_verifier: verifier } } };
  },
});

async function rolesHeld(tx: Tx, userId: string, projectId: string): Promise<{ id: string; name: string }[]> {
  const project = await findProject(tx, projectId);
  if (!project) return [];
  const target = { type: 'project', project, above: await ancestorsOf(tx, project) } as const;
  return effectiveRoles(tx, await assignedRoleIds(tx, userId, await groupIdsOf(tx, userId), target));
}

const list = endpoint({
  policy: 'identity:list_access_tokens',
  allow: admin,
  route: `GET ${ofUser}`,
  summary: 'Lists what consumers a user has let in',
  query: anyQuery,
  replies: { 200: schemas.list('access_tokens') },
  async handle({ tx, path: { user_id: userId = '' }, query, request, caller }) {
    // What a user let in is not for their delegates to see.
    checkUnrestricted(caller);
    const rows = await accessTokensOf(tx, userId);
    const views = rows.map(row => viewOf(row, request));
    return { 200: listOf(request, query, 'access_tokens', views, []) };
  },
});

const show = endpoint({
  policy: 'identity:get_access_token',
  allow: admin,
  route: `GET ${ofUser}/{access_token_id}`,
  summary: 'Shows an access token',
  find: accessFinder,
  replies: { 200: schemas.wrapped('access_token') },
  handle: async ({ found, request }) => ({ 200: { access_token: viewOf(found, request) } }),
});

const remove = endpoint({
  policy: 'identity:delete_access_token',
  allow: admin,
  route: `DELETE ${ofUser}/{access_token_id}`,
  summary: 'Takes access away from a consumer',
  find: accessFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await deleteOAuthToken(tx, found);
    return { 204: undefined };
  },
});

const roles = endpoint({
  policy: 'identity:list_access_token_roles',
  allow: admin,
  route: `GET ${ofUser}/{access_token_id}/roles`,
  summary: 'Lists the roles of an access token',
  find: accessFinder,
  query: anyQuery,
  replies: { 200: schemas.list('roles') },
  async handle({ tx, found, query, request }) {
    const rows = await rolesById(tx, listIn(found.roleIds));
    const views = rows.map(row => viewRole(row, request));
    return { 200: listOf(request, query, 'roles', views) };
  },
});

const role = endpoint({
  policy: 'identity:get_access_token_role',
  allow: admin,
  route: `GET ${ofUser}/{access_token_id}/roles/{role_id}`,
  summary: 'Shows a role of an access token',
  find: accessFinder,
  replies: { 200: schemas.wrapped('role') },
  async handle({ tx, found, path: { role_id: id = '' }, request }) {
    const [row] = listIn(found.roleIds).includes(id) ? await rolesById(tx, [id]) : [];
    if (!row) throw notFound('role', id);
    return { 200: { role: viewRole(row, request) } };
  },
});

function viewOf(row: OAuthTokenRow, request: Parameters<typeof selfLink>[0]) {
  const at = `users/${row.userId}/OS-OAUTH1/access_tokens/${row.id}`;
  return {
    id: row.id,
    consumer_id: row.consumerId,
    project_id: row.projectId,
    authorizing_user_id: row.userId,
    expires_at: printed(row.expiresAt),
    links: { self: selfLink(request, at), roles: selfLink(request, `${at}/roles`) },
  };
}
