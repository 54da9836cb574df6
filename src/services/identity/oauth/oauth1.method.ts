// A login signed with an OAuth 1.0 access token: for the user who granted it, with the roles and the project that were
// granted, and nothing else.

import { open } from '#/platform/http/schema.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { signedBy } from '#/services/identity/oauth/oauth.store.ts';
import { enabledUser, refused } from '#/services/identity/tokens/context.ts';
import { type AuthMethod, authMethod } from '#/services/identity/tokens/methods/method.ts';

export function oauth1Method({ vault }: { vault: Vault }): AuthMethod {
  return authMethod(open({}), (_, { db, request }) =>
    db.write(async tx => {
      const { token } = await signedBy(tx, vault, request, 'access');
      if (!token?.userId) throw refused();
      return {
        user: await enabledUser(tx, token.userId),
        methods: ['oauth1'] as const satisfies string[],
        bounds: { accessTokenId: token.id },
      };
    }),
  );
}
