// Resource providers, their aggregates. API: Placement, "Resource providers", "Resource provider aggregates".

import { newId, now } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type Microversion, since } from '#/platform/http/endpoint.ts';
import { any, array, mapOf, nullable, object, open, optional, string, integer } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { fitsInventory } from '#/services/placement/inventories/inventory.rules.ts';
import { usedInventories } from '#/services/placement/inventories/inventory.store.ts';
import {
  adminOrService,
  anyQuery,
  badQuery,
  checkNames,
  dated,
  fitsMembership,
  isUuid,
  readMembership,
  readResources,
  readTraits,
  valueOf,
} from '#/services/placement/page.ts';
import {
  aggregatesOf,
  bump,
  deleteProvider,
  findParent,
  findProvider,
  insertProvider,
  listProviders,
  replaceAggregates,
  subtreeOf,
  traitsOf,
  updateProvider,
} from '#/services/placement/providers/provider.store.ts';
import { checkKnownClasses } from '#/services/placement/resource-classes/resource-class.store.ts';
import { checkKnownTraits } from '#/services/placement/traits/trait.store.ts';
import { type ProviderRow, tables } from '#/services/placement/tables.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';

export const aProvider: Finder<ProviderRow> = {
  find: ({ tx, path }) => findProvider(tx, path['uuid']!.toLowerCase()),
  missing: path => new Problem('notFound', t.providerNotFound, { id: path['uuid']!.slice(0, 80) }),
  target: () => ({}),
  visible: () => true,
};

const uuid = string({ pattern: '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$' });
const wireProvider = mapOf(any());

function toView(row: ProviderRow, version: Microversion): Record<string, unknown> {
  const self = `/placement/resource_providers/${row.id}`;
  const rels = ['aggregates', 'inventories', 'usages'];
  if (since(version, '1.6')) rels.push('traits');
  if (since(version, '1.11')) rels.push('allocations');
  if (!since(version, '1.1')) rels.shift();
  const links = [{ rel: 'self', href: self }, ...rels.map(rel => ({ rel, href: `${self}/${rel}` }))];
  const tree = { parent_provider_uuid: row.parentId, root_provider_uuid: row.rootId };
  return {
    uuid: row.id,
    name: row.name,
    generation: row.generation,
    ...(since(version, '1.14') ? tree : {}),
    links,
  };
}

const list = endpoint({
  policy: 'placement:resource_providers:list',
  allow: adminOrService,
  route: 'GET /resource_providers',
  query: anyQuery,
  replies: { 200: object({ resource_providers: array(wireProvider) }) },
  async handle({ tx, query, version }) {
    checkNames(query, name => {
      if (name === 'name' || name === 'uuid') return true;
      if (name === 'member_of') return since(version, '1.3');
      if (name === 'resources') return since(version, '1.4');
      if (name === 'in_tree') return since(version, '1.14');
      return name === 'required' && since(version, '1.18');
    });
    const id = valueOf(query, 'uuid')?.toLowerCase();
    if (id !== undefined && !isUuid(id)) throw badQuery('uuid', 'it must be a UUID');
    const inTree = valueOf(query, 'in_tree');
    if (inTree !== undefined && !isUuid(inTree)) throw badQuery('in_tree', 'it must be a UUID');
    const rootId = inTree === undefined ? undefined : ((await findProvider(tx, inTree))?.rootId ?? 'none');
    let rows = await listProviders(tx, { name: valueOf(query, 'name'), id, rootId });
    if (query['member_of'] !== undefined) {
      const asked = readMembership(query, 'member_of', version);
      const aggregates = await aggregatesOf(tx);
      rows = rows.filter(row => fitsMembership(asked, aggregates.get(row.id) ?? []));
    }
    if (query['required'] !== undefined) {
      const asked = readTraits(query, 'required', version);
      await checkKnownTraits(tx, [...asked.any.flat(), ...asked.none]);
      const traits = await traitsOf(tx);
      rows = rows.filter(row => fitsMembership(asked, traits.get(row.id) ?? []));
    }
    const resources = valueOf(query, 'resources');
    if (resources !== undefined) {
      const need = readResources('resources', resources);
      await checkKnownClasses(tx, Object.keys(need));
      const inventories = await usedInventories(tx, { resourceClasses: Object.keys(need) });
      rows = rows.filter(row =>
        Object.entries(need).every(([resourceClass, amount]) =>
          inventories.some(
            one =>
              one.providerId === row.id && one.resourceClass === resourceClass && fitsInventory(one, one.used, amount),
          ),
        ),
      );
    }
    const newest = rows.reduce((at, row) => (row.updatedAt > at ? row.updatedAt : at), '') || now(tx);
    return dated(version, newest, { 200: { resource_providers: rows.map(row => toView(row, version)) } });
  },
});

