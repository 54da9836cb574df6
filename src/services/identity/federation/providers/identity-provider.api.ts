// Identity providers: whose users this cloud lets in.
// API: Identity v3, "OS-FEDERATION", identity providers.

import { newHexId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { array, boolean, integer, nullable, object, optional, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, systemReader } from '#/services/identity/allow.ts';
import {
  findProvider,
  listProviders,
  type Provider,
  setRemoteIds,
} from '#/services/identity/federation/providers/provider.store.ts';
import { forgetMemberships } from '#/services/identity/federation/sign-on/membership.store.ts';
import { federation } from '#/services/identity/federation/tables.ts';
import { findDomain, insertProject } from '#/services/identity/projects/project.store.ts';
import { identityTexts } from '#/services/identity/texts.ts';
import { endTokensOf, tokensChanged } from '#/services/identity/tokens/authority.ts';
import { anyQuery, listOf, notFound, schemas, selfLink, type Wire } from '#/services/identity/wire.ts';

const path = '/v3/OS-FEDERATION/identity_providers';
const one = `${path}/{idp_id}`;
const reply = schemas.wrapped('identity_provider');
const attributes = {
  enabled: optional(boolean()),
  description: optional(nullable(string())),
  authorization_ttl: optional(nullable(integer({ min: 0, max: 525_600 }))),
  remote_ids: optional(nullable(array(string({ max: 255 }), { max: 100 }))),
};

function view(row: Provider, request: RequestFacts): Wire {
  const self = selfLink(request, `OS-FEDERATION/identity_providers/${encodeURIComponent(row.id)}`);
  return {
    id: row.id,
    enabled: row.enabled === 1,
    description: row.description,
    domain_id: row.domainId,
    authorization_ttl: row.authorizationTtl,
    remote_ids: row.remoteIds,
    links: { self, protocols: `${self}/protocols` },
  };
}

export const providerFinder: Finder<Provider> = {
  find: ({ tx, path: { idp_id: id = '' } }) => findProvider(tx, id),
  missing: ({ idp_id: id }) => notFound('identity provider', id),
  visible: () => false,
};

const list = endpoint({
  policy: 'identity:list_identity_providers',
  allow: systemReader,
  route: `GET ${path}`,
  summary: 'Lists identity providers',
  query: anyQuery,
  replies: { 200: schemas.list('identity_providers') },
  async handle({ tx, query, request }) {
    const views = (await listProviders(tx)).map(row => view(row, request));
    return { 200: listOf(request, query, 'identity_providers', views, ['id', 'enabled']) };
  },
});

const show = endpoint({
  policy: 'identity:get_identity_provider',
  allow: systemReader,
  route: `GET ${one}`,
  summary: 'Shows an identity provider',
  find: providerFinder,
  replies: { 200: reply },
  handle: async ({ found, request }) => ({ 200: { identity_provider: view(found, request) } }),
});

const create = endpoint({
  policy: 'identity:create_identity_provider',
  allow: admin,
  route: `PUT ${one}`,
  summary: 'Registers an identity provider',
  body: object({ identity_provider: object({ domain_id: optional(nullable(schemas.id())), ...attributes }) }),
  replies: { 201: reply },
  async handle({ tx, path: { idp_id: id = '' }, body: { identity_provider: ask }, request }) {
    if (id.length > 64) throw new Problem('invalid', identityTexts.idMismatch);
    if (await findProvider(tx, id))
      throw new Problem('conflict', identityTexts.duplicateId, { what: 'identity provider', id });
    if (ask.domain_id != null && !(await findDomain(tx, ask.domain_id))) throw notFound('domain', ask.domain_id);
    const domainId = ask.domain_id ?? (await domainOf(tx, id));
    const row = {
      id,
      enabled: ask.enabled ? 1 : 0,
      description: ask.description ?? null,
      domainId,
      authorizationTtl: ask.authorization_ttl ?? null,
    };
    await federation(tx).insertInto('identityProviders').values(row).execute();
    await setRemoteIds(tx, id, ask.remote_ids ?? []);
    return { 201: { identity_provider: view({ ...row, remoteIds: ask.remote_ids ?? [] }, request) } };
  },
});

/** A domain of its own, so that its users cannot be taken for anybody else. */
async function domainOf(tx: Tx, providerId: string): Promise<string> {
  const id = newHexId(tx);
  await insertProject(tx, {
    id,
    name: id,
    domainId: null,
    parentId: null,
    isDomain: 1,
    enabled: 1,
    description: `The users of identity provider ${providerId}`,
    tags: '[]',
    options: '{}',
    extra: '{}',
    nameScope: '',
  });
  return id;
}

const update = endpoint({
  policy: 'identity:update_identity_provider',
  allow: admin,
  route: `PATCH ${one}`,
  summary: 'Changes an identity provider',
  find: providerFinder,
  body: object({ identity_provider: object(attributes) }),
  replies: { 200: reply },
  async handle({ tx, found, body: { identity_provider: ask }, request }) {
    const change = {
      enabled: ask.enabled === undefined ? found.enabled : ask.enabled ? 1 : 0,
      description: ask.description === undefined ? found.description : ask.description,
      authorizationTtl: ask.authorization_ttl === undefined ? found.authorizationTtl : ask.authorization_ttl,
    };
    await federation(tx).updateTable('identityProviders').set(change).where('id', '=', found.id).execute();
    if (ask.remote_ids !== undefined) await setRemoteIds(tx, found.id, ask.remote_ids ?? []);
    if (!change.enabled) await endTokensOf(tx, await usersOf(tx, found.id));
    await tokensChanged(tx);
    return { 200: { identity_provider: view((await findProvider(tx, found.id))!, request) } };
  },
});

const remove = endpoint({
  policy: 'identity:delete_identity_provider',
  allow: admin,
  route: `DELETE ${one}`,
  summary: 'Deletes an identity provider with its protocols',
  find: providerFinder,
  replies: { 204: null },
  async handle({ tx, found }) {
    await endTokensOf(tx, await usersOf(tx, found.id));
    await dropMemberships(tx, found.id);
    await federation(tx).deleteFrom('identityProviders').where('id', '=', found.id).execute();
    await tokensChanged(tx);
    return { 204: undefined };
  },
});

async function usersOf(tx: Tx, idpId: string): Promise<string[]> {
  const rows = await federation(tx).selectFrom('federatedUsers').select('userId').where('idpId', '=', idpId).execute();
  return [...new Set(rows.map(({ userId }) => userId))];
}

/** What its logins told of groups is no longer believed. */
async function dropMemberships(tx: Tx, idpId: string): Promise<void> {
  await federation(tx).updateTable('expiringMembers').set({ expiresAt: 0 }).where('idpId', '=', idpId).execute();
  await forgetMemberships(tx, 0);
}

export const identityProviderEndpoints = [list, show, create, update, remove];
