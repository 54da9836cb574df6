// Checking a password, with all that an operator may demand: whoever logs in by it, or changes it.

import type { Passwords } from '#/platform/access/passwords.ts';
import type { Database } from '#/platform/database/database.ts';
import { nowMs, timestamp } from '#/platform/database/tx.ts';
import type { Logger } from '#/platform/log/log.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import { type RefusalReason, RefusedLogin } from '#/services/identity/tokens/refused-login.ts';
import {
  activityIsOld,
  type Compliance,
  countsFailures,
  failuresBefore,
  isExpired,
  isInactive,
  isLocked,
} from '#/services/identity/users/compliance.rules.ts';
import { accountState, changeAccountState } from '#/services/identity/users/compliance.store.ts';
import { json } from '#/services/identity/wire.ts';

export interface PasswordCheck {
  db: Database;
  passwords: Passwords;
  compliance: Compliance;
  log: Logger;
}

/**
 * Whether it is the user's password. Unknown, locked, disabled and inactive users cost as much time as any and are
 * answered alike; a wrong password counts.
 * @param options.mayBeExpired to change it
 * @throws Problem unauthenticated
 */
export async function checkPassword(
  { db, passwords, compliance, log }: PasswordCheck,
  user: UserRow | undefined,
  password: string,
  { mayBeExpired = false } = {},
): Promise<{ stale: boolean }> {
  const options = user ? json(user.options) : {};
  const { state, now } = await db.read(async tx => ({
    state: await accountState(tx, user?.id ?? ''),
    now: nowMs(tx),
  }));
  const locked = isLocked(compliance, options, state, now);
  const { matches, stale } = await passwords.verify(locked ? null : (user?.passwordHash ?? null), password);
  const why = (reason: RefusalReason): RefusedLogin => {
    log.info({ userId: user?.id ?? null, reason }, 'login refused');
    return new RefusedLogin(user?.id ?? null, reason);
  };
  const refuse = (reason: RefusalReason): Problem => refused(why(reason));
  if (!user) throw refuse('UnknownUser');
  if (locked) throw refuse('AccountLocked');
  if (!matches) {
    await noteFailure(db, compliance, user, now);
    throw refuse('WrongPassword');
  }
  if (!user.enabled) throw refuse('UserDisabled');
  if (isInactive(compliance, options, state, now)) throw refuse('UserInactive');
  if (!mayBeExpired && isExpired(options, user.passwordExpiresAt, timestamp(now)))
    throw new Problem('unauthenticated', t.passwordExpired, { user: user.id }, { cause: why('PasswordExpired') });
  const active = activityIsOld(compliance, state, now);
  if (state.failures > 0 || active)
    await db.write(tx => changeAccountState(tx, user.id, { failures: 0, ...(active ? { lastActiveAt: now } : {}) }));
  return { stale };
}

/** A wrong password or passcode counts, where the operator wants it to. */
export async function noteFailure(db: Database, compliance: Compliance, user: UserRow, now: number): Promise<void> {
  if (!countsFailures(compliance, json(user.options))) return;
  await db.write(async tx => {
    const before = failuresBefore(compliance, await accountState(tx, user.id), now);
    await changeAccountState(tx, user.id, { failures: before + 1, lastFailureAt: now });
  });
}
