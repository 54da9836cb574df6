// Tokens that open a guest's console: for one use, for ten minutes. Kept hashed.

import { createHash } from 'node:crypto';
import { contextOf, nowMs, type Tx } from '#/platform/database/tx.ts';

export type ConsoleKind = 'vnc' | 'serial';

interface TokenRow {
  hash: string;
  serverId: string;
  kind: ConsoleKind;
  /** Milliseconds since 1970. */
  expiresAt: number;
}

const lifetimeMs = 600_000;

function table(tx: Tx) {
  return tx.withTables<{ computeConsoleTokens: TokenRow }>();
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** @returns the token, which is not kept */
export async function newConsoleToken(tx: Tx, serverId: string, kind: ConsoleKind): Promise<string> {
  const token = contextOf(tx).random.bytes(24).toString('base64url');
  await table(tx)
    .insertInto('computeConsoleTokens')
    .values({ hash: hashOf(token), serverId, kind, expiresAt: nowMs(tx) + lifetimeMs })
    .execute();
  return token;
}

/** What a token opens, once: it is gone afterwards. */
export async function takeConsoleToken(
  tx: Tx,
  token: string,
): Promise<{ serverId: string; kind: ConsoleKind } | undefined> {
  const row = await table(tx)
    .deleteFrom('computeConsoleTokens')
    .where('hash', '=', hashOf(token))
    .returningAll()
    .executeTakeFirst();
  return row && row.expiresAt > nowMs(tx) ? { serverId: row.serverId, kind: row.kind } : undefined;
}

export async function forgetConsoleTokens(tx: Tx): Promise<void> {
  await table(tx).deleteFrom('computeConsoleTokens').where('expiresAt', '<=', nowMs(tx)).execute();
}
