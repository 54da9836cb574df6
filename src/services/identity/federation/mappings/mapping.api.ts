// Mappings: rules from what an identity provider says to who somebody is here.
// API: Identity v3, "OS-FEDERATION", mappings.

import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { checkRules, mappingBody, type SchemaVersion } from '#/services/identity/federation/mappings/mapping.schema.ts';
import { findMapping } from '#/services/identity/federation/mappings/mapping.store.ts';
import { federation, type MappingRow } from '#/services/identity/federation/tables.ts';
import { identityTexts } from '#/services/identity/texts.ts';
import { anyQuery, listOf, notFound, schemas, selfLink, type Wire } from '#/services/identity/wire.ts';

const path = '/v3/OS-FEDERATION/mappings';
const one = `${path}/{mapping_id}`;
const reply = schemas.wrapped('mapping');

function view(row: MappingRow, request: RequestFacts): Wire {
  return {
    id: row.id,
    rules: JSON.parse(row.rules) as unknown,
    schema_version: row.schemaVersion,
    links: { self: selfLink(request, `OS-FEDERATION/mappings/${encodeURIComponent(row.id)}`) },
  };
}

const finder: Finder<MappingRow> = {
  find: ({ tx, path: { mapping_id: id = '' } }) => findMapping(tx, id),
  missing: ({ mapping_id: id }) => notFound('mapping', id),
  visible: () => false,
};

const list = endpoint({
  policy: 'identity:list_mappings',
  allow: systemReader,
  route: `GET ${path}`,
  summary: 'Lists mappings',
  query: anyQuery,
  replies: { 200: schemas.list('mappings') },
  async handle({ tx, query, request }) {
    const rows = await federation(tx).selectFrom('federationMappings').selectAll().orderBy('id').execute();
    const views = rows.map(row => view(row, request));
    return { 200: listOf(request, query, 'mappings', views, ['id']) };
  },
});

const show = endpoint({
  policy: 'identity:get_mapping',
  allow: systemReader,
  route: `GET ${one}`,
  summary: 'Shows a mapping',
  find: finder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { mapping: view(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_mapping',
  allow: admin,
  route: `PUT ${one}`,
  summary: 'Creates a mapping',
  body: mappingBody,
  replies: { 201: reply },
  async handle({ tx, path: { mapping_id: id = '' }, body: { mapping: ask }, request }) {
    if (id.length > 64) throw new Problem('invalid', identityTexts.idMismatch);
    const schemaVersion = ask.schema_version ?? '1.0';
    const rules = checkRules(ask.rules, schemaVersion);
    if (await findMapping(tx, id)) throw new Problem('conflict', identityTexts.duplicateId, { what: 'mapping', id });
    const row: MappingRow = { id, rules: JSON.stringify(rules), schemaVersion };
    await federation(tx).insertInto('federationMappings').values(row).execute();
    return { 201: { mapping: view(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_mapping',
  allow: admin,
  route: `PATCH ${one}`,
  summary: 'Changes a mapping',
  find: finder,
  body: mappingBody,
  replies: { 200: reply },
  async handle({ tx, found, body: { mapping: ask }, request }) {
    const schemaVersion = ask.schema_version ?? (found.schemaVersion as SchemaVersion);
    const rules = checkRules(ask.rules, schemaVersion);
    const row: MappingRow = { id: found.id, rules: JSON.stringify(rules), schemaVersion };
    await federation(tx).updateTable('federationMappings').set(row).where('id', '=', found.id).execute();
    return { 200: { mapping: view(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_mapping',
  allow: admin,
  route: `DELETE ${one}`,
  summary: 'Deletes a mapping',
  find: finder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await federation(tx).deleteFrom('federationMappings').where('id', '=', found.id).execute();
    return { 204: undefined };
  },
});

export const mappingEndpoints = [list, show, create, update, remove];
