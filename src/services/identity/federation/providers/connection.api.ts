// The connection behind a protocol: what a web server's modules are configured with where OpenStack has those in front.
// Not in OpenStack's API.

import { createPublicKey } from 'node:crypto';
import { type Endpoint, endpoint } from '#/platform/http/endpoint.ts';
import { any, mapOf, object } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import {
  checkConnection,
  type Connection,
  findConnection,
  saveConnection,
} from '#/services/identity/federation/providers/connection.store.ts';
import { protocolFinder } from '#/services/identity/federation/providers/protocol.api.ts';
import { federation } from '#/services/identity/federation/tables.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';
import { notFound, schemas, type Wire } from '#/services/identity/wire.ts';

const path = '/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/connection';
const reply = schemas.wrapped('connection');

/** Without the client's secret. */
function view(connection: Connection): Wire {
  const { client_secret: secret, ...shown } = connection as Connection & { client_secret?: string };
  return { ...shown, ...(connection.kind === 'openid' ? { has_client_secret: secret !== undefined } : {}) };
}

export function connectionEndpoints(vault: Vault): Endpoint[] {
  const show = endpoint({
    policy: 'identity:get_protocol',
    route: `GET ${path}`,
    summary: 'Shows how this cloud talks to an identity provider',
    find: protocolFinder,
    replies: { 200: reply },
    async handle({ tx, found }) {
      const connection = await findConnection(tx, vault, found.idpId, found.id);
      if (!connection) throw notFound('connection', found.id);
      return { 200: { connection: view(connection) } };
    },
  });

  const put = endpoint({
    policy: 'identity:update_protocol',
    route: `PUT ${path}`,
    summary: 'Says how this cloud talks to an identity provider',
    find: protocolFinder,
    body: object({ connection: mapOf(any()) }),
    replies: { 200: reply },
    async handle({ tx, found, body }) {
      const connection = checkConnection(body.connection);
      if (connection.kind === 'saml2') connection.certificates.forEach(checkCertificate);
      await saveConnection(tx, vault, { idpId: found.idpId, protocolId: found.id }, connection);
      return { 200: { connection: view(connection) } };
    },
  });

  const remove = endpoint({
    policy: 'identity:update_protocol',
    route: `DELETE ${path}`,
    summary: 'Forgets how this cloud talks to an identity provider',
    find: protocolFinder,
    replies: { 204: null },
    async handle({ tx, found }) {
      await federation(tx)
        .deleteFrom('federationConnections')
        .where('idpId', '=', found.idpId)
        .where('protocolId', '=', found.id)
        .execute();
      return { 204: undefined };
    },
  });

  return [show, put, remove];
}

/** A certificate or a public key, PEM. @throws Problem invalid */
function checkCertificate(pem: string): void {
  try {
    // Of a certificate it takes the key too.
    createPublicKey(pem);
  } catch (cause) {
    throw new Problem('invalid', t.badConnection, { kind: 'saml2', why: 'a certificate is not PEM' }, { cause });
  }
}
