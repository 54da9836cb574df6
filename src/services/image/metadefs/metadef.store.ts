// The tables of metadata definitions: namespaces, and the objects, properties, tags and resource types in them.

import { now, type Tx } from '#/platform/database/tx.ts';
import type { Finder } from '#/platform/http/endpoint.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { metadefTexts as t } from '#/services/image/metadefs/texts.ts';

export interface NamespaceRow {
  name: string;
  projectId: string;
  displayName: string | null;
  description: string | null;
  visibility: 'public' | 'private';
  protected: number;
  createdAt: string;
  updatedAt: string;
}

export type ItemKind = 'object' | 'property' | 'tag' | 'resource_type';

export interface ItemRow {
  namespace: string;
  kind: ItemKind;
  name: string;
  /** JSON: all of it but its name. */
  body: string;
  createdAt: string;
  updatedAt: string;
}

export function tables(tx: Tx) {
  return tx.withTables<{ metadefNamespaces: NamespaceRow; metadefItems: ItemRow }>();
}

export async function findNamespace(tx: Tx, name: string): Promise<NamespaceRow | undefined> {
  return tables(tx).selectFrom('metadefNamespaces').selectAll().where('name', '=', name).executeTakeFirst();
}

export const aNamespace: Finder<NamespaceRow> = {
  find: ({ tx, path }) => findNamespace(tx, path['namespace_name']!),
  missing: path => new Problem('notFound', t.noNamespace, { name: path['namespace_name']!.slice(0, 80) }),
  target: ({ projectId, visibility }) => ({ project_id: projectId, visibility }),
  visible: ({ projectId, visibility }, caller) => visibility === 'public' || projectId === caller.projectId,
};

export async function itemsOf(tx: Tx, namespace: string, kind: ItemKind): Promise<ItemRow[]> {
  return tables(tx)
    .selectFrom('metadefItems')
    .selectAll()
    .where('namespace', '=', namespace)
    .where('kind', '=', kind)
    .orderBy('createdAt')
    .orderBy('name')
    .execute();
}

export async function findItem(tx: Tx, namespace: string, kind: ItemKind, name: string): Promise<ItemRow | undefined> {
  return tables(tx)
    .selectFrom('metadefItems')
    .selectAll()
    .where('namespace', '=', namespace)
    .where('kind', '=', kind)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** @throws Problem conflict when the name is taken */
export async function addItem(tx: Tx, namespace: string, kind: ItemKind, name: string, body: object): Promise<ItemRow> {
  if (await findItem(tx, namespace, kind, name)) throw new Problem('conflict', t.taken, { name: name.slice(0, 80) });
  const row: ItemRow = { namespace, kind, name, body: JSON.stringify(body), createdAt: now(tx), updatedAt: now(tx) };
  await tables(tx).insertInto('metadefItems').values(row).execute();
  return row;
}

/** Renames and rewrites an item. @throws Problem conflict when the new name is taken */
export async function changeItem(tx: Tx, item: ItemRow, name: string, body: object): Promise<ItemRow> {
  const { namespace, kind } = item;
  if (name !== item.name && (await findItem(tx, namespace, kind, name)))
    throw new Problem('conflict', t.taken, { name: name.slice(0, 80) });
  const row: ItemRow = { ...item, name, body: JSON.stringify(body), updatedAt: now(tx) };
  await tables(tx)
    .updateTable('metadefItems')
    .set(row)
    .where('namespace', '=', namespace)
    .where('kind', '=', kind)
    .where('name', '=', item.name)
    .execute();
  return row;
}

/** @param name absent: all of that kind */
export async function removeItems(tx: Tx, namespace: string, kind: ItemKind, name?: string): Promise<void> {
  let query = tables(tx).deleteFrom('metadefItems').where('namespace', '=', namespace).where('kind', '=', kind);
  if (name !== undefined) query = query.where('name', '=', name);
  await query.execute();
}