const create = endpoint({
  policy: 'placement:resource_providers:create',
  allow: adminOrService,
  route: 'POST /resource_providers',
  body: {
    '1.0': object({ name: string({ min: 1, max: 200 }), uuid: optional(uuid) }),
    '1.14': object({
      name: string({ min: 1, max: 200 }),
      uuid: optional(uuid),
      parent_provider_uuid: optional(nullable(uuid)),
    }),
  },
  replies: { 200: wireProvider, 201: null },
  async handle({ tx, body, version, request }) {
    const ask = body as { name: string; uuid?: string; parent_provider_uuid?: string | null };
    const id = ask.uuid?.toLowerCase() ?? newId(tx);
    const row = await insertProvider(tx, { id, name: ask.name, parentId: ask.parent_provider_uuid ?? null });
    const headers = { location: `${request.base}/resource_providers/${id}` };
    if (!since(version, '1.20')) return { 201: undefined, headers };
    return dated(version, row.updatedAt, { 200: toView(row, version), headers });
  },
});

const show = endpoint({
  policy: 'placement:resource_providers:show',
  allow: adminOrService,
  route: 'GET /resource_providers/{uuid}',
  find: aProvider,
  replies: { 200: wireProvider },
  handle: async ({ found, version }) => dated(version, found.updatedAt, { 200: toView(found, version) }),
});

const update = endpoint({
  policy: 'placement:resource_providers:update',
  allow: adminOrService,
  route: 'PUT /resource_providers/{uuid}',
  find: aProvider,
  body: {
    '1.0': object({ name: string({ min: 1, max: 200 }) }),
    '1.14': object({ name: string({ min: 1, max: 200 }), parent_provider_uuid: optional(nullable(uuid)) }),
  },
  replies: { 200: wireProvider },
  async handle({ tx, found, body, version }) {
    const ask = body as { name: string; parent_provider_uuid?: string | null };
    const { id } = found;
    const same = await listProviders(tx, { name: ask.name });
    if (same.some(row => row.id !== id)) throw new Problem('conflict', t.nameTaken, { name: ask.name, id });
    await updateProvider(tx, id, { name: ask.name });
    const parentId = ask.parent_provider_uuid;
    if (parentId !== undefined && parentId !== found.parentId) {
      if (found.parentId !== null && !since(version, '1.37')) throw new Problem('invalid', t.parentFixed, { id });
      const below = await subtreeOf(tx, found);
      const parent = parentId === null ? null : await findParent(tx, parentId);
      if (parent && below.some(row => row.id === parent.id)) throw new Problem('invalid', t.parentLoop, { id });
      await updateProvider(tx, id, { parentId });
      for (const row of below) await updateProvider(tx, row.id, { rootId: parent?.rootId ?? id });
    }
    const row = (await findProvider(tx, id))!;
    return dated(version, row.updatedAt, { 200: toView(row, version) });
  },
});

