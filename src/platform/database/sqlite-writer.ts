// Writes to a SQLite file: one transaction after another, each undone by itself when it fails, and one sync to the disk for
// all that wait at the same time. Nobody hears of success before it is on the disk. A sync takes milliseconds, most
// transactions a tenth of one: so many clients together write several times as much as one by one.

import type { DatabaseSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
import { bindContext, type Tx, type TxContext } from '#/platform/database/tx.ts';

export interface Writer {
  /** @param context made when the transaction's turn comes */
  write<T>(work: (tx: Tx) => Promise<T>, context: () => TxContext, dryRun: boolean): Promise<T>;
  /** When all that was asked for is done. */
  idle(): Promise<void>;
}

interface Turn {
  work(tx: Tx): Promise<unknown>;
  context(): TxContext;
  dryRun: boolean;
  resolve(result: unknown): void;
  reject(reason: unknown): void;
}

/** So that the first of a group does not wait long for its last. */
const mostTogether = 32;

export function createWriter(raw: DatabaseSync, db: Kysely<object>): Writer {
  const waiting: Turn[] = [];
  let working: Promise<void> | null = null;

  async function work(): Promise<void> {
    do {
      // Whoever's request is at the door comes along.
      await new Promise(resolve => setImmediate(resolve));
      await together(waiting.splice(0, mostTogether));
    } while (waiting.length);
    working = null;
  }

  async function together(turns: Turn[]): Promise<void> {
    const ends: (() => void)[] = [];
    try {
      raw.exec('BEGIN IMMEDIATE');
      let wrote = false;
      for (const turn of turns) {
        const { end, kept } = await take(turn);
        ends.push(end);
        wrote ||= kept;
      }
      raw.exec(wrote ? 'COMMIT' : 'ROLLBACK');
    } catch (error) {
      if (raw.isTransaction) raw.exec('ROLLBACK');
      for (const { reject } of turns) reject(error);
      return;
    }
    for (const end of ends) end();
  }

  /** @returns what to tell once all is committed @throws what ended the whole transaction, such as a full disk */
  async function take(turn: Turn): Promise<{ end(): void; kept: boolean }> {
    const context = turn.context();
    raw.exec('SAVEPOINT turn');
    const undo = (): void => raw.exec('ROLLBACK TO turn; RELEASE turn');
    let result: unknown;
    try {
      result = await turn.work(bindContext(db.withTables() as Tx, context));
    } catch (error) {
      if (!raw.isTransaction) throw error;
      undo();
      return { end: () => turn.reject(error), kept: false };
    }
    if (turn.dryRun) {
      undo();
      return { end: () => turn.resolve(result), kept: false };
    }
    raw.exec('RELEASE turn');
    const end = (): void => {
      try {
        for (const hook of context.afterCommit) hook();
        turn.resolve(result);
      } catch (error) {
        turn.reject(error);
      }
    };
    return { end, kept: true };
  }

  return {
    write: (job, context, dryRun) =>
      new Promise((resolve, reject) => {
        waiting.push({ work: job, context, dryRun, resolve, reject });
        working ??= work();
      }),
    idle: async () => {
      await working;
    },
  };
}
