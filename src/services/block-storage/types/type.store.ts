// The table of volume types.

import type { Caller } from '#/platform/access/caller.ts';
import { newId, now, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables, type TypeRow } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';

/** The type of volumes that name none. */
export const defaultTypeName = '__DEFAULT__';

export async function seedTypes(tx: Tx): Promise<void> {
  const known = await tables(tx).selectFrom('volumeTypes').select('id').executeTakeFirst();
  if (known) return;
  await insertType(tx, { name: defaultTypeName, description: 'Default Volume Type', isPublic: 1, extraSpecs: {} });
}

export async function insertType(
  tx: Tx,
  ask: { name: string; description: string | null; isPublic: number; extraSpecs: Record<string, string> },
): Promise<TypeRow> {
  const taken = await tables(tx).selectFrom('volumeTypes').select('id').where('name', '=', ask.name).executeTakeFirst();
  if (taken) throw new Problem('conflict', t.typeExists, { name: ask.name });
  const row: TypeRow = {
    ...ask,
    id: newId(tx),
    extraSpecs: JSON.stringify(ask.extraSpecs),
    createdAt: now(tx),
    updatedAt: null,
  };
  await tables(tx).insertInto('volumeTypes').values(row).execute();
  return row;
}

/** The types that the caller may use. */
export async function listTypes(tx: Tx, caller: Caller): Promise<TypeRow[]> {
  const rows = await tables(tx).selectFrom('volumeTypes').selectAll().orderBy('createdAt').orderBy('id').execute();
  if (caller.isAdmin) return rows;
  const access = await tables(tx)
    .selectFrom('volumeTypeAccess')
    .select('typeId')
    .where('projectId', '=', caller.projectId ?? '')
    .execute();
  return rows.filter(row => row.isPublic === 1 || access.some(({ typeId }) => typeId === row.id));
}

export async function findType(tx: Tx, caller: Caller, idOrName: string): Promise<TypeRow | undefined> {
  const types = await listTypes(tx, caller);
  return types.find(({ id }) => id === idOrName) ?? types.find(({ name }) => name === idOrName);
}

/** @throws Problem notFound */
export async function typeForUse(tx: Tx, caller: Caller, idOrName: string | null): Promise<TypeRow> {
  if (idOrName === null) return defaultType(tx);
  const type = await findType(tx, caller, idOrName);
  if (!type) throw new Problem('notFound', t.typeNotFound, { id: idOrName.slice(0, 80) });
  return type;
}

export async function defaultType(tx: Tx): Promise<TypeRow> {
  return tables(tx).selectFrom('volumeTypes').selectAll().where('name', '=', defaultTypeName).executeTakeFirstOrThrow();
}

/** Id → name. */
export async function typeNames(tx: Tx): Promise<Map<string, string>> {
  const rows = await tables(tx).selectFrom('volumeTypes').select(['id', 'name']).execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}
