// Service providers: other clouds that users of this one may go on to (Keystone to Keystone).
// API: Identity v3, "OS-FEDERATION", service providers.

import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { boolean, nullable, object, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import { federation, type ServiceProviderRow } from '#/services/identity/federation/tables.ts';
import { findServiceProvider } from '#/services/identity/federation/service-providers/service-provider.store.ts';
import { identityTexts } from '#/services/identity/texts.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';
import { anyQuery, listOf, notFound, schemas, selfLink, type Wire } from '#/services/identity/wire.ts';

const path = '/v3/OS-FEDERATION/service_providers';
const one = `${path}/{sp_id}`;
const reply = schemas.wrapped('service_provider');
const url = () => string({ min: 1, max: 225, pattern: '^https?://[^\\s]+$' });
const attributes = {
  description: optional(nullable(string())),
  enabled: optional(boolean()),
  relay_state_prefix: optional(nullable(string({ max: 256 }))),
};
/** What Shibboleth takes as «answer by ECP». */
const defaultRelayState = 'ss:mem:';

function view(row: ServiceProviderRow, request: RequestFacts): Wire {
  return {
    id: row.id,
    enabled: row.enabled === 1,
    description: row.description,
    auth_url: row.authUrl,
    sp_url: row.spUrl,
    relay_state_prefix: row.relayStatePrefix,
    links: { self: selfLink(request, `OS-FEDERATION/service_providers/${encodeURIComponent(row.id)}`) },
  };
}

const finder: Finder<ServiceProviderRow> = {
  find: ({ tx, path: { sp_id: id = '' } }) => findServiceProvider(tx, id),
  missing: ({ sp_id: id }) => notFound('service provider', id),
  visible: () => false,
};

const list = endpoint({
  policy: 'identity:list_service_providers',
  allow: systemReader,
  route: `GET ${path}`,
  summary: 'Lists service providers',
  query: anyQuery,
  replies: { 200: schemas.list('service_providers') },
  async handle({ tx, query, request }) {
    const rows = await federation(tx).selectFrom('serviceProviders').selectAll().orderBy('id').execute();
    const views = rows.map(row => view(row, request));
    return { 200: listOf(request, query, 'service_providers', views, ['id', 'enabled']) };
  },
});

const show = endpoint({
  policy: 'identity:get_service_provider',
  allow: systemReader,
  route: `GET ${one}`,
  summary: 'Shows a service provider',
  find: finder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { service_provider: view(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_service_provider',
  allow: admin,
  route: `PUT ${one}`,
  summary: 'Registers a service provider',
  body: object({ service_provider: object({ auth_url: url(), sp_url: url(), ...attributes }) }),
  replies: { 201: reply },
  async handle({ tx, path: { sp_id: id = '' }, body: { service_provider: ask }, request }) {
    if (id.length > 64) throw new Problem('invalid', identityTexts.idMismatch);
    if (await findServiceProvider(tx, id))
      throw new Problem('conflict', identityTexts.duplicateId, { what: 'service provider', id });
    const row: ServiceProviderRow = {
      id,
      enabled: ask.enabled ? 1 : 0,
      description: ask.description ?? null,
      authUrl: ask.auth_url,
      spUrl: ask.sp_url,
      relayStatePrefix: ask.relay_state_prefix ?? defaultRelayState,
    };
    await federation(tx).insertInto('serviceProviders').values(row).execute();
    await tokensChanged(tx);
    return { 201: { service_provider: view(row, request) } };
  },
});

const update = endpoint({
  policy: 'identity:update_service_provider',
  allow: admin,
  route: `PATCH ${one}`,
  summary: 'Changes a service provider',
  find: finder,
  body: object({ service_provider: object({ auth_url: optional(url()), sp_url: optional(url()), ...attributes }) }),
  replies: { 200: reply },
  async handle({ tx, found, body: { service_provider: ask }, request }) {
    const row: ServiceProviderRow = {
      ...found,
      enabled: ask.enabled === undefined ? found.enabled : ask.enabled ? 1 : 0,
      description: ask.description === undefined ? found.description : ask.description,
      authUrl: ask.auth_url ?? found.authUrl,
      spUrl: ask.sp_url ?? found.spUrl,
      relayStatePrefix: ask.relay_state_prefix ?? found.relayStatePrefix,
    };
    await federation(tx).updateTable('serviceProviders').set(row).where('id', '=', found.id).execute();
    await tokensChanged(tx);
    return { 200: { service_provider: view(row, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_service_provider',
  allow: admin,
  route: `DELETE ${one}`,
  summary: 'Deletes a service provider',
  find: finder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await federation(tx).deleteFrom('serviceProviders').where('id', '=', found.id).execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

export const serviceProviderEndpoints = [list, show, create, update, remove];
