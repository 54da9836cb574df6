// A time-based one-time password (RFC 6238: SHA-1, 6 digits, 30 seconds) from a secret that is kept as a credential of
// type `totp`, in base32. The window before the current one is good too: clocks differ, and people type.
// A password is good once.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { nowMs, type Tx } from '#/platform/database/tx.ts';
import { open, string } from '#/platform/http/schema.ts';
import { listCredentials, type Vault } from '#/services/identity/credentials/credential.store.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import { type RefusalReason, RefusedLogin } from '#/services/identity/tokens/refused-login.ts';
import { findUserAsked } from '#/services/identity/tokens/methods/find-user.ts';
import { type AuthMethod, authMethod, userRef } from '#/services/identity/tokens/methods/method.ts';
import { useOnce } from '#/services/identity/tokens/used-once.store.ts';
import { type Compliance, isLocked } from '#/services/identity/users/compliance.rules.ts';
import { accountState } from '#/services/identity/users/compliance.store.ts';
import { noteFailure } from '#/services/identity/users/own-password.ts';
import { json } from '#/services/identity/wire.ts';

const stepMs = 30_000;
const formerSteps = 1;
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function totpMethod({ vault, compliance }: { vault: Vault; compliance: Compliance }): AuthMethod {
  return authMethod(open({ user: open({ ...userRef, passcode: string() }) }), async ({ user: ask }, { db }) => {
    const { user, secrets, locked, now } = await db.read(async tx => {
      const found = await findUserAsked(tx, ask);
      return {
        user: found,
        secrets: found ? await secretsOf(tx, vault, found.id) : [],
        locked: found && isLocked(compliance, json(found.options), await accountState(tx, found.id), nowMs(tx)),
        now: nowMs(tx),
      };
    });
    const refuse = (reason: RefusalReason) => refused(new RefusedLogin(user?.id ?? null, reason));
    if (!user) throw refuse('UnknownUser');
    if (locked) throw refuse('AccountLocked');
    const fitting = secrets
      .map(({ id, secret }) => ({ id, step: stepOf(secret, ask.passcode, now) }))
      .find((each): each is { id: string; step: number } => each.step !== null);
    if (!fitting) {
      await noteFailure(db, compliance, user, now);
      throw refuse('WrongPasscode');
    }
    if (!user.enabled) throw refuse('UserDisabled');
    const { id, step } = fitting;
    await db.write(tx => useOnce(tx, ['totp', id, String(step)], (step + 1 + formerSteps) * stepMs));
    return { user, methods: ['totp'] };
  });
}

async function secretsOf(tx: Tx, vault: Vault, userId: string): Promise<{ id: string; secret: Buffer }[]> {
  const rows = await listCredentials(tx, { userId, type: 'totp' });
  return rows.flatMap(row => {
    const secret = fromBase32(vault.open(tx, row.blob));
    return secret ? [{ id: row.id, secret }] : [];
  });
}

/** The time step whose passcode this is; null when it is none of those that are good now. */
function stepOf(secret: Buffer, passcode: string, now: number): number | null {
  const given = Buffer.from(passcode);
  const current = Math.floor(now / stepMs);
  let found: number | null = null;
  for (let back = 0; back <= formerSteps; back++) {
    const wanted = Buffer.from(passcodeAt(secret, (current - back) * stepMs));
    // All are looked at, whichever fits.
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) found ??= current - back;
  }
  return found;
}

/** The passcode of a moment, in milliseconds since 1970. */
export function passcodeAt(secret: Buffer, ms: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(ms / stepMs)));
  const digest = createHmac('sha1', secret).update(counter).digest();
  const code = digest.readUInt32BE(digest.at(-1)! & 0x0f) & 0x7fffffff;
  return String(code % 1_000_000).padStart(6, '0');
}

/** RFC 4648 base32, in any case, with or without padding; null for anything else. */
export function fromBase32(text: string): Buffer | null {
  const digits = text.trim().toUpperCase().replaceAll(' ', '').replace(/=+$/, '');
  if (digits === '') return null;
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const digit of digits) {
    const value = alphabet.indexOf(digit);
    if (value < 0) return null;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
    }
  }
  return Buffer.from(bytes);
}
