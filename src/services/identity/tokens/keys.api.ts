// The keys that tokens are encrypted or signed with: an administrator has them rotated, as often as tokens live or less.

import type { KeyRing } from '#/platform/access/key-ring.ts';
import { afterCommit } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint } from '#/platform/http/endpoint.ts';
import { tokensChanged } from '#/services/identity/tokens/authority.ts';
import { admin } from '#/services/identity/allow.ts';

export function keyEndpoints(rings: Pick<KeyRing, 'rotate'>[]): Endpoint[] {
  const rotateKeys = endpoint({
    policy: 'haneul:identity:rotate_keys',
    allow: admin,
    route: 'POST /keys/rotate',
    summary: 'Rotates the keys that tokens are encrypted or signed with',
    replies: { 202: null },
    async handle({ tx }) {
      // What is remembered of tokens was read with the keys before.
      await tokensChanged(tx);
      // Files know no dry run.
      afterCommit(tx, () => rings.forEach(ring => ring.rotate()));
      return { 202: undefined };
    },
  });
  return [rotateKeys];
}
