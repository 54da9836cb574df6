// New keys for what is stored: whatever an old key has encrypted is encrypted with the present one, the staged key takes
// its place, and everything is encrypted with that. No key goes while something still needs it.

import type { KeyRing } from '#/platform/access/key-ring.ts';
import { type Operation, operation } from '#/platform/operations/operation.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { resealAll } from '#/services/identity/credentials/reseal.ts';

export type RotateCredentialKeys = Operation<{ primary: number }, { primary: number }>;

/** Its input is the number of the key that is to be replaced. */
export function rotateCredentialKeys(ring: KeyRing, vault: Vault): RotateCredentialKeys {
  return operation<{ primary: number }>('identity.rotate-credential-keys', { onFailure: 'persist' })
    .call('finish the rotation before', { do: async ({ db }) => void (await resealAll(db, vault)) })
    .call('rotate', {
      // Done twice, it would take a key away that is still needed.
      do: async (_, { primary }) => ring.rotate(keys => keys.numbers[0] === primary),
    })
    .call('encrypt anew', {
      async do({ db, log }) {
        log.info({ values: await resealAll(db, vault) }, 'stored secrets are encrypted with the new key');
      },
    });
}
