// A token, exchanged for one of another scope. What was made by delegation stays what it is.

import { open, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { type Authority, subjectToken } from '#/services/identity/tokens/authority.ts';
import { type AuthMethod, authMethod } from '#/services/identity/tokens/methods/method.ts';

export function tokenMethod({ authority }: { authority: Authority }): AuthMethod {
  return authMethod(open({ id: string() }), async ({ id }) => {
    const { context } = await subjectToken(authority, id);
    const { payload, user } = context;
    if (payload.trustId) throw new Problem('forbidden', t.tokenRescope, { method: 'trust' });
    if (payload.accessTokenId) throw new Problem('forbidden', t.tokenRescope, { method: 'oauth1' });
    if (payload.thumbprint) throw new Problem('forbidden', t.tokenRescope, { method: 'oauth2_credential' });
    const { applicationCredentialId, identityProviderId, protocolId } = payload;
    return {
      user,
      methods: [...payload.methods, 'token'],
      from: payload,
      bounds: {
        ...(applicationCredentialId ? { applicationCredentialId } : {}),
        ...(identityProviderId ? { identityProviderId, protocolId } : {}),
      },
    };
  });
}
