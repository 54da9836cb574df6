// What it takes to talk to an identity provider: whose signatures count, where logins begin, which client this cloud is.

import { array, boolean, fits, misfit, object, oneOf, optional, type Static, string } from '#/platform/http/schema.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { federation } from '#/services/identity/federation/tables.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';

const url = () => string({ min: 1, max: 512, pattern: '^https?://[^\\s]+$' });

const saml2 = object({
  kind: oneOf('saml2'),
  /** By which name the provider goes. */
  entity_id: string({ min: 1, max: 1024 }),
  /** PEM; more than one while it changes its key. */
  certificates: array(string({ min: 1, max: 16_384 }), { min: 1, max: 8 }),
  /** Where browsers begin to log in; absent where only clients and clouds come. */
  sso_url: optional(url()),
});
const openid = object({
  kind: oneOf('openid'),
  /** `https://accounts.example.org`: the rest is discovered. */
  issuer: url(),
  client_id: string({ min: 1, max: 255 }),
  client_secret: optional(string({ min: 1, max: 1024 })),
  scopes: optional(array(string({ min: 1, max: 255, pattern: '^[!#-\\[\\]-~]+$' }), { max: 32 })),
  /** For whom bearer tokens must be made; the client id by default. */
  audience: optional(string({ min: 1, max: 1024 })),
  /** Asks the provider for the user's attributes too. */
  userinfo: optional(boolean()),
});
export type SamlConnection = Static<typeof saml2>;
export type OpenidConnection = Static<typeof openid>;
export type Connection = SamlConnection | OpenidConnection;

/** @throws Problem invalid */
export function checkConnection(value: Record<string, unknown>): Connection {
  const kind = value['kind'] === 'openid' ? 'openid' : 'saml2';
  const schema = kind === 'openid' ? openid : saml2;
  if (!fits(schema, value)) {
    const { where, why } = misfit(schema, value);
    throw new Problem('invalid', t.badConnection, { kind, why: `${where}: ${why}` });
  }
  return value as Connection;
}

export async function findConnection(tx: Tx, vault: Vault, idpId: string, id: string): Promise<Connection | null> {
  const row = await federation(tx)
    .selectFrom('federationConnections')
    .select('sealed')
    .where('idpId', '=', idpId)
    .where('protocolId', '=', id)
    .executeTakeFirst();
  return row ? (JSON.parse(vault.open(tx, row.sealed)) as Connection) : null;
}

/** @throws Problem unauthenticated when there is none of that kind */
export async function connectionOf<K extends Connection['kind']>(
  tx: Tx,
  vault: Vault,
  { idp, protocol, kind }: { idp: string; protocol: string; kind: K },
): Promise<Extract<Connection, { kind: K }>> {
  const connection = await findConnection(tx, vault, idp, protocol);
  if (connection?.kind !== kind) throw new Problem('unauthenticated', t.noConnection, { idp, protocol });
  return connection as Extract<Connection, { kind: K }>;
}

export async function saveConnection(
  tx: Tx,
  vault: Vault,
  { idpId, protocolId }: { idpId: string; protocolId: string },
  connection: Connection,
): Promise<void> {
  const sealed = vault.seal(tx, JSON.stringify(connection));
  await federation(tx)
    .insertInto('federationConnections')
    .values({ idpId, protocolId, kind: connection.kind, sealed })
    .onConflict(conflict => conflict.columns(['idpId', 'protocolId']).doUpdateSet({ kind: connection.kind, sealed }))
    .execute();
}
