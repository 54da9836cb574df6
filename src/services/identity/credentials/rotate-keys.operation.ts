// New keys for what is stored: whatever an old key has encrypted is encrypted with the present one, the staged key takes
// its place, and everything is encrypted with that. No key goes while something still needs it.

import type { KeyRing } from '#/platform/access/key-ring.ts';
import { type Operation, operation } from '#/platform/operations/operation.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';
import { resealAll } from '#/services/identity/credentials/reseal.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';

interface State {
  /** The number of the key that is to be replaced. */
  primary: number;
}

export type RotateCredentialKeys = Operation<State, State & { next: number }>;

/** @param options.kept whether the keys are this machine's to change; others follow them */
export function rotateCredentialKeys({
  ring,
  vault,
  kept,
}: {
  ring: KeyRing;
  vault: Vault;
  kept: boolean;
}): RotateCredentialKeys {
  const newest = (): number => ring.current().numbers[0]!;
  /** With older keys than these, what is old would pass for new. @throws Problem unavailable */
  const checkKnown = (key: number): void => {
    if (newest() < key) throw new Problem('unavailable', t.keysNotYet);
  };
  return operation<State>('identity.rotate-credential-keys', { onFailure: 'persist' })
    .call('finish the rotation before', {
      async do({ db }, { primary }) {
        checkKnown(primary);
        await resealAll(db, vault);
      },
    })
    .call('rotate', {
      async do(_, { primary }) {
        if (!kept) throw new Problem('unavailable', t.keysElsewhere);
        // Done twice, it would take a key away that is still needed.
        ring.rotate(keys => keys.numbers[0] === primary);
        return { next: newest() };
      },
    })
    .call('encrypt anew', {
      async do({ db, log }, { next }) {
        checkKnown(next);
        log.info({ values: await resealAll(db, vault) }, 'stored secrets are encrypted with the new key');
      },
    });
}
