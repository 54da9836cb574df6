// A transaction as everything above the database sees it: Kysely, and what belongs to the moment — time, randomness,
// who asked, and what to do once it has committed.

import type { Kysely } from 'kysely';
import type { Clock, Random } from '#/platform/clock/clock.ts';
import { newUuid } from '#/platform/clock/clock.ts';

/** Tables are named by the store that owns them: `tx.withTables<VolumeTables>()`. */
export type Tx = Kysely<object>;

export interface TxContext {
  clock: Clock;
  random: Random;
  /** `req-…` of the request or operation on whose behalf this runs. */
  requestId: string | null;
  /** The same moment for the whole transaction, ISO 8601 UTC with microseconds as OpenStack prints it, without the zone. */
  now: string;
  afterCommit: (() => void)[];
  /** Anything that the layers above attach, by their own key. */
  slots: Map<symbol, unknown>;
}

const contexts = new WeakMap<Tx, TxContext>();

/** Binds a context to a transaction; the database does it as it opens one. */
export function bindContext(tx: Tx, context: TxContext): Tx {
  contexts.set(tx, context);
  return tx;
}

/** The context of a transaction. @throws Error when handed anything but what the database gave out */
export function contextOf(tx: Tx): TxContext {
  const context = contexts.get(tx);
  if (!context) throw new Error('not a transaction that the database opened');
  return context;
}

/** The transaction's moment: `2026-01-31T12:00:00.000000`. Sorts as time does. */
export function now(tx: Tx): string {
  return contextOf(tx).now;
}

/** The transaction's moment in milliseconds since 1970. */
export function nowMs(tx: Tx): number {
  return contextOf(tx).clock.now();
}

/** A new UUID with dashes. */
export function newId(tx: Tx): string {
  return newUuid(contextOf(tx).random);
}

/** A new UUID without dashes, as Keystone's ids are. */
export function newHexId(tx: Tx): string {
  return newId(tx).replaceAll('-', '');
}

/** Runs `hook` once the transaction has committed; never when it is rolled back. */
export function afterCommit(tx: Tx, hook: () => void): void {
  contextOf(tx).afterCommit.push(hook);
}

/** Milliseconds → the timestamp form that is stored and printed. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000`;
}
