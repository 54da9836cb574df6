// OAuth 2.0 client credentials (RFC 6749 §4.4): the client is an application credential, or a user with a certificate (RFC
// 8705), whose tokens are then bound to it. Speaks forms and OAuth's errors.
// API: Identity v3, "OS-OAUTH2".

import type { Clock } from '#/platform/clock/clock.ts';
import type { Database } from '#/platform/database/database.ts';
import { readBody } from '#/platform/http/body.ts';
import { type Endpoint, type Reply, streamEndpoint } from '#/platform/http/endpoint.ts';
import type { ClientCertificate } from '#/platform/http/tls.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { languageOf } from '#/platform/text/text.ts';
import { certificateClient, namesIn } from '#/services/identity/oauth/certificate-client.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import type { LoginFacts, LoginRecorder } from '#/services/identity/tokens/login-record.ts';
import type { Authority, Known } from '#/services/identity/tokens/authority.ts';
import { issueToken } from '#/services/identity/tokens/issue.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import type { AuthAsked, AuthMethod } from '#/services/identity/tokens/methods/method.ts';

const headers = { 'cache-control': 'no-store', pragma: 'no-cache' };

/** @param needs.credential how application credentials log in */
export function oauth2Endpoints(needs: {
  authority: Authority;
  credential: AuthMethod;
  clock: Clock;
  recorder: LoginRecorder;
}): Endpoint[] {
  const { authority, credential, clock, recorder } = needs;
  const token = streamEndpoint({
    policy: 'public',
    route: 'POST /v3/OS-OAUTH2/token',
    summary: 'Exchanges client credentials for an access token',
    async stream({ db, request, incoming }): Promise<Reply> {
      const language = languageOf(request.headers['accept-language']);
      const form = new URLSearchParams((await readBody(incoming, clock)).toString('utf8'));
      const grant = form.get('grant_type');
      if (grant === null)
        return failure(400, 'invalid_request', t.oauthParameter.say(language, { name: 'grant_type' }));
      if (grant !== 'client_credentials')
        return failure(400, 'unsupported_grant_type', t.oauthGrant.say(language, { grant: grant.slice(0, 60) }));
      const { clientCertificate } = request;
      const method = clientCertificate ? 'oauth2_credential' : 'application_credential';
      const about: LoginFacts = { request, methods: [method], user: null };
      try {
        const made = clientCertificate
          ? await byCertificate(db, form.get('client_id'), clientCertificate)
          : await bySecret(clientOf(request.headers.authorization), { db, request, scope: undefined });
        const { userId: id, userName: name, projectId } = made.known.caller;
        await recorder.succeeded({ ...about, user: { id, name }, projectId });
        return {
          200: { access_token: made.token, expires_in: authority.tokenSeconds, token_type: 'Bearer' },
          headers,
        };
      } catch (thrown) {
        if (!(thrown instanceof Problem) || thrown.kind !== 'unauthenticated') throw thrown;
        recorder.refused(about, thrown);
        return failure(401, 'invalid_client', t.oauthClient.say(language));
      }
    },
  });
  return [token];

  async function bySecret(client: Client | null, asked: AuthAsked): Promise<{ token: string; known: Known }> {
    if (!client) throw refused();
    const login = await credential.prove(client, asked);
    return asked.db.read(tx => issueToken(tx, authority, { from: null, bounds: {}, ...login }, undefined));
  }

  async function byCertificate(
    db: Database,
    id: string | null,
    certificate: ClientCertificate,
  ): Promise<{ token: string; known: Known }> {
    if (id === null) throw refused();
    const names = await namesIn(certificate);
    return db.read(async tx => {
      const { user, projectId } = await certificateClient(tx, id, names);
      const { thumbprint } = certificate;
      const login = { user, methods: ['oauth2_credential' as const], from: null, bounds: { thumbprint } };
      return issueToken(tx, authority, login, { project: { id: projectId } });
    });
  }
}

interface Client {
  id: string;
  secret: string;
}

function failure(status: 400 | 401, error: string, description: string): Reply {
  return {
    [status]: { error, error_description: description },
    headers: status === 401 ? { ...headers, 'www-authenticate': 'Basic realm="identity"' } : headers,
  };
}

/** Of `Authorization: Basic`; null for anything else. */
function clientOf(header: string | undefined): Client | null {
  const match = /^Basic\s+([\w+/=-]{1,4096})$/i.exec(header ?? '');
  const text = match ? Buffer.from(match[1]!, 'base64').toString('utf8') : '';
  const cut = text.indexOf(':');
  return cut > 0 ? { id: text.slice(0, cut), secret: text.slice(cut + 1) } : null;
}