const remove = endpoint({
  policy: 'placement:resource_providers:delete',
  allow: adminOrService,
  route: 'DELETE /resource_providers/{uuid}',
  find: aProvider,
  replies: { 204: null },
  async handle({ tx, found }) {
    await deleteProvider(tx, found.id);
    return { 204: undefined };
  },
});

const aggregatesView = open({ aggregates: array(string()), resource_provider_generation: optional(integer()) });

const listAggregates = endpoint({
  policy: 'placement:resource_providers:aggregates:list',
  allow: adminOrService,
  versions: '1.1-',
  route: 'GET /resource_providers/{uuid}/aggregates',
  find: aProvider,
  replies: { 200: aggregatesView },
  async handle({ tx, found, version }) {
    const aggregates = (await aggregatesOf(tx, [found.id])).get(found.id) ?? [];
    const generation = since(version, '1.19') ? { resource_provider_generation: found.generation } : {};
    return dated(version, found.updatedAt, { 200: { aggregates, ...generation } });
  },
});

const putAggregates = endpoint({
  policy: 'placement:resource_providers:aggregates:update',
  allow: adminOrService,
  versions: '1.1-',
  route: 'PUT /resource_providers/{uuid}/aggregates',
  find: aProvider,
  body: {
    '1.0': array(uuid, { unique: true }),
    '1.19': object({ aggregates: array(uuid, { unique: true }), resource_provider_generation: integer() }),
  },
  replies: { 200: aggregatesView },
  async handle({ tx, found, body, version }) {
    const late = since(version, '1.19');
    const ask = body as string[] | { aggregates: string[]; resource_provider_generation: number };
    const aggregates = Array.isArray(ask) ? ask : ask.aggregates;
    const given = Array.isArray(ask) ? undefined : ask.resource_provider_generation;
    const generation = late ? await bump(tx, found.id, given) : found.generation;
    await replaceAggregates(tx, found.id, aggregates);
    const kept = (await aggregatesOf(tx, [found.id])).get(found.id) ?? [];
    return dated(version, now(tx), {
      200: { aggregates: kept, ...(late ? { resource_provider_generation: generation } : {}) },
    });
  },
});

const usages = endpoint({
  policy: 'placement:resource_providers:usages',
  allow: adminOrService,
  route: 'GET /resource_providers/{uuid}/usages',
  find: aProvider,
  replies: { 200: object({ resource_provider_generation: integer(), usages: mapOf(integer()) }) },
  async handle({ tx, found, version }) {
    const rows = await usedInventories(tx, { providerIds: [found.id] });
    const used = Object.fromEntries(rows.map(row => [row.resourceClass, row.used]));
    return dated(version, now(tx), { 200: { resource_provider_generation: found.generation, usages: used } });
  },
});

const providerAllocations = endpoint({
  policy: 'placement:resource_providers:allocations:list',
  allow: adminOrService,
  route: 'GET /resource_providers/{uuid}/allocations',
  find: aProvider,
  replies: { 200: object({ allocations: mapOf(any()), resource_provider_generation: integer() }) },
  async handle({ tx, found, version }) {
    const rows = await tables(tx)
      .selectFrom('allocations')
      .innerJoin('consumers', 'consumers.id', 'allocations.consumerId')
      .select(['consumerId', 'resourceClass', 'used', 'generation'])
      .where('providerId', '=', found.id)
      .orderBy('consumerId')
      .execute();
    const allocations: Record<string, { resources: Record<string, number>; consumer_generation?: number }> = {};
    for (const { consumerId, resourceClass, used, generation } of rows) {
      const entry = (allocations[consumerId] ??= {
        resources: {},
        ...(since(version, '1.28') ? { consumer_generation: generation } : {}),
      });
      entry.resources[resourceClass] = used;
    }
    return dated(version, now(tx), { 200: { allocations, resource_provider_generation: found.generation } });
  },
});

export const providerEndpoints = [
  list,
  create,
  show,
  update,
  remove,
  listAggregates,
  putAggregates,
  usages,
  providerAllocations,
];
