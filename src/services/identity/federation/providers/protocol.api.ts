// Protocols of an identity provider: how its users log in, and by which mapping they are known here.
// API: Identity v3, "OS-FEDERATION", identity providers' protocols.

import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { nullable, object, optional, string } from '#/platform/http/schema.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { findMapping } from '#/services/identity/federation/mappings/mapping.store.ts';
import { providerFinder } from '#/services/identity/federation/providers/identity-provider.api.ts';
import { findProtocol, findProvider } from '#/services/identity/federation/providers/provider.store.ts';
import { federation, type ProtocolRow } from '#/services/identity/federation/tables.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';
import { identityTexts } from '#/services/identity/texts.ts';
import { anyQuery, listOf, notFound, schemas, selfLink, type Wire } from '#/services/identity/wire.ts';

const path = '/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols';
const one = `${path}/{protocol_id}`;
const reply = schemas.wrapped('protocol');
const mappingId = () => string({ min: 1, max: 64 });
const remoteIdAttribute = () => optional(nullable(string({ max: 64 })));

function view(row: ProtocolRow, request: RequestFacts): Wire {
  const provider = selfLink(request, `OS-FEDERATION/identity_providers/${encodeURIComponent(row.idpId)}`);
  return {
    id: row.id,
    mapping_id: row.mappingId,
    remote_id_attribute: row.remoteIdAttribute,
    links: { self: `${provider}/protocols/${encodeURIComponent(row.id)}`, identity_provider: provider },
  };
}

export const protocolFinder: Finder<ProtocolRow> = {
  find: ({ tx, path: { idp_id: idpId = '', protocol_id: id = '' } }) => findProtocol(tx, idpId, id),
  missing: ({ protocol_id: id }) => notFound('federation protocol', id),
  visible: () => false,
};

const list = endpoint({
  policy: 'identity:list_protocols',
  allow: systemReader,
  route: `GET ${path}`,
  summary: 'Lists the protocols of an identity provider',
  find: providerFinder,
  query: anyQuery,
  replies: { 200: schemas.list('protocols') },
  async handle({ tx, found, query, request }) {
    const rows = await federation(tx)
      .selectFrom('federationProtocols')
      .selectAll()
      .where('idpId', '=', found.id)
      .orderBy('id')
      .execute();
    const views = rows.map(row => ({ ...view(row, request), idp_id: found.id }));
    return { 200: listOf(request, query, 'protocols', views, ['id', 'mapping_id']) };
  },
});

const show = endpoint({
  policy: 'identity:get_protocol',
  allow: systemReader,
  route: `GET ${one}`,
  summary: 'Shows a protocol of an identity provider',
  find: protocolFinder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { protocol: view(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_protocol',
  allow: admin,
  route: `PUT ${one}`,
  summary: 'Adds a protocol to an identity provider',
  body: object({ protocol: object({ mapping_id: mappingId(), remote_id_attribute: remoteIdAttribute() }) }),
  replies: { 201: reply },
  async handle({ tx, path: { idp_id: idpId = '', protocol_id: id = '' }, body: { protocol: ask }, request }) {
    if (!(await findProvider(tx, idpId))) throw notFound('identity provider', idpId);
    if (id.length > 64) throw new Problem('invalid', identityTexts.idMismatch);
    if (await findProtocol(tx, idpId, id))
      throw new Problem('conflict', identityTexts.duplicateId, { what: 'federation protocol', id });
    await checkMapping(tx, ask.mapping_id);
    const row: ProtocolRow = {
      id,
      idpId,
      mappingId: ask.mapping_id,
      remoteIdAttribute: ask.remote_id_attribute ?? null,
    };
    await federation(tx).insertInto('federationProtocols').values(row).execute();
    return { 201: { protocol: view(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_protocol',
  allow: admin,
  route: `PATCH ${one}`,
  summary: 'Changes a protocol of an identity provider',
  find: protocolFinder,
  body: object({ protocol: object({ mapping_id: optional(mappingId()), remote_id_attribute: remoteIdAttribute() }) }),
  replies: { 200: reply },
  async handle({ tx, found, body: { protocol: ask }, request }) {
    if (ask.mapping_id !== undefined) await checkMapping(tx, ask.mapping_id);
    const row: ProtocolRow = {
      ...found,
      mappingId: ask.mapping_id ?? found.mappingId,
      remoteIdAttribute: ask.remote_id_attribute === undefined ? found.remoteIdAttribute : ask.remote_id_attribute,
    };
    await federation(tx)
      .updateTable('federationProtocols')
      .set(row)
      .where('idpId', '=', found.idpId)
      .where('id', '=', found.id)
      .execute();
    return { 200: { protocol: view(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_protocol',
  allow: admin,
  route: `DELETE ${one}`,
  summary: 'Takes a protocol from an identity provider',
  find: protocolFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await federation(tx)
      .deleteFrom('federationProtocols')
      .where('idpId', '=', found.idpId)
      .where('id', '=', found.id)
      .execute();
    return { 204: undefined };
  },
});

/** @throws Problem invalid */
async function checkMapping(tx: Tx, id: string): Promise<void> {
  if (!(await findMapping(tx, id))) throw new Problem('invalid', t.noMapping, { id });
}

export const protocolEndpoints = [list, show, create, update, remove];
