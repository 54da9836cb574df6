// The older way to give a federated login's token a scope: under the name of the method that made it. As `token` does.

import { open, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { federationTexts as t } from '#/services/identity/federation/texts.ts';
import { type AuthMethod, authMethod } from '#/services/identity/tokens/methods/method.ts';

/** @param token the method `token` */
export function federatedMethods(token: AuthMethod): Record<'mapped' | 'saml2' | 'openid', AuthMethod> {
  const exchange = authMethod(open({ id: string() }), async (ask, asked) => {
    const proof = await token.prove(ask, asked);
    if (!proof.bounds?.identityProviderId) throw new Problem('unauthenticated', t.notFederated);
    return proof;
  });
  return { mapped: exchange, saml2: exchange, openid: exchange };
}
