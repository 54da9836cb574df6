// Inventories of a provider. API: Placement, "Resource provider inventories".

import { now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Microversion, since } from '#/platform/http/endpoint.ts';
import { any, integer, mapOf, number, object, optional, type Static, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { largestUnit } from '#/services/placement/inventories/inventory.rules.ts';
import {
  classesInUse,
  inventoriesOf,
  putInventory,
  removeInventory,
  replaceInventories,
} from '#/services/placement/inventories/inventory.store.ts';
import { adminOrService, dated } from '#/services/placement/page.ts';
import { aProvider } from '#/services/placement/providers/provider.api.ts';
import { bump } from '#/services/placement/providers/provider.store.ts';
import { checkKnownClasses } from '#/services/placement/resource-classes/resource-class.store.ts';
import type { InventoryRow } from '#/services/placement/tables.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';

const fields = {
  total: integer({ min: 1, max: largestUnit }),
  reserved: optional(integer({ min: 0, max: largestUnit })),
  min_unit: optional(integer({ min: 1, max: largestUnit })),
  max_unit: optional(integer({ min: 1, max: largestUnit })),
  step_size: optional(integer({ min: 1, max: largestUnit })),
  allocation_ratio: optional(number({ min: 0, max: 3.40282e38 })),
};
const oneInventory = object(fields);
const generation = integer();
const className = '^[A-Z0-9_]{1,255}$';

type Ask = Static<typeof oneInventory>;

function toRow(providerId: string, resourceClass: string, ask: Ask, version: Microversion): InventoryRow {
  const { total, reserved = 0 } = ask;
  // Since 1.26 all of it may be reserved.
  if (reserved > total || (reserved === total && !since(version, '1.26')))
    throw new Problem('invalid', t.inventoryInvalid, { resourceClass, id: providerId, total, reserved });
  return {
    providerId,
    resourceClass,
    total,
    reserved,
    minUnit: ask.min_unit ?? 1,
    maxUnit: ask.max_unit ?? largestUnit,
    stepSize: ask.step_size ?? 1,
    allocationRatio: ask.allocation_ratio ?? 1,
  };
}

function toView(row: InventoryRow): Record<string, number> {
  return {
    total: row.total,
    reserved: row.reserved,
    min_unit: row.minUnit,
    max_unit: row.maxUnit,
    step_size: row.stepSize,
    allocation_ratio: row.allocationRatio,
  };
}

async function allView(tx: Tx, id: string, at: number) {
  const rows = await inventoriesOf(tx, id);
  return {
    resource_provider_generation: at,
    inventories: Object.fromEntries(rows.map(row => [row.resourceClass, toView(row)])),
  };
}

/** @throws Problem conflict when one of these classes is in use */
async function checkUnused(tx: Tx, id: string, classes: string[]): Promise<void> {
  const used = await classesInUse(tx, id);
  const held = classes.find(resourceClass => used.has(resourceClass));
  if (held) throw new Problem('conflict', t.inventoryInUse, { id, resourceClass: held });
}

const listAll = endpoint({
  policy: 'placement:resource_providers:inventories:list',
  allow: adminOrService,
  route: 'GET /resource_providers/{uuid}/inventories',
  find: aProvider,
  replies: { 200: mapOf(any()) },
  handle: async ({ tx, found, version }) =>
    dated(version, now(tx), { 200: await allView(tx, found.id, found.generation) }),
});

const replaceAll = endpoint({
  policy: 'placement:resource_providers:inventories:update',
  allow: adminOrService,
  route: 'PUT /resource_providers/{uuid}/inventories',
  find: aProvider,
  body: object({ resource_provider_generation: generation, inventories: mapOf(oneInventory, { key: className }) }),
  replies: { 200: mapOf(any()) },
  async handle({ tx, found, body, version }) {
    const { id } = found;
    const at = await bump(tx, id, body.resource_provider_generation);
    const wanted = Object.entries(body.inventories);
    await checkKnownClasses(
      tx,
      wanted.map(([resourceClass]) => resourceClass),
    );
    const rows = wanted.map(([resourceClass, ask]) => toRow(id, resourceClass, ask, version));
    const before = await inventoriesOf(tx, id);
    const gone = before.map(row => row.resourceClass).filter(resourceClass => !(resourceClass in body.inventories));
    await checkUnused(tx, id, gone);
    await replaceInventories(tx, id, rows);
    return dated(version, now(tx), { 200: await allView(tx, id, at) });
  },
});

const removeAll = endpoint({
  policy: 'placement:resource_providers:inventories:delete',
  allow: adminOrService,
  versions: '1.5-',
  route: 'DELETE /resource_providers/{uuid}/inventories',
  find: aProvider,
  replies: { 204: null },
  async handle({ tx, found }) {
    const before = await inventoriesOf(tx, found.id);
    await checkUnused(
      tx,
      found.id,
      before.map(row => row.resourceClass),
    );
    await replaceInventories(tx, found.id, []);
    await bump(tx, found.id);
    return { 204: undefined };
  },
});

const createOne = endpoint({
  policy: 'placement:resource_providers:inventories:create',
  allow: adminOrService,
  route: 'POST /resource_providers/{uuid}/inventories',
  find: aProvider,
  body: object({ ...fields, resource_class: string({ pattern: className }) }),
  replies: { 201: mapOf(any()) },
  async handle({ tx, found, body, version, request }) {
    const { resource_class: resourceClass, ...ask } = body;
    await checkKnownClasses(tx, [resourceClass]);
    if ((await inventoriesOf(tx, found.id)).some(row => row.resourceClass === resourceClass))
      throw new Problem('conflict', t.inventoryInUse, { id: found.id, resourceClass });
    const row = toRow(found.id, resourceClass, ask, version);
    await putInventory(tx, row);
    const at = await bump(tx, found.id);
    const headers = { location: `${request.base}/resource_providers/${found.id}/inventories/${resourceClass}` };
    return dated(version, now(tx), { 201: { resource_provider_generation: at, ...toView(row) }, headers });
  },
});

const showOne = endpoint({
  policy: 'placement:resource_providers:inventories:show',
  allow: adminOrService,
  route: 'GET /resource_providers/{uuid}/inventories/{resource_class}',
  find: aProvider,
  replies: { 200: mapOf(any()) },
  async handle({ tx, found, path, version }) {
    const resourceClass = path['resource_class']!;
    const row = (await inventoriesOf(tx, found.id)).find(one => one.resourceClass === resourceClass);
    if (!row) throw noInventory(found.id, resourceClass);
    return dated(version, now(tx), { 200: { resource_provider_generation: found.generation, ...toView(row) } });
  },
});

const updateOne = endpoint({
  policy: 'placement:resource_providers:inventories:update',
  route: 'PUT /resource_providers/{uuid}/inventories/{resource_class}',
  find: aProvider,
  body: object({ ...fields, resource_provider_generation: generation }),
  replies: { 200: mapOf(any()) },
  async handle({ tx, found, path, body, version }) {
    const resourceClass = path['resource_class']!;
    const { resource_provider_generation: given, ...ask } = body;
    const at = await bump(tx, found.id, given);
    if (!(await inventoriesOf(tx, found.id)).some(row => row.resourceClass === resourceClass))
      throw new Problem('invalid', t.inventoryNotFound, { id: found.id, resourceClass: resourceClass.slice(0, 80) });
    const row = toRow(found.id, resourceClass, ask, version);
    await putInventory(tx, row);
    return dated(version, now(tx), { 200: { resource_provider_generation: at, ...toView(row) } });
  },
});

const removeOne = endpoint({
  policy: 'placement:resource_providers:inventories:delete',
  route: 'DELETE /resource_providers/{uuid}/inventories/{resource_class}',
  find: aProvider,
  replies: { 204: null },
  async handle({ tx, found, path }) {
    const resourceClass = path['resource_class']!;
    if (!(await inventoriesOf(tx, found.id)).some(row => row.resourceClass === resourceClass))
      throw noInventory(found.id, resourceClass);
    await checkUnused(tx, found.id, [resourceClass]);
    await removeInventory(tx, found.id, resourceClass);
    await bump(tx, found.id);
    return { 204: undefined };
  },
});

function noInventory(id: string, resourceClass: string): Problem {
  return new Problem('notFound', t.inventoryNotFound, { id, resourceClass: resourceClass.slice(0, 80) });
}

export const inventoryEndpoints = [listAll, replaceAll, removeAll, createOne, showOne, updateOne, removeOne];
