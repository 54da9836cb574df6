// OAuth 1.0 tokens: a request token is authorized by a user and becomes an access token, which acts for that user.

import { contextOf, newHexId, now, timestamp, nowMs, type Tx } from '#/platform/database/tx.ts';
import type { RequestFacts } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { oauthFits, readOAuthHeader } from '#/services/identity/oauth/oauth-signature.rules.ts';
import { type OAuthTokenRow, tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';
import { useOnce } from '#/services/identity/tokens/used-once.store.ts';

type Kind = OAuthTokenRow['kind'];
const lifetimeMs: Record<Kind, number> = { request: 8 * 3_600_000, access: 24 * 3_600_000 };
/** How far a client's clock may be off. */
const maxSkewSeconds = 900;

/** Undefined when it is not there, or has ended. */
export async function findOAuthToken(tx: Tx, kind: Kind, id: string): Promise<OAuthTokenRow | undefined> {
  const row = await tables(tx)
    .selectFrom('oauthTokens')
    .selectAll()
    .where('id', '=', id)
    .where('kind', '=', kind)
    .executeTakeFirst();
  return row && (row.expiresAt === null || row.expiresAt > now(tx)) ? row : undefined;
}

export async function accessTokensOf(tx: Tx, userId: string): Promise<OAuthTokenRow[]> {
  return tables(tx)
    .selectFrom('oauthTokens')
    .selectAll()
    .where('kind', '=', 'access')
    .where('userId', '=', userId)
    .where('expiresAt', '>', now(tx))
    .orderBy('id')
    .execute();
}

/** Makes a token. @returns its row and its secret, which is told this once */
export async function insertOAuthToken(
  tx: Tx,
  vault: Vault,
  token: Pick<OAuthTokenRow, 'kind' | 'consumerId' | 'projectId' | 'userId' | 'roleIds'>,
): Promise<{ row: OAuthTokenRow; secret: string }> {
  const secret = contextOf(tx).random.bytes(32).toString('hex');
  const row: OAuthTokenRow = {
    ...token,
    id: newHexId(tx),
    sealedSecret: vault.seal(tx, secret),
    verifier: null,
    expiresAt: timestamp(nowMs(tx) + lifetimeMs[token.kind]),
  };
  await tables(tx).insertInto('oauthTokens').values(row).execute();
  return { row, secret };
}

export async function authorizeRequest(
  tx: Tx,
  id: string,
  by: Pick<OAuthTokenRow, 'userId' | 'roleIds' | 'verifier'>,
): Promise<void> {
  await tables(tx).updateTable('oauthTokens').set(by).where('id', '=', id).execute();
}

export async function deleteOAuthToken(tx: Tx, row: OAuthTokenRow): Promise<void> {
  await tables(tx).deleteFrom('oauthTokens').where('id', '=', row.id).execute();
  if (row.userId !== null) await tokensChanged(tx, [row.userId]);
}

/** With a consumer go its tokens. */
export async function deleteTokensOfConsumer(tx: Tx, consumerId: string): Promise<void> {
  await tables(tx).deleteFrom('oauthTokens').where('consumerId', '=', consumerId).execute();
  await tokensChanged(tx);
}

/** Request tokens that nobody took up, and access tokens that have ended. */
export async function forgetOAuthTokens(tx: Tx): Promise<void> {
  await tables(tx).deleteFrom('oauthTokens').where('expiresAt', '<', now(tx)).execute();
}

/**
 * The consumer, and the token where one is named, by whom a request is signed. A signature is good once.
 * @throws Problem unauthenticated
 */
export async function signedBy(
  tx: Tx,
  vault: Vault,
  request: RequestFacts,
  kind: Kind | null,
): Promise<{ consumerId: string; token: OAuthTokenRow | null; verifier: string | undefined }> {
  const parameters = readOAuthHeader(request.headers.authorization);
  const refused = (): Problem => new Problem('unauthenticated', t.unauthorized);
  if (!parameters) throw refused();
  const consumer = await tables(tx)
    .selectFrom('oauthConsumers')
    .selectAll()
    .where('id', '=', parameters['oauth_consumer_key'] ?? '')
    .executeTakeFirst();
  const token = kind === null ? null : await findOAuthToken(tx, kind, parameters['oauth_token'] ?? '');
  if (!consumer || token === undefined || (token && token.consumerId !== consumer.id)) throw refused();
  const signedAt = Number(parameters['oauth_timestamp'] ?? Number.NaN);
  const skew = Math.abs(signedAt - nowMs(tx) / 1000);
  const nonce = parameters['oauth_nonce'] ?? '';
  const secrets = {
    consumerSecret: vault.open(tx, consumer.sealedSecret),
    ...(token ? { tokenSecret: vault.open(tx, token.sealedSecret) } : {}),
  };
  const fresh = skew <= maxSkewSeconds && nonce !== '';
  if (!fresh || !oauthFits(parameters, { method: request.method, urls: urlsOf(request) }, secrets)) throw refused();
  const what = ['oauth1', consumer.id, token?.id ?? '', String(signedAt), nonce];
  await useOnce(tx, what, (signedAt + maxSkewSeconds) * 1000);
  return { consumerId: consumer.id, token, verifier: parameters['oauth_verifier'] };
}

/** The URL as clients know it: by the catalog, or by the host that they called. */
function urlsOf({ base, url, headers }: RequestFacts): string[] {
  const { origin, protocol } = new URL(base);
  return [`${origin}${url}`, ...(headers.host === undefined ? [] : [`${protocol}//${headers.host}${url}`])];
}
