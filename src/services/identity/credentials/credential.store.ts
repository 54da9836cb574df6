// Credentials that users keep here: EC2 keys, certificates, anything with a type. Their content is encrypted at rest.

import { decryptFernet, encryptFernet, type FernetKey } from '#/platform/access/fernet.ts';
import { contextOf, nowMs, type Tx } from '#/platform/database/tx.ts';
import { type CredentialRow, tables } from '#/services/identity/tables.ts';

/** Encrypts what is stored. */
export interface Vault {
  seal(tx: Tx, plain: string): string;
  /** @throws Error when no key fits: the keys were lost */
  open(tx: Tx, sealed: string): string;
  /** Whether it was encrypted with the present key. */
  isCurrent(sealed: string): boolean;
}

/** @param keys primary first */
export function createVault(keys: () => readonly FernetKey[]): Vault {
  return {
    seal: (tx, plain) =>
      encryptFernet(keys()[0]!, Buffer.from(plain), { now: nowMs(tx), random: contextOf(tx).random }),
    open(tx, sealed) {
      const content = decryptFernet(keys(), sealed, { now: nowMs(tx) });
      if (!content) throw new Error('a stored credential was encrypted with a key that is no longer there');
      return content.plain.toString();
    },
    // Its age does not matter here.
    isCurrent: sealed => decryptFernet(keys().slice(0, 1), sealed, { now: Number.MAX_SAFE_INTEGER }) !== null,
  };
}

export async function findCredential(tx: Tx, id: string): Promise<CredentialRow | undefined> {
  return tables(tx).selectFrom('credentials').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listCredentials(tx: Tx, filter: { userId?: string; type?: string }): Promise<CredentialRow[]> {
  let query = tables(tx).selectFrom('credentials').selectAll();
  if (filter.userId !== undefined) query = query.where('userId', '=', filter.userId);
  if (filter.type !== undefined) query = query.where('type', '=', filter.type);
  return query.orderBy('id').execute();
}

export async function insertCredential(tx: Tx, row: CredentialRow): Promise<void> {
  await tables(tx).insertInto('credentials').values(row).execute();
}

export async function updateCredential(tx: Tx, row: CredentialRow): Promise<void> {
  await tables(tx).updateTable('credentials').set(row).where('id', '=', row.id).execute();
}

export async function deleteCredential(tx: Tx, id: string): Promise<void> {
  await tables(tx).deleteFrom('credentials').where('id', '=', id).execute();
}
