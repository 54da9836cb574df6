// This cloud as a client of an OpenID provider: bearer tokens that clients bring, and the authorization code of browsers.
// The protocol is oauth4webapi's business; every request goes through the guarded fetch.

import type * as oauth from 'oauth4webapi';
import type { Clock } from '#/platform/clock/clock.ts';
import type { FetchOut } from '#/platform/http/fetch-out.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Assertion } from '#/services/identity/federation/mappings/mapping.rules.ts';
import type { OpenidConnection } from '#/services/identity/federation/providers/connection.store.ts';
import type { Pending } from '#/services/identity/federation/sign-on/cookies.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';

interface Needs {
  clock: Clock;
  fetchOut: FetchOut;
}

interface Party {
  oauth: typeof oauth;
  server: oauth.AuthorizationServer;
  client: oauth.Client;
  auth: oauth.ClientAuth;
  /** Which function fetches, and that plain HTTP is for the operator's own networks only, which that function knows. */
  how: Record<symbol, unknown>;
}

export interface Claims {
  issuer: string;
  assertion: Assertion;
}

async function party(connection: OpenidConnection, { fetchOut }: Needs): Promise<Party> {
  const library = await import('oauth4webapi');
  const issuer = new URL(connection.issuer);
  const how = {
    [library.customFetch]: (url: string, init: RequestInit) =>
      fetchOut(url, {
        method: init.method,
        headers: Object.fromEntries(new Headers(init.headers)),
        ...(init.body ? { body: String(init.body) } : {}),
        redirects: 0,
      }),
    ...(issuer.protocol === 'http:' ? { [library.allowInsecureRequests]: true } : {}),
  };
  const server = await library.processDiscoveryResponse(
    issuer,
    await library.discoveryRequest(issuer, { ...how, algorithm: 'oidc' }),
  );
  // The library reads the machine's clock; providers' may differ from it by a minute.
  const client: oauth.Client = {
    client_id: connection.client_id,
    [library.clockTolerance]: 60,
  };
  const { client_secret: secret } = connection;
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const auth =
    secret === undefined
      ? library.None()
      : methods.includes('client_secret_basic')
        ? library.ClientSecretBasic(secret)
        : library.ClientSecretPost(secret);
  return { oauth: library, server, client, auth, how };
}

/** Where a browser begins, and what must come back with it. */
export async function beginCode(
  connection: OpenidConnection,
  callback: string,
  needs: Needs,
): Promise<{ location: string } & Required<Pick<Pending, 'request' | 'nonce' | 'verifier'>>> {
  const { oauth: library, server } = await told(party(connection, needs));
  const [state, nonce, verifier] = [
    library.generateRandomState(),
    library.generateRandomNonce(),
    library.generateRandomCodeVerifier(),
  ];
  const location = new URL(server.authorization_endpoint ?? connection.issuer);
  const scopes = new Set(['openid', ...(connection.scopes ?? ['profile', 'email'])]);
  const asked = {
    client_id: connection.client_id,
    redirect_uri: callback,
    response_type: 'code',
    scope: [...scopes].join(' '),
    state,
    nonce,
    code_challenge: await library.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(asked)) location.searchParams.set(name, value);
  return { location: location.href, request: state, nonce, verifier };
}

/** Who came back with a code. @throws Problem unauthenticated */
export async function finishCode(
  connection: OpenidConnection,
  { callback, query, pending }: { callback: string; query: string; pending: Pending },
  needs: Needs,
): Promise<Claims> {
  return told(
    (async () => {
      const { oauth: library, server, client, auth, how } = await party(connection, needs);
      const parameters = library.validateAuthResponse(server, client, new URLSearchParams(query), pending.request);
      const answer = await library.authorizationCodeGrantRequest(
        server,
        client,
        auth,
        parameters,
        callback,
        pending.verifier!,
        how,
      );
      const tokens = await library.processAuthorizationCodeResponse(server, client, answer, {
        expectedNonce: pending.nonce,
        requireIdToken: true,
      });
      // The token's signature counts too, though it came over the provider's own line.
      await library.validateApplicationLevelSignature(server, answer, how);
      const idClaims = library.getValidatedIdTokenClaims(tokens)!;
      if (!connection.userinfo || !server.userinfo_endpoint) return claimsOf(idClaims);
      const more = await library.processUserInfoResponse(
        server,
        client,
        idClaims.sub,
        await library.userInfoRequest(server, client, tokens.access_token, how),
      );
      return claimsOf({ ...more, ...idClaims });
    })(),
  );
}

/** Whose a bearer token is: read where it is a JWT for us (RFC 9068), else asked of the provider. @throws Problem unauthenticated */
export async function readBearer(connection: OpenidConnection, token: string, needs: Needs): Promise<Claims> {
  return told(
    (async () => {
      const { oauth: library, server, client, auth, how } = await party(connection, needs);
      const audience = connection.audience ?? connection.client_id;
      if (isAccessJwt(token)) {
        const request = new Request(connection.issuer, { headers: { authorization: `Bearer ${token}` } });
        const options = { ...how, [library.clockTolerance]: 60 };
        return claimsOf({ ...(await library.validateJwtAccessToken(server, request, audience, options)) });
      }
      const answer = await library.introspectionRequest(server, client, auth, token, how);
      const found = await library.processIntrospectionResponse(server, client, answer);
      const audiences = [found.aud ?? []].flat();
      const meant = audiences.length ? audiences.includes(audience) : found.client_id === connection.client_id;
      const alive = found.exp === undefined || found.exp * 1000 > needs.clock.now();
      if (!found.active || !meant || !alive || (found.iss !== undefined && found.iss !== server.issuer))
        throw new Error('the token is not active, or not for this cloud');
      return claimsOf({ ...found, iss: server.issuer });
    })(),
  );
}

function isAccessJwt(token: string): boolean {
  const [header = '', , signature] = token.split('.');
  if (!signature) return false;
  try {
    const { typ } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { typ?: string };
    return ['at+jwt', 'application/at+jwt'].includes(String(typ).toLowerCase());
  } catch {
    return false;
  }
}

/** Claims by their own name, and as the web servers' modules call them. */
function claimsOf(claims: Record<string, unknown>): Claims {
  const assertion = Object.create(null) as Record<string, string[]>;
  for (const [name, value] of Object.entries(claims)) {
    const values = (Array.isArray(value) ? value : [value]).filter(item => item !== null && item !== undefined);
    const words = values.map(item => (typeof item === 'object' ? JSON.stringify(item) : String(item)));
    for (const alias of [name, `OIDC-${name}`, `HTTP_OIDC_${name.toUpperCase()}`]) assertion[alias] = words;
  }
  if (assertion['sub']) assertion['REMOTE_USER'] = assertion['sub'];
  return { issuer: String(claims['iss'] ?? ''), assertion };
}

/** Whatever the provider or the token has wrong is a refusal; the log says what. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof Problem && cause.kind === 'unavailable') throw cause;
    const named = (cause as Error).cause instanceof Error ? ((cause as Error).cause as Error) : (cause as Error);
    throw new Problem('unauthenticated', t.notSignedOn, {}, { cause: new Error(`OpenID: ${named.message}`) });
  }
}
