// The tables of images, their properties and tags.

import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type ImageRow, type ImageStatus, tables } from '#/services/image/tables.ts';
import { imageTexts as t } from '#/services/image/texts.ts';

export interface Image extends ImageRow {
  properties: Record<string, string>;
  tags: string[];
  /** The caller's project when the image is shared with it; null otherwise. */
  memberId: string | null;
}

/** An image with all that belongs to it, deleted ones excepted. No access check. */
export async function findImage(tx: Tx, id: string): Promise<Image | undefined> {
  const row = await findRow(tx, id);
  if (!row || row.status === 'deleted') return undefined;
  return (await withDetails(tx, [row]))[0];
}

/** The bare row, deleted or not. */
export async function findRow(tx: Tx, id: string): Promise<ImageRow | undefined> {
  return tables(tx).selectFrom('images').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Our own rule: may see the images of every project, which is not to use them. */
const allRule = 'haneul:images:all_projects';
export const readingRules = { [allRule]: 'role:admin' };

export function readsAll(caller: Caller, policy: Policy): boolean {
  return policy.allows(allRule, caller.credentials, { project_id: caller.projectId });
}

/**
 * The image as the caller may see it: the owner's, public or community, or shared with the caller.
 * @param all whether they see everybody's
 */
export async function findVisible(
  tx: Tx,
  id: string,
  caller: Caller,
  all = caller.isAdmin,
): Promise<Image | undefined> {
  const image = await findImage(tx, id);
  if (!image) return undefined;
  if (caller.projectId !== null) {
    const member = await tables(tx)
      .selectFrom('imageMembers')
      .select('memberId')
      .where('imageId', '=', id)
      .where('memberId', '=', caller.projectId)
      .executeTakeFirst();
    image.memberId = image.visibility === 'shared' ? (member?.memberId ?? null) : null;
  }
  const open = image.visibility === 'public' || image.visibility === 'community';
  const own = caller.projectId !== null && image.projectId === caller.projectId;
  return all || own || open || image.memberId !== null ? image : undefined;
}

/** Adds properties and tags: two queries for any number of images. */
export async function withDetails(tx: Tx, rows: ImageRow[]): Promise<Image[]> {
  const images = rows.map((row): Image => ({ ...row, properties: {}, tags: [], memberId: null }));
  const byId = new Map(images.map(image => [image.id, image]));
  for (const ids of batches([...byId.keys()])) {
    const properties = await tables(tx).selectFrom('imageProperties').selectAll().where('imageId', 'in', ids).execute();
    for (const { imageId, name, value } of properties) byId.get(imageId)!.properties[name] = value;
    const tags = await tables(tx)
      .selectFrom('imageTags')
      .selectAll()
      .where('imageId', 'in', ids)
      .orderBy('tag')
      .execute();
    for (const { imageId, tag } of tags) byId.get(imageId)!.tags.push(tag);
  }
  return images;
}

/** Engines bound how many values one query takes. */
function batches(ids: string[]): string[][] {
  const parts: string[][] = [];
  for (let at = 0; at < ids.length; at += 500) parts.push(ids.slice(at, at + 500));
  return parts;
}

/** @throws Problem conflict when the id was used before */
export async function insertImage(tx: Tx, image: Omit<Image, 'memberId'>): Promise<void> {
  const { properties, tags, ...row } = image;
  if (await findRow(tx, row.id)) throw new Problem('conflict', t.duplicate, { id: row.id });
  await tables(tx).insertInto('images').values(row).execute();
  await putProperties(tx, row.id, properties);
  await putTags(tx, row.id, tags);
}

export async function updateImage(tx: Tx, id: string, change: Partial<ImageRow>): Promise<void> {
  await tables(tx)
    .updateTable('images')
    .set({ ...change, updatedAt: now(tx) })
    .where('id', '=', id)
    .execute();
}

/** Moves an image on, if it still is where the caller last saw it. @throws Problem conflict */
export async function moveImage(
  tx: Tx,
  id: string,
  from: ImageStatus[],
  change: Partial<ImageRow> & { status: ImageStatus },
): Promise<void> {
  const row = await findRow(tx, id);
  if (!row || row.status === 'deleted') throw new Problem('notFound', t.notFound, { id });
  if (!from.includes(row.status))
    throw new Problem('conflict', t.wrongStatus, { id, status: row.status, wanted: from });
  await updateImage(tx, id, change);
}

export async function putProperties(tx: Tx, imageId: string, properties: Record<string, string>): Promise<void> {
  await tables(tx).deleteFrom('imageProperties').where('imageId', '=', imageId).execute();
  const rows = Object.entries(properties).map(([name, value]) => ({ imageId, name, value }));
  if (rows.length) await tables(tx).insertInto('imageProperties').values(rows).execute();
}

export async function putTags(tx: Tx, imageId: string, tags: string[]): Promise<void> {
  await tables(tx).deleteFrom('imageTags').where('imageId', '=', imageId).execute();
  const rows = [...new Set(tags)].map(tag => ({ imageId, tag }));
  if (rows.length) await tables(tx).insertInto('imageTags').values(rows).execute();
}

/** Bytes that a project's images take in the store, those under way included. */
export async function bytesOfProject(tx: Tx, projectId: string): Promise<number> {
  const { bytes } = await tables(tx)
    .selectFrom('images')
    .select(eb => eb.fn.sum<number | null>('sizeBytes').as('bytes'))
    .where('projectId', '=', projectId)
    .where('status', '!=', 'deleted')
    .executeTakeFirstOrThrow();
  return Number(bytes ?? 0);
}

/** Where the bytes of an image are, or will be. */
export async function fileOf(tx: Tx, imageId: string): Promise<string> {
  const { directory } = await tables(tx)
    .selectFrom('imageStores')
    .select('directory')
    .where('id', '=', 'local')
    .executeTakeFirstOrThrow();
  return `${directory}/${imageId}`;
}
