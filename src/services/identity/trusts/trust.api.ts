// Trusts: a user lets another act with some of their roles in a project.
// API: Identity v3, "OS-TRUST".

import type { Caller } from '#/platform/access/caller.ts';
import { newHexId, now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import {
  array,
  boolean,
  integer,
  nullable,
  object,
  open,
  optional,
  type Static,
  string,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { trustRules } from '#/services/identity/allow.ts';
import { checkUnrestricted } from '#/services/identity/application-credentials/application-credential.api.ts';
import { judge, somewhereOwn } from '#/services/identity/judge.ts';
import { findProject } from '#/services/identity/projects/project.store.ts';
import { viewRole } from '#/services/identity/roles/role.api.ts';
import { rolesById } from '#/services/identity/roles/role.store.ts';
import { type RoleRow, tables, type TrustRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { readTime } from '#/services/identity/times.ts';
import { delegable } from '#/services/identity/tokens/delegable.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';
import { findUser } from '#/services/identity/users/user.store.ts';
import {
  anyQuery,
  extraOf,
  json,
  listIn,
  listLinks,
  listOf,
  notFound,
  one,
  printed,
  schemas,
  selfLink,
  type Wire,
} from '#/services/identity/wire.ts';

const path = '/v3/OS-TRUST/trusts';
const reply = schemas.wrapped('trust');
/** How often a trust may be handed on, at most. */
const maxRedelegation = 3;
const createBody = object({
  trust: open({
    trustor_user_id: schemas.id(),
    trustee_user_id: schemas.id(),
    impersonation: boolean(),
    project_id: optional(nullable(schemas.id())),
    expires_at: optional(nullable(string())),
    remaining_uses: optional(nullable(integer({ min: 1 }))),
    redelegation_count: optional(nullable(integer({ min: 0 }))),
    allow_redelegation: optional(nullable(boolean())),
    roles: optional(array(open({ id: optional(string()), name: optional(string()) }))),
  }),
});
const known = [
  'id',
  'trustor_user_id',
  'trustee_user_id',
  'impersonation',
  'project_id',
  'expires_at',
  'remaining_uses',
  'redelegation_count',
  'allow_redelegation',
  'roles',
  'links',
  'deleted_at',
  'redelegated_trust_id',
  'roles_links',
] as const;
type Ask = Static<typeof createBody>['trust'];

const finder: Finder<TrustRow> = {
  async find({ tx, path: { trust_id: id = '' } }) {
    const row = await tables(tx).selectFrom('trusts').selectAll().where('id', '=', id).executeTakeFirst();
    return row && usable(row, now(tx)) ? row : undefined;
  },
  missing: ({ trust_id: id }) => notFound('trust', id),
  target: row => ({ target: { trust: { trustor_user_id: row.trustorUserId, trustee_user_id: row.trusteeUserId } } }),
  visible: (row, caller) => caller.userId === row.trusteeUserId || caller.userId === row.trustorUserId,
};

/** A trust that has ended, or is used up, is not there any more. */
function usable(row: TrustRow, at: string): boolean {
  return (row.expiresAt === null || row.expiresAt > at) && row.remainingUses !== 0;
}

function view(row: TrustRow, request: RequestFacts, roles?: RoleRow[]): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    trustor_user_id: row.trustorUserId,
    trustee_user_id: row.trusteeUserId,
    project_id: row.projectId,
    impersonation: row.impersonation === 1,
    expires_at: printed(row.expiresAt),
    remaining_uses: row.remainingUses,
    redelegation_count: row.redelegationCount,
    redelegated_trust_id: row.redelegatedTrustId,
    deleted_at: null,
    ...(roles
      ? {
          roles: roles.map(role => viewRole(role, request)),
          roles_links: { next: null, previous: null, self: selfLink(request, `OS-TRUST/trusts/${row.id}/roles`) },
        }
      : {}),
    links: { self: selfLink(request, `OS-TRUST/trusts/${row.id}`) },
  };
}

const list = endpoint({
  policy: 'identity:list_trusts_for_trustor',
  allow: trustRules.listForTrustor,
  route: `GET ${path}`,
  summary: 'Lists trusts',
  find: somewhereOwn,
  query: anyQuery,
  replies: { 200: schemas.list('trusts') },
  async handle({ tx, caller, policy, query, request }) {
    const [trustor, trustee] = [one(query, 'trustor_user_id'), one(query, 'trustee_user_id')];
    if (trustor === undefined && trustee === undefined)
      judge({ caller, policy }, 'identity:list_trusts', { target: {} });
    if (trustor !== undefined)
      judge({ caller, policy }, 'identity:list_trusts_for_trustor', {
        target: { trust: { trustor_user_id: trustor } },
      });
    if (trustee !== undefined)
      judge({ caller, policy }, 'identity:list_trusts_for_trustee', {
        target: { trust: { trustee_user_id: trustee } },
      });
    const at = now(tx);
    const rows = (await tables(tx).selectFrom('trusts').selectAll().orderBy('id').execute()).filter(
      row =>
        usable(row, at) &&
        (trustor === undefined || row.trustorUserId === trustor) &&
        (trustee === undefined || row.trusteeUserId === trustee),
    );
    return {
      200: listOf(
        request,
        query,
        'trusts',
        rows.map(row => view(row, request)),
        [],
      ),
    };
  },
});

const show = endpoint({
  policy: 'identity:get_trust',
  allow: trustRules.get,
  route: `GET ${path}/{trust_id}`,
  summary: 'Shows a trust',
  find: finder,
  replies: { 200: reply },
  handle: async ({ tx, found, request }) => ({
    200: { trust: view(found, request, await rolesById(tx, listIn(found.roleIds))) },
  }),
});

const create = endpoint({
  policy: 'identity:create_trust',
  allow: trustRules.create,
  route: `POST ${path}`,
  summary: 'Creates a trust',
  find: somewhereOwn,
  body: createBody,
  replies: { 201: reply },
  async handle({ tx, body: { trust: ask }, caller, policy, request }) {
    judge({ caller, policy }, 'identity:create_trust', { target: { trust: { trustor_user_id: ask.trustor_user_id } } });
    // Whatever acts by delegation makes no further delegation, but for a trust that may be handed on.
    const parent = await trustOf(tx, caller);
    if (!parent) checkUnrestricted(caller);
    if (!(await findUser(tx, ask.trustee_user_id))) throw notFound('user', ask.trustee_user_id);
    const roleIds = parent && !ask.roles?.length ? listIn(parent.roleIds) : await rolesFor(tx, ask, caller);
    const expiresAt = ask.expires_at == null ? null : readTime(ask.expires_at);
    if (expiresAt !== null && expiresAt <= now(tx)) throw new Problem('invalid', t.expiresPast);
    const allowRedelegation = ask.allow_redelegation === true;
    if (allowRedelegation && ask.remaining_uses != null) throw new Problem('invalid', t.trustUses);
    if ((ask.redelegation_count ?? 0) > maxRedelegation) throw new Problem('forbidden', t.trustRedelegation);
    if (parent) checkHandedOn(parent, { ...ask, expiresAt, roleIds });
    const row: TrustRow = {
      id: newHexId(tx),
      trustorUserId: ask.trustor_user_id,
      trusteeUserId: ask.trustee_user_id,
      projectId: ask.project_id ?? null,
      impersonation: ask.impersonation ? 1 : 0,
      expiresAt: expiresAt ?? parent?.expiresAt ?? null,
      remainingUses: ask.remaining_uses ?? null,
      roleIds: JSON.stringify(roleIds),
      redelegatedTrustId: parent?.id ?? null,
      redelegationCount: allowRedelegation ? countFor(parent, ask.redelegation_count ?? null) : 0,
      allowRedelegation: allowRedelegation ? 1 : 0,
      extra: JSON.stringify(extraOf(ask, known)),
    };
    await tables(tx).insertInto('trusts').values(row).execute();
    return { 201: { trust: view(row, request, await rolesById(tx, roleIds)) } };
  },
});

/** The trust by which the caller acts, if any. @throws Problem forbidden when it may not be handed on */
async function trustOf(tx: Tx, caller: Caller): Promise<TrustRow | null> {
  const { trustId } = caller.token;
  if (typeof trustId !== 'string') return null;
  const row = await tables(tx).selectFrom('trusts').selectAll().where('id', '=', trustId).executeTakeFirst();
  if (!row?.allowRedelegation || row.redelegationCount < 1) throw new Problem('forbidden', t.trustRedelegation);
  return row;
}

/** What is handed on is no more than what was handed over. @throws Problem forbidden */
function checkHandedOn(parent: TrustRow, ask: Ask & { expiresAt: string | null; roleIds: string[] }): void {
  const held = new Set(listIn(parent.roleIds));
  const more =
    ask.project_id !== parent.projectId ||
    ask.roleIds.some(id => !held.has(id)) ||
    (ask.impersonation && !parent.impersonation) ||
    (parent.expiresAt !== null && ask.expiresAt !== null && ask.expiresAt > parent.expiresAt) ||
    (ask.redelegation_count ?? 0) >= parent.redelegationCount;
  if (more) throw new Problem('forbidden', t.trustRedelegation);
}

/** How often the new trust may be handed on again. */
function countFor(parent: TrustRow | null, asked: number | null): number {
  return asked ?? (parent ? parent.redelegationCount - 1 : maxRedelegation);
}

/** The roles to hand over: only those that the trustor holds in that project. @throws Problem invalid, forbidden */
async function rolesFor(tx: Tx, ask: Ask, caller: Parameters<typeof delegable>[0]): Promise<string[]> {
  if (ask.project_id == null) {
    if (ask.roles?.length) throw new Problem('invalid', t.trustScope);
    return [];
  }
  if (!ask.roles?.length) throw new Problem('forbidden', t.roleNotHeld, { role: '' });
  // A project that the caller does not act in is as good as missing, or a trust would tell which projects exist.
  const known = caller.isAdmin && (await findProject(tx, ask.project_id));
  if (ask.project_id !== caller.projectId && !known) throw notFound('project', ask.project_id);
  if (ask.project_id !== caller.projectId)
    throw new Problem('forbidden', t.roleNotHeld, { role: ask.roles[0]!.id ?? ask.roles[0]!.name ?? '' });
  return delegable(caller, ask.roles);
}

const remove = endpoint({
  policy: 'identity:delete_trust',
  allow: trustRules.delete,
  route: `DELETE ${path}/{trust_id}`,
  summary: 'Deletes a trust',
  find: finder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await deleteWithHandedOn(tx, found);
    return { 204: undefined };
  },
});

