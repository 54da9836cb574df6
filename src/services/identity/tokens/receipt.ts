// Logging in by several methods, one after the other: rules of a user say which methods are enough together, and a
// receipt says which have succeeded so far. It is good for five minutes, and for nothing but the next login.

import { createHmac } from 'node:crypto';
import { decryptFernet, encryptFernet, type FernetKey } from '#/platform/access/fernet.ts';
import type { Random } from '#/platform/clock/clock.ts';
import { timestamp } from '#/platform/database/tx.ts';
import type { UserRow } from '#/services/identity/tables.ts';
import type { Named } from '#/services/identity/tokens/context.ts';
import { type MethodName, methodNames } from '#/services/identity/tokens/payload.ts';
import { json, printed, type Wire } from '#/services/identity/wire.ts';

const lifetimeMs = 300_000;

export interface Receipt {
  userId: string;
  methods: MethodName[];
  issuedAt: number;
  expiresAt: number;
}

/** A receipt is no token, and a token no receipt: their keys differ. */
function receiptKey(key: FernetKey): FernetKey {
  return createHmac('sha256', key).update('receipt').digest();
}

export function newReceipt(userId: string, methods: MethodName[], now: number): Receipt {
  return { userId, methods, issuedAt: now, expiresAt: now + lifetimeMs };
}

export function writeReceipt(key: FernetKey, receipt: Receipt, random: Random): string {
  const plain = Buffer.from(JSON.stringify(receipt));
  return encryptFernet(receiptKey(key), plain, { now: receipt.issuedAt, random }).replace(/=+$/, '');
}

/** Null for what is none, or has ended. */
export function readReceipt(keys: readonly FernetKey[], text: string, now: number): Receipt | null {
  if (text.length > 1024) return null;
  const content = decryptFernet(keys.map(receiptKey), text, { now });
  if (!content) return null;
  const receipt = JSON.parse(content.plain.toString()) as Receipt;
  return receipt.expiresAt > now ? receipt : null;
}

export function viewReceipt(receipt: Receipt, user: UserRow, domain: Named): Wire {
  return {
    receipt: {
      methods: receipt.methods,
      user: { domain, id: user.id, name: user.name },
      issued_at: printed(timestamp(receipt.issuedAt)),
      expires_at: printed(timestamp(receipt.expiresAt)),
    },
    required_auth_methods: rulesOf(user),
  };
}

function rulesOf({ options }: Pick<UserRow, 'options'>): string[][] {
  return (json(options)['multi_factor_auth_rules'] as string[][] | undefined) ?? [];
}

/**
 * Whether these methods are enough for the user. Without rules, or with rules that are switched off, any is; and a rule
 * asks for no method that this cloud does not have.
 */
export function isEnough(user: Pick<UserRow, 'options'>, methods: readonly string[]): boolean {
  if (json(user.options)['multi_factor_auth_enabled'] === false) return true;
  const rules = rulesOf(user)
    .map(rule => rule.filter(name => (methodNames as readonly string[]).includes(name)))
    .filter(rule => rule.length > 0);
  return !rules.length || rules.some(rule => rule.every(name => methods.includes(name)));
}
