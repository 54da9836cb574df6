// Key pairs: each belongs to a user and has a name there.

import type { Generated } from 'kysely';
import { now, type Tx } from '#/platform/database/tx.ts';

export type KeyType = 'ssh' | 'x509';

interface KeypairRow {
  id: Generated<number>;
  userId: string;
  name: string;
  type: KeyType;
  publicKey: string;
  fingerprint: string;
  createdAt: string;
}

export interface Keypair extends Omit<KeypairRow, 'id'> {
  id: number;
}

function table(tx: Tx) {
  return tx.withTables<{ computeKeypairs: KeypairRow }>();
}

export async function findKeypair(tx: Tx, userId: string, name: string): Promise<Keypair | undefined> {
  return table(tx)
    .selectFrom('computeKeypairs')
    .selectAll()
    .where('userId', '=', userId)
    .where('name', '=', name)
    .executeTakeFirst();
}

export async function keypairsOf(tx: Tx, userId: string): Promise<Keypair[]> {
  return table(tx).selectFrom('computeKeypairs').selectAll().where('userId', '=', userId).orderBy('name').execute();
}

export async function countKeypairs(tx: Tx, userId: string): Promise<number> {
  const row = await table(tx)
    .selectFrom('computeKeypairs')
    .select(eb => eb.fn.countAll<number | string>().as('count'))
    .where('userId', '=', userId)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export async function insertKeypair(tx: Tx, keypair: Omit<Keypair, 'id' | 'createdAt'>): Promise<void> {
  await table(tx)
    .insertInto('computeKeypairs')
    .values({ ...keypair, createdAt: now(tx) })
    .execute();
}

export async function deleteKeypair(tx: Tx, id: number): Promise<void> {
  await table(tx).deleteFrom('computeKeypairs').where('id', '=', id).execute();
}
