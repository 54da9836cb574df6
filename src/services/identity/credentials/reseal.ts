// Whatever is encrypted in identity's tables, encrypted anew with today's key. Goes through every row in small
// transactions, and what is done stays done: it may be broken off and begun again at any time.

import type { Database } from '#/platform/database/database.ts';
import type { Tx } from '#/platform/database/tx.ts';
import type { Vault } from '#/services/identity/credentials/credential.store.ts';

interface Sealed {
  table: string;
  /** The primary key. */
  key: [string, ...string[]];
  column: string;
}

/** Every column that a vault has written. */
export const sealedColumns: Sealed[] = [
  { table: 'credentials', key: ['id'], column: 'blob' },
  { table: 'oauthConsumers', key: ['id'], column: 'sealedSecret' },
  { table: 'oauthTokens', key: ['id'], column: 'sealedSecret' },
  { table: 'domainConfigs', key: ['domainId', 'groupName', 'optionName'], column: 'value' },
  { table: 'federationConnections', key: ['idpId', 'protocolId'], column: 'sealed' },
  { table: 'signOns', key: ['id'], column: 'sealed' },
  { table: 'samlKeys', key: ['id'], column: 'sealedKey' },
];

const rowsAtOnce = 200;

type Row = Record<string, string | number>;

/** @returns how many values were encrypted anew */
export async function resealAll(db: Database, vault: Vault): Promise<number> {
  let count = 0;
  for (const sealed of sealedColumns) {
    let last: Row | undefined;
    do {
      const rows = await db.read(tx => page(tx, sealed, last));
      const old = rows.filter(row => !vault.isCurrent(textIn(row, sealed)));
      if (old.length) count += await db.write(tx => reseal(tx, vault, sealed, old));
      last = rows.length === rowsAtOnce ? rows.at(-1) : undefined;
    } while (last);
  }
  return count;
}

function page(tx: Tx, { table, key, column }: Sealed, after: Row | undefined): Promise<Row[]> {
  let query = rowsOf(tx)
    .selectFrom(table)
    .select([...key, column])
    .limit(rowsAtOnce);
  for (const name of key) query = query.orderBy(name);
  if (after)
    query = query.where(({ eb, refTuple, tuple }) => {
      const [first, second, third] = key;
      const [a, b, c] = key.map(name => after[name]!);
      if (second === undefined) return eb(first, '>', a!);
      if (third === undefined) return eb(refTuple(first, second), '>', tuple(a!, b!));
      return eb(refTuple(first, second, third), '>', tuple(a!, b!, c!));
    });
  return query.execute();
}

async function reseal(tx: Tx, vault: Vault, sealed: Sealed, rows: Row[]): Promise<number> {
  let count = 0n;
  for (const row of rows) {
    const before = textIn(row, sealed);
    let query = rowsOf(tx)
      .updateTable(sealed.table)
      .set({ [sealed.column]: vault.seal(tx, vault.open(tx, before)) })
      // What was changed meanwhile was encrypted anew by that.
      .where(sealed.column, '=', before);
    for (const name of sealed.key) query = query.where(name, '=', row[name]!);
    count += (await query.executeTakeFirstOrThrow()).numUpdatedRows;
  }
  return Number(count);
}

function textIn(row: Row, { column }: Sealed): string {
  return String(row[column]);
}

function rowsOf(tx: Tx) {
  return tx.withTables<Record<string, Row>>();
}
