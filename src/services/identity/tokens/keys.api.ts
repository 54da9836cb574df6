// The keys that tokens are encrypted or signed with: an administrator has them rotated, as often as tokens live or less.
// And those that stored secrets are encrypted with, which takes an operation.

import type { KeyRing } from '#/platform/access/key-ring.ts';
import { afterCommit } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint } from '#/platform/http/endpoint.ts';
import { object, string } from '#/platform/http/schema.ts';
import { start } from '#/platform/operations/operation.store.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { RotateCredentialKeys } from '#/services/identity/credentials/rotate-keys.operation.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';
import { admin } from '#/services/identity/allow.ts';

interface Keys {
  tokens: { rotate(): void }[];
  credentials: KeyRing;
  rotateStored: RotateCredentialKeys;
  /** Whether they are this machine's to change; others follow them. */
  kept: boolean;
}

export function keyEndpoints({ tokens, credentials, rotateStored, kept }: Keys): Endpoint[] {
  const rotateKeys = endpoint({
    policy: 'haneul:identity:rotate_keys',
    allow: admin,
    route: 'POST /keys/rotate',
    summary: 'Rotates the keys that tokens are encrypted or signed with',
    replies: { 202: null },
    async handle({ tx }) {
      checkKept();
      // What is remembered of tokens was read with the keys before.
      await tokensChanged(tx);
      // Files know no dry run.
      afterCommit(tx, () => tokens.forEach(ring => ring.rotate()));
      return { 202: undefined };
    },
  });

  const rotateCredentials = endpoint({
    policy: 'haneul:identity:rotate_keys',
    route: 'POST /keys/credentials/rotate',
    summary: 'Rotates the keys that stored secrets are encrypted with, and encrypts these anew',
    replies: { 202: object({ operation: object({ id: string() }) }) },
    async handle({ tx }) {
      checkKept();
      const primary = credentials.current().numbers[0]!;
      const id = await start(tx, rotateStored, { primary }, { resourceId: 'credential-keys' });
      return { 202: { operation: { id } } };
    },
  });
  return [rotateKeys, rotateCredentials];

  function checkKept(): void {
    if (!kept) throw new Problem('conflict', t.keysElsewhere);
  }
}
