// Allocations of consumers, usages of projects. API: Placement, "Allocations", "Usages", "Reshaper".

import { now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Microversion, since } from '#/platform/http/endpoint.ts';
import {
  any,
  array,
  integer,
  mapOf,
  nullable,
  object,
  optional,
  string,
  type TSchema,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  allocationsOfConsumer,
  dropConsumer,
  findConsumer,
  putConsumer,
  replaceAllocations,
  type Resources,
} from '#/services/placement/allocations/allocation.store.ts';
import { adminOrService, anyQuery, dated, valueOf } from '#/services/placement/page.ts';
import { findProvider } from '#/services/placement/providers/provider.store.ts';
import { checkKnownClasses } from '#/services/placement/resource-classes/resource-class.store.ts';
import { tables } from '#/services/placement/tables.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';

const uuidPattern = '^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$';
const uuid = string({ pattern: uuidPattern });
const owner = string({ min: 1, max: 255 });
const resources = mapOf(integer({ min: 1, max: 2_147_483_647 }), { key: '^[A-Z0-9_]{1,255}$' });
const mappings = optional(mapOf(array(uuid, { min: 1 })));
const consumerType = string({ pattern: '^[A-Z0-9_]{1,255}$' });
const consumerGeneration = nullable(integer());

const byList = array(object({ resource_provider: object({ uuid }), resources }), { min: 1 });
const byProvider = (more: { key: string }): TSchema =>
  mapOf(object({ resources, generation: optional(integer()) }), more);
const keyed = byProvider({ key: uuidPattern });
const owners = { project_id: owner, user_id: owner };
const since128 = { ...owners, consumer_generation: consumerGeneration };

interface Ask {
  allocations:
    | Record<string, { resources: Resources }>
    | { resource_provider: { uuid: string }; resources: Resources }[];
  project_id?: string;
  user_id?: string;
  consumer_generation?: number | null;
  consumer_type?: string;
}

const unknownOwner = '00000000-0000-0000-0000-000000000000';

/** Puts one consumer's allocations. @throws Problem conflict, invalid */
async function put(tx: Tx, consumerId: string, ask: Ask, version: Microversion): Promise<void> {
  const id = consumerId.toLowerCase();
  const known = await findConsumer(tx, id);
  if (since(version, '1.28')) {
    const given = ask.consumer_generation ?? null;
    const current = known?.generation ?? null;
    if (given !== current) throw new Problem('conflict', t.consumerConflict, { id, current, given });
  }
  const wanted = new Map<string, Resources>();
  const entries: [string, Resources][] = Array.isArray(ask.allocations)
    ? ask.allocations.map(one => [one.resource_provider.uuid, one.resources])
    : Object.entries(ask.allocations).map(([provider, one]) => [provider, one.resources]);
  for (const [provider, amounts] of entries) {
    const providerId = provider.toLowerCase();
    if (!(await findProvider(tx, providerId))) throw new Problem('invalid', t.unknownProvider, { id: providerId });
    await checkKnownClasses(tx, Object.keys(amounts));
    wanted.set(providerId, amounts);
  }
  if (wanted.size === 0) {
    if (known) await dropConsumer(tx, id);
    return;
  }
  await putConsumer(tx, {
    id,
    projectId: ask.project_id ?? known?.projectId ?? unknownOwner,
    userId: ask.user_id ?? known?.userId ?? unknownOwner,
    type: ask.consumer_type ?? known?.type ?? 'unknown',
  });
  await replaceAllocations(tx, id, wanted);
}

const show = endpoint({
  policy: 'placement:allocations:list',
  allow: adminOrService,
  route: 'GET /allocations/{consumer_uuid}',
  replies: { 200: mapOf(any()) },
  async handle({ tx, path, version }) {
    const id = path['consumer_uuid']!.toLowerCase();
    const rows = await tables(tx)
      .selectFrom('allocations')
      .innerJoin('resourceProviders', 'resourceProviders.id', 'allocations.providerId')
      .select(['providerId', 'resourceClass', 'used', 'generation'])
      .where('consumerId', '=', id)
      .execute();
    const allocations: Record<string, { resources: Resources; generation: number }> = {};
    for (const { providerId, resourceClass, used, generation } of rows)
      (allocations[providerId] ??= { resources: {}, generation }).resources[resourceClass] = used;
    const consumer = await findConsumer(tx, id);
    const about: Record<string, unknown> = {};
    if (consumer && since(version, '1.12'))
      Object.assign(about, { project_id: consumer.projectId, user_id: consumer.userId });
    if (consumer && since(version, '1.28')) about['consumer_generation'] = consumer.generation;
    if (consumer && since(version, '1.38')) about['consumer_type'] = consumer.type;
    return dated(version, now(tx), { 200: { allocations, ...about } });
  },
});

