// Users change their own password.
// API: Identity v3, "Users", "Change password for user".

import { nowMs, timestamp } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint } from '#/platform/http/endpoint.ts';
import { object, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import type { LoginRecorder } from '#/services/identity/tokens/login-record.ts';
import { refused } from '#/services/identity/tokens/context.ts';
import { daysTooYoung, expiryOf, isStrong } from '#/services/identity/users/compliance.rules.ts';
import {
  accountState,
  changeAccountState,
  formerPasswords,
  rememberPassword,
} from '#/services/identity/users/compliance.store.ts';
import { checkPassword, type PasswordCheck } from '#/services/identity/users/own-password.ts';
import { findUser, updateUser } from '#/services/identity/users/user.store.ts';
import { json } from '#/services/identity/wire.ts';

export function ownPasswordEndpoint(needs: Omit<PasswordCheck, 'db'> & { recorder: LoginRecorder }): Endpoint {
  const { passwords, compliance, recorder } = needs;
  return endpoint({
    policy: 'public',
    route: 'POST /v3/users/{user_id}/password',
    summary: 'Changes the own password',
    body: object({ user: object({ original_password: string(), password: string({ min: 1 }) }) }),
    replies: { 204: null },
    async prepare({ body, path, db, request }) {
      const { original_password: original, password } = body.user;
      const { user, state, former, now } = await db.read(async tx => ({
        user: await findUser(tx, path['user_id']!),
        state: await accountState(tx, path['user_id']!),
        former: await formerPasswords(tx, path['user_id']!, Math.max(0, compliance.uniqueLastPasswordCount - 1)),
        now: nowMs(tx),
      }));
      const about = { request, user: user ?? null };
      try {
        await checkPassword({ ...needs, db }, user, original, { mayBeExpired: true });
      } catch (thrown) {
        recorder.refused({ ...about, methods: ['password'] }, thrown);
        throw thrown;
      }
      if (!user) throw refused();
      try {
        if (json(user.options)['lock_password'] === true) throw new Problem('invalid', t.passwordLocked);
        if (password === original) throw new Problem('invalid', t.samePassword);
        checkStrength(needs, password);
        const days = daysTooYoung(compliance, state, now);
        if (days > 0) throw new Problem('invalid', t.passwordTooYoung, { days });
        for (const hash of former)
          if ((await passwords.verify(hash, password)).matches)
            throw new Problem('invalid', t.passwordReused, { count: compliance.uniqueLastPasswordCount });
      } catch (thrown) {
        recorder.passwordRefused(about, thrown);
        throw thrown;
      }
      return { user, passwordHash: await passwords.hash(password) };
    },
    async handle({ tx, prepared: { user, passwordHash } }) {
      const current = await findUser(tx, user.id);
      if (!current?.enabled || current.passwordHash !== user.passwordHash) throw refused();
      const now = nowMs(tx);
      const expiresAt = expiryOf(compliance, json(user.options), now, true);
      await rememberPassword(tx, user.id, user.passwordHash, compliance.uniqueLastPasswordCount - 1);
      await changeAccountState(tx, user.id, { passwordSetAt: now, failures: 0 });
      await updateUser(
        tx,
        user.id,
        { passwordHash, passwordExpiresAt: expiresAt === null ? null : timestamp(expiresAt) },
        { endTokens: true },
      );
      return { 204: undefined };
    },
  });
}

/** @throws Problem invalid when a password is not what the operator demands */
export function checkStrength(
  { compliance }: Pick<PasswordCheck, 'compliance'>,
  password: string | null | undefined,
): void {
  if (password == null || isStrong(compliance, password)) return;
  throw new Problem('invalid', t.weakPassword, {
    demand: compliance.passwordRegexDescription ?? compliance.passwordRegex ?? '',
  });
}
