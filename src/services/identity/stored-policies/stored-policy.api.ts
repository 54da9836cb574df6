// Policy documents that clients keep here. They are only stored: what is allowed is decided by the policy file.
// API: Identity v3, "Policies".

import { newHexId } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { any, either, mapOf, object, open, optional, string } from '#/platform/http/schema.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { type PolicyRow, tables } from '#/services/identity/tables.ts';
import {
  anyQuery,
  checkSameId,
  extraOf,
  json,
  listOf,
  notFound,
  one,
  schemas,
  selfLink,
  type Wire,
} from '#/services/identity/wire.ts';

const path = '/v3/policies';
const known = ['id', 'type', 'blob', 'links'] as const;
const blob = () => either(string(), mapOf(any()));
const reply = schemas.wrapped('policy');

export function viewPolicy(row: PolicyRow, request: RequestFacts): Wire {
  return {
    ...json(row.extra),
    id: row.id,
    type: row.type,
    blob: JSON.parse(row.blob) as unknown,
    links: { self: selfLink(request, `policies/${row.id}`) },
  };
}

export const storedPolicyFinder: Finder<PolicyRow> = {
  find: ({ tx, path: { policy_id: id = '' } }) =>
    tables(tx).selectFrom('storedPolicies').selectAll().where('id', '=', id).executeTakeFirst(),
  missing: ({ policy_id: id }) => notFound('policy', id),
  visible: () => false,
};

const list = endpoint({
  policy: 'identity:list_policies',
  allow: systemReader,
  route: `GET ${path}`,
  summary: 'Lists policy documents',
  query: anyQuery,
  replies: { 200: schemas.list('policies') },
  async handle({ tx, query, request }) {
    const type = one(query, 'type');
    const rows = await tables(tx).selectFrom('storedPolicies').selectAll().orderBy('id').execute();
    return {
      200: listOf(
        request,
        query,
        'policies',
        rows.filter(row => type === undefined || row.type === type).map(row => viewPolicy(row, request)),
        [],
      ),
    };
  },
});

const show = endpoint({
  policy: 'identity:get_policy',
  allow: systemReader,
  route: `GET ${path}/{policy_id}`,
  summary: 'Shows a policy document',
  find: storedPolicyFinder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { policy: viewPolicy(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_policy',
  allow: admin,
  route: `POST ${path}`,
  summary: 'Stores a policy document',
  body: object({ policy: open({ type: string({ max: 255 }), blob: blob() }) }),
  replies: { 201: reply },
  async handle({ tx, body: { policy: ask }, request }) {
    const row: PolicyRow = {
      id: newHexId(tx),
      type: ask.type,
      blob: JSON.stringify(ask.blob),
      extra: JSON.stringify(extraOf(ask, known)),
    };
    await tables(tx).insertInto('storedPolicies').values(row).execute();
    return { 201: { policy: viewPolicy(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_policy',
  allow: admin,
  route: `PATCH ${path}/{policy_id}`,
  summary: 'Changes a policy document',
  find: storedPolicyFinder,
  body: object({ policy: open({ type: optional(string({ max: 255 })), blob: optional(blob()) }) }),
  replies: { 200: reply },
  async handle({ tx, body: { policy: ask }, found, request }) {
    checkSameId(ask, found.id);
    const row: PolicyRow = {
      ...found,
      type: ask.type ?? found.type,
      blob: ask.blob === undefined ? found.blob : JSON.stringify(ask.blob),
      extra: JSON.stringify({ ...json(found.extra), ...extraOf(ask, known) }),
    };
    await tables(tx).updateTable('storedPolicies').set(row).where('id', '=', found.id).execute();
    return { 200: { policy: viewPolicy(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_policy',
  allow: admin,
  route: `DELETE ${path}/{policy_id}`,
  summary: 'Deletes a policy document',
  find: storedPolicyFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await tables(tx).deleteFrom('policyAssociations').where('policyId', '=', found.id).execute();
    await tables(tx).deleteFrom('storedPolicies').where('id', '=', found.id).execute();
    return { 204: undefined };
  },
});

export const storedPolicyEndpoints = [list, show, create, update, remove];