/** Takes a trust away, and all that was handed on from it. */
async function deleteWithHandedOn(tx: Tx, trust: TrustRow): Promise<void> {
  const db = tables(tx);
  for (const next of await db.selectFrom('trusts').selectAll().where('redelegatedTrustId', '=', trust.id).execute())
    await deleteWithHandedOn(tx, next);
  await db.deleteFrom('credentials').where('trustId', '=', trust.id).execute();
  await db.deleteFrom('trusts').where('id', '=', trust.id).execute();
  await tokensChanged(tx, [trust.trusteeUserId, trust.trustorUserId]);
}

const roles = endpoint({
  policy: 'identity:list_roles_for_trust',
  allow: trustRules.get,
  route: `GET ${path}/{trust_id}/roles`,
  summary: 'Lists the roles of a trust',
  find: finder,
  replies: { 200: schemas.list('roles') },
  async handle({ tx, found, request }) {
    const rows = await rolesById(tx, listIn(found.roleIds));
    return { 200: { roles: rows.map(row => viewRole(row, request)), links: listLinks(request) } };
  },
});

const role = (['GET', 'HEAD'] as const).map(method =>
  endpoint({
    policy: 'identity:get_role_for_trust',
    allow: trustRules.get,
    route: `${method} ${path}/{trust_id}/roles/{role_id}`,
    summary: 'Shows a role of a trust',
    find: finder,
    replies: { 200: schemas.wrapped('role') },
    async handle({ tx, found, path: { role_id: id = '' }, request }) {
      const [row] = listIn(found.roleIds).includes(id) ? await rolesById(tx, [id]) : [];
      if (!row) throw notFound('role', id);
      return { 200: { role: viewRole(row, request) } };
    },
  }),
);

export const trustEndpoints = [list, show, create, remove, roles, ...role];
/** Checked besides, by the list. */
export const trustListRules = {
  'identity:list_trusts': trustRules.list,
  'identity:list_trusts_for_trustee': trustRules.listForTrustee,
};
