// What an operator may demand of passwords and accounts (PCI DSS), and what single users are spared by their options.

import type { Wire } from '#/services/identity/wire.ts';

/** 0 and null: not demanded. */
export interface Compliance {
  lockoutFailureAttempts: number;
  lockoutDurationSeconds: number;
  passwordExpiresDays: number;
  uniqueLastPasswordCount: number;
  minimumPasswordAgeDays: number;
  passwordRegex: string | null;
  passwordRegexDescription: string | null;
  changePasswordUponFirstUse: boolean;
  disableUserAccountDaysInactive: number;
}

export const nothingDemanded: Compliance = {
  lockoutFailureAttempts: 0,
  lockoutDurationSeconds: 1800,
  passwordExpiresDays: 0,
  uniqueLastPasswordCount: 0,
  minimumPasswordAgeDays: 0,
  passwordRegex: null,
  passwordRegexDescription: null,
  changePasswordUponFirstUse: false,
  disableUserAccountDaysInactive: 0,
};

/** What is remembered of a user's logins and password; times in milliseconds since 1970. */
export interface AccountState {
  failures: number;
  lastFailureAt: number;
  passwordSetAt: number | null;
  lastActiveAt: number | null;
}

const dayMs = 86_400_000;

/** Whether wrong passwords count for a user. */
export function countsFailures(rules: Compliance, options: Wire): boolean {
  return rules.lockoutFailureAttempts > 0 && options['ignore_lockout_failure_attempts'] !== true;
}

export function isLocked(rules: Compliance, options: Wire, state: AccountState, now: number): boolean {
  return (
    countsFailures(rules, options) &&
    state.failures >= rules.lockoutFailureAttempts &&
    now < state.lastFailureAt + rules.lockoutDurationSeconds * 1000
  );
}

/** A lock that has run out leaves no failures behind. */
export function failuresBefore(rules: Compliance, state: AccountState, now: number): number {
  const over = now >= state.lastFailureAt + rules.lockoutDurationSeconds * 1000;
  return over && state.failures >= rules.lockoutFailureAttempts ? 0 : state.failures;
}

/** When a password that is set now must have been changed; null: never. `byOwner`: not given by an administrator. */
export function expiryOf(rules: Compliance, options: Wire, now: number, byOwner: boolean): number | null {
  if (!byOwner && rules.changePasswordUponFirstUse && options['ignore_change_password_upon_first_use'] !== true)
    return now;
  if (rules.passwordExpiresDays === 0 || options['ignore_password_expiry'] === true) return null;
  return now + rules.passwordExpiresDays * dayMs;
}

/** @param expiresAt as it is stored */
export function isExpired(options: Wire, expiresAt: string | null, now: string): boolean {
  return expiresAt !== null && expiresAt <= now && options['ignore_password_expiry'] !== true;
}

export function isInactive(rules: Compliance, options: Wire, state: AccountState, now: number): boolean {
  const { disableUserAccountDaysInactive: days } = rules;
  return (
    days > 0 &&
    options['ignore_user_inactivity'] !== true &&
    state.lastActiveAt !== null &&
    now - state.lastActiveAt >= days * dayMs
  );
}

/** Activity is noted once a day: logins shall not write each time. */
export function activityIsOld(rules: Compliance, state: AccountState, now: number): boolean {
  return (
    rules.disableUserAccountDaysInactive > 0 && (state.lastActiveAt === null || now - state.lastActiveAt >= dayMs / 2)
  );
}

export function isStrong(rules: Compliance, password: string): boolean {
  return rules.passwordRegex === null || new RegExp(`^(?:${rules.passwordRegex})`, 'u').test(password);
}

/** The days that are left until the owner may change the password again; 0: now. */
export function daysTooYoung(rules: Compliance, state: AccountState, now: number): number {
  if (rules.minimumPasswordAgeDays === 0 || state.passwordSetAt === null) return 0;
  return Math.max(0, Math.ceil((state.passwordSetAt + rules.minimumPasswordAgeDays * dayMs - now) / dayMs));
}

const flags = [
  'ignore_change_password_upon_first_use',
  'ignore_password_expiry',
  'ignore_lockout_failure_attempts',
  'ignore_user_inactivity',
  'lock_password',
  'multi_factor_auth_enabled',
] as const;

/** The first option of a user that there is not, or whose value cannot be; null where all can. Null takes an option away. */
export function oddOption(options: Wire): string | null {
  for (const [name, value] of Object.entries(options)) {
    const isFlag = (flags as readonly string[]).includes(name);
    if (!isFlag && name !== 'multi_factor_auth_rules') return name;
    if (value !== null && !(isFlag ? typeof value === 'boolean' : areRules(value))) return name;
  }
  return null;
}

/** A list of lists of method names, none empty or twice. */
function areRules(value: unknown): value is string[][] {
  if (!Array.isArray(value)) return false;
  const seen = new Set<string>();
  for (const rule of value as unknown[]) {
    if (!Array.isArray(rule) || rule.length === 0 || rule.some(name => typeof name !== 'string')) return false;
    const names = rule as string[];
    const key = JSON.stringify([...names].sort());
    if (new Set(names).size !== names.length || seen.has(key)) return false;
    seen.add(key);
  }
  return true;
}