const update = endpoint({
  policy: 'placement:allocations:update',
  allow: adminOrService,
  route: 'PUT /allocations/{consumer_uuid}',
  body: {
    '1.0': object({ allocations: byList }),
    '1.8': object({ allocations: byList, ...owners }),
    '1.12': object({ allocations: keyed, ...owners }),
    '1.28': object({ allocations: keyed, ...since128 }),
    '1.34': object({ allocations: keyed, ...since128, mappings }),
    '1.38': object({ allocations: keyed, ...since128, mappings, consumer_type: consumerType }),
  },
  replies: { 204: null },
  async handle({ tx, path, body, version }) {
    const id = path['consumer_uuid']!;
    if (!new RegExp(uuidPattern).test(id)) throw new Problem('invalid', t.allocationsNotFound, { id: id.slice(0, 80) });
    const ask = body as Ask;
    if (!since(version, '1.28') && !Array.isArray(ask.allocations) && Object.keys(ask.allocations).length === 0)
      throw new Problem('invalid', t.allocationsNotFound, { id });
    await put(tx, id, ask, version);
    return { 204: undefined };
  },
});

const remove = endpoint({
  policy: 'placement:allocations:delete',
  allow: adminOrService,
  route: 'DELETE /allocations/{consumer_uuid}',
  replies: { 204: null },
  async handle({ tx, path }) {
    const id = path['consumer_uuid']!.toLowerCase();
    if ((await allocationsOfConsumer(tx, id)).length === 0)
      throw new Problem('notFound', t.allocationsNotFound, { id: id.slice(0, 80) });
    await dropConsumer(tx, id);
    return { 204: undefined };
  },
});

const perConsumer = (fields: Record<string, TSchema>) => mapOf(object(fields), { key: uuidPattern });

const manage = endpoint({
  policy: 'placement:allocations:manage',
  allow: adminOrService,
  versions: '1.13-',
  route: 'POST /allocations',
  body: {
    '1.13': perConsumer({ allocations: keyed, ...owners }),
    '1.28': perConsumer({ allocations: keyed, ...since128 }),
    '1.34': perConsumer({ allocations: keyed, ...since128, mappings }),
    '1.38': perConsumer({ allocations: keyed, ...since128, mappings, consumer_type: consumerType }),
  },
  replies: { 204: null },
  async handle({ tx, body, version }) {
    // What is freed comes first, so that it can be taken in the same request.
    const asks = Object.entries(body as Record<string, Ask>).toSorted(
      ([, a], [, b]) => Object.keys(a.allocations).length - Object.keys(b.allocations).length,
    );
    for (const [id, ask] of asks) await put(tx, id, ask, version);
    return { 204: undefined };
  },
});

const usages = endpoint({
  policy: 'placement:usages',
  allow: 'role:admin or (role:reader and project_id:%(project_id)s) or role:service',
  versions: '1.9-',
  route: 'GET /usages',
  query: anyQuery,
  replies: { 200: object({ usages: mapOf(any()) }) },
  async handle({ tx, query, caller, policy, version }) {
    const projectId = valueOf(query, 'project_id');
    if (!projectId) throw new Problem('invalid', t.missingQuery, { where: 'project_id' });
    if (!policy.allows('placement:usages', caller.credentials, { project_id: projectId }))
      throw new Problem('forbidden', t.missingQuery, { where: 'project_id' });
    const userId = valueOf(query, 'user_id');
    let select = tables(tx)
      .selectFrom('allocations')
      .innerJoin('consumers', 'consumers.id', 'allocations.consumerId')
      .select(['consumers.id', 'type', 'resourceClass', 'used'])
      .where('projectId', '=', projectId);
    if (userId) select = select.where('userId', '=', userId);
    const rows = await select.execute();
    const add = (into: Resources, resourceClass: string, used: number): void => {
      into[resourceClass] = (into[resourceClass] ?? 0) + used;
    };
    if (!since(version, '1.38')) {
      const all: Resources = {};
      for (const { resourceClass, used } of rows) add(all, resourceClass, used);
      return dated(version, now(tx), { 200: { usages: all } });
    }
    const asked = valueOf(query, 'consumer_type') ?? '';
    const groups: Record<string, Resources> = {};
    const consumers = new Map<string, Set<string>>();
    for (const { id, type, resourceClass, used } of rows) {
      if (asked !== '' && asked !== 'all' && asked !== type) continue;
      const group = asked === 'all' ? 'all' : type;
      add((groups[group] ??= {}), resourceClass, used);
      consumers.set(group, (consumers.get(group) ?? new Set()).add(id));
    }
    for (const [group, ids] of consumers) groups[group]!['consumer_count'] = ids.size;
    return dated(version, now(tx), { 200: { usages: groups } });
  },
});

export const allocationEndpoints = [show, update, remove, manage, usages];
