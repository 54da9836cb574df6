// Flavors and who may use the private ones.

import type { Caller } from '#/platform/access/caller.ts';
import { now, type Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { t } from '#/services/compute/texts.ts';

interface FlavorRow {
  id: string;
  name: string;
  vcpus: number;
  memoryMib: number;
  diskGib: number;
  ephemeralGib: number;
  swapMib: number;
  rxtxFactor: number;
  isPublic: number;
  description: string | null;
  extraSpecs: string;
  createdAt: string;
  updatedAt: string | null;
}

export interface Flavor extends Omit<FlavorRow, 'isPublic' | 'extraSpecs'> {
  isPublic: boolean;
  extraSpecs: Record<string, string>;
}

function table(tx: Tx) {
  return tx.withTables<{ computeFlavors: FlavorRow; computeFlavorAccess: { flavorId: string; projectId: string } }>();
}

export async function listFlavors(tx: Tx): Promise<Flavor[]> {
  return (await table(tx).selectFrom('computeFlavors').selectAll().orderBy('id').execute()).map(toFlavor);
}

/** The flavors that a project may use: the public ones and those that it was given. */
export async function flavorsOf(tx: Tx, projectId: string | null): Promise<Flavor[]> {
  const given = new Set(await flavorIdsGiven(tx, projectId));
  return (await listFlavors(tx)).filter(flavor => flavor.isPublic || given.has(flavor.id));
}

/** A flavor that the caller may use. Private flavors of others do not exist for them. */
export async function findFlavor(tx: Tx, caller: Caller, id: string): Promise<Flavor | undefined> {
  const row = await table(tx).selectFrom('computeFlavors').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) return undefined;
  if (row.isPublic || caller.isAdmin) return toFlavor(row);
  return (await flavorIdsGiven(tx, caller.projectId)).includes(id) ? toFlavor(row) : undefined;
}

async function flavorIdsGiven(tx: Tx, projectId: string | null): Promise<string[]> {
  if (projectId === null) return [];
  const rows = await table(tx)
    .selectFrom('computeFlavorAccess')
    .select('flavorId')
    .where('projectId', '=', projectId)
    .execute();
  return rows.map(row => row.flavorId);
}

/** @throws Problem conflict when the id or the name is taken */
export async function insertFlavor(tx: Tx, flavor: Omit<Flavor, 'createdAt' | 'updatedAt'>): Promise<Flavor> {
  const taken = await table(tx)
    .selectFrom('computeFlavors')
    .select(['id', 'name'])
    .where(eb => eb.or([eb('id', '=', flavor.id), eb('name', '=', flavor.name)]))
    .executeTakeFirst();
  if (taken) {
    const field = taken.name === flavor.name ? 'name' : 'ID';
    throw new Problem('conflict', t.flavorExists, { field, value: field === 'name' ? flavor.name : flavor.id });
  }
  const row: FlavorRow = {
    ...flavor,
    isPublic: flavor.isPublic ? 1 : 0,
    extraSpecs: JSON.stringify(flavor.extraSpecs),
    createdAt: now(tx),
    updatedAt: null,
  };
  await table(tx).insertInto('computeFlavors').values(row).execute();
  return toFlavor(row);
}

export async function changeFlavor(
  tx: Tx,
  id: string,
  change: { description?: string | null; extraSpecs?: Record<string, string> },
): Promise<void> {
  await table(tx)
    .updateTable('computeFlavors')
    .set({
      ...(change.description === undefined ? {} : { description: change.description }),
      ...(change.extraSpecs ? { extraSpecs: JSON.stringify(change.extraSpecs) } : {}),
      updatedAt: now(tx),
    })
    .where('id', '=', id)
    .execute();
}

/** Servers keep their own copy of what they were made with. */
export async function deleteFlavor(tx: Tx, id: string): Promise<void> {
  await table(tx).deleteFrom('computeFlavors').where('id', '=', id).execute();
}

export async function flavorProjects(tx: Tx, flavorId: string): Promise<string[]> {
  const rows = await table(tx)
    .selectFrom('computeFlavorAccess')
    .select('projectId')
    .where('flavorId', '=', flavorId)
    .orderBy('projectId')
    .execute();
  return rows.map(row => row.projectId);
}

/** @throws Problem conflict when the project has access already */
export async function giveFlavor(tx: Tx, flavorId: string, projectId: string): Promise<void> {
  if ((await flavorProjects(tx, flavorId)).includes(projectId))
    throw new Problem('conflict', t.flavorAccessExists, { id: flavorId, project: projectId });
  await table(tx).insertInto('computeFlavorAccess').values({ flavorId, projectId }).execute();
}

/** @throws Problem notFound when the project has no access */
export async function takeFlavor(tx: Tx, flavorId: string, projectId: string): Promise<void> {
  const { numDeletedRows } = await table(tx)
    .deleteFrom('computeFlavorAccess')
    .where('flavorId', '=', flavorId)
    .where('projectId', '=', projectId)
    .executeTakeFirst();
  if (numDeletedRows === 0n)
    throw new Problem('notFound', t.flavorAccessNotFound, { id: flavorId, project: projectId });
}

function toFlavor(row: FlavorRow): Flavor {
  return { ...row, isPublic: row.isPublic === 1, extraSpecs: JSON.parse(row.extraSpecs) as Record<string, string> };
}

/** What a new cloud offers; nothing is added once there are flavors. */
export async function seedFlavors(tx: Tx): Promise<void> {
  const any = await table(tx).selectFrom('computeFlavors').select('id').limit(1).executeTakeFirst();
  if (any) return;
  const sizes: [id: string, name: string, vcpus: number, memoryMib: number, diskGib: number][] = [
    ['tiny', 'tiny', 1, 256, 1],
    ['42', 'm1.nano', 1, 128, 1],
    ['1', 'm1.tiny', 1, 512, 1],
    ['2', 'm1.small', 1, 2048, 20],
    ['3', 'm1.medium', 2, 4096, 40],
    ['4', 'm1.large', 4, 8192, 80],
    ['5', 'm1.xlarge', 8, 16_384, 160],
  ];
  for (const [id, name, vcpus, memoryMib, diskGib] of sizes)
    await insertFlavor(tx, {
      id,
      name,
      vcpus,
      memoryMib,
      diskGib,
      ephemeralGib: 0,
      swapMib: 0,
      rxtxFactor: 1,
      isPublic: true,
      description: null,
      extraSpecs: {},
    });
}
