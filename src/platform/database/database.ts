// The only truth. Reads run on connections of their own and never wait for a writer; writes run one at a time on SQLite
// and are retried by the engine where the engine says that they should be.

import type { Tx } from '#/platform/database/tx.ts';

export interface TxOptions {
  requestId?: string | null;
  /** Rolls back after the work was done and returns its result: a dry run. */
  dryRun?: boolean;
}

export interface Database {
  readonly engine: 'sqlite' | 'postgres';
  /** One snapshot for all reads in `work`. */
  read<T>(work: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T>;
  /** Commits what `work` wrote, or nothing when it throws. `work` may run more than once; inside it is nothing but SQL. */
  write<T>(work: (tx: Tx) => Promise<T>, options?: TxOptions): Promise<T>;
  /** Runs `work` while no other process that shares this database runs its own `alone`. Absent: none shares it. */
  alone?<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
