// Role inference: who holds one role holds another too.
// API: Identity v3, "Roles", role inference rules.

import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { any, open } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { type RoleRow, tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { notFound, selfLink, type Wire } from '#/services/identity/wire.ts';
import { findRole, imply, impliedBy, implyNoMore } from '#/services/identity/roles/role.store.ts';

const listPath = '/v3/roles/{prior_role_id}/implies';
const onePath = `${listPath}/{implied_role_id}`;
const reply = open({ role_inference: open({ prior_role: any(), implies: any() }), links: any() });

function brief({ id, name }: RoleRow, request: RequestFacts): Wire {
  return { id, name, links: { self: selfLink(request, `roles/${id}`) } };
}

const priorFinder: Finder<RoleRow> = {
  find: ({ tx, path }) => findRole(tx, path['prior_role_id']!),
  missing: path => notFound('role', path['prior_role_id']),
  visible: () => false,
};

interface Pair {
  prior: RoleRow;
  implied: RoleRow;
}

const pairFinder: Finder<Pair> = {
  async find({ tx, path }) {
    const prior = await findRole(tx, path['prior_role_id']!);
    const implied = await findRole(tx, path['implied_role_id']!);
    return prior && implied && { prior, implied };
  },
  missing: path => notFound('role', `${path['prior_role_id']}, ${path['implied_role_id']}`),
  visible: () => false,
};

function viewPair({ prior, implied }: Pair, request: RequestFacts) {
  return {
    role_inference: { prior_role: brief(prior, request), implies: brief(implied, request) },
    links: { self: selfLink(request, `roles/${prior.id}/implies/${implied.id}`) },
  };
}

async function checkPair(tx: Parameters<typeof impliedBy>[0], { prior, implied }: Pair): Promise<void> {
  if (!(await impliedBy(tx, prior.id)).some(({ id }) => id === implied.id))
    throw notFound('role inference', `${prior.id}, ${implied.id}`);
}

const list = endpoint({
  policy: 'identity:list_implied_roles',
  allow: systemReader,
  route: `GET ${listPath}`,
  find: priorFinder,
  replies: { 200: reply },
  async handle({ tx, found, request }) {
    const implies = (await impliedBy(tx, found.id)).map(row => brief(row, request));
    return {
      200: {
        role_inference: { prior_role: brief(found, request), implies },
        links: { self: selfLink(request, `roles/${found.id}/implies`) },
      },
    };
  },
});

const show = endpoint({
  policy: 'identity:get_implied_role',
  allow: systemReader,
  route: `GET ${onePath}`,
  find: pairFinder,
  replies: { 200: reply },
  async handle({ tx, found, request }) {
    await checkPair(tx, found);
    return { 200: viewPair(found, request) };
  },
});

const check = endpoint({
  policy: 'identity:check_implied_role',
  allow: systemReader,
  route: `HEAD ${onePath}`,
  find: pairFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await checkPair(tx, found);
    return { 204: undefined };
  },
});

const create = endpoint({
  policy: 'identity:create_implied_role',
  allow: admin,
  route: `PUT ${onePath}`,
  find: pairFinder,
  replies: { 201: reply },
  async handle({ tx, found, request }) {
    const { prior, implied } = found;
    if (implied.name.toLowerCase() === 'admin') throw new Problem('forbidden', t.rootRole, { role: implied.name });
    if (prior.domainId === null && implied.domainId !== null)
      throw new Problem('forbidden', t.domainRoleImplied, { role: implied.name });
    await imply(tx, prior.id, implied.id);
    return { 201: viewPair(found, request) };
  },
});

const remove = endpoint({
  policy: 'identity:delete_implied_role',
  allow: admin,
  route: `DELETE ${onePath}`,
  find: pairFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await checkPair(tx, found);
    await implyNoMore(tx, found.prior.id, found.implied.id);
    return { 204: undefined };
  },
});

const listAll = endpoint({
  policy: 'identity:list_role_inference_rules',
  allow: systemReader,
  route: 'GET /v3/role_inferences',
  replies: { 200: open({ role_inferences: any() }) },
  async handle({ tx, request }) {
    const roles = new Map((await tables(tx).selectFrom('roles').selectAll().execute()).map(row => [row.id, row]));
    const implied = Map.groupBy(
      await tables(tx).selectFrom('impliedRoles').selectAll().execute(),
      row => row.priorRoleId,
    );
    const rules = [...implied].map(([priorId, rows]) => ({
      prior_role: brief(roles.get(priorId)!, request),
      implies: rows.map(({ impliedRoleId }) => brief(roles.get(impliedRoleId)!, request)),
    }));
    return { 200: { role_inferences: rules } };
  },
});

export const impliedRoleEndpoints = [list, show, check, create, remove, listAll];
