// Allocation candidates: which providers could take a request now. API: Placement, "Allocation candidates".

import { now, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Microversion, type Query, since } from '#/platform/http/endpoint.ts';
import { any, array, mapOf, object } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import {
  type Candidate,
  type CandidateAsk,
  type Cloud,
  findCandidates,
  type RequestGroup,
} from '#/services/placement/candidates/candidate.rules.ts';
import { capacityOf } from '#/services/placement/inventories/inventory.rules.ts';
import { type UsedInventory, usedInventories } from '#/services/placement/inventories/inventory.store.ts';
import {
  adminOrService,
  anyQuery,
  badQuery,
  checkNames,
  dated,
  isUuid,
  readMembership,
  readResources,
  readTraits,
  valueOf,
} from '#/services/placement/page.ts';
import { aggregatesOf, findProvider, listProviders, traitsOf } from '#/services/placement/providers/provider.store.ts';
import { checkKnownClasses } from '#/services/placement/resource-classes/resource-class.store.ts';
import { checkKnownTraits } from '#/services/placement/traits/trait.store.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';

const suffixed = /^(resources|required|member_of|in_tree)([a-zA-Z0-9_-]{1,64})$/;

const list = endpoint({
  policy: 'placement:allocation_candidates:list',
  allow: adminOrService,
  versions: '1.10-',
  route: 'GET /allocation_candidates',
  query: anyQuery,
  replies: { 200: object({ allocation_requests: array(mapOf(any())), provider_summaries: mapOf(any()) }) },
  async handle({ tx, query, version }) {
    const ask = await readAsk(tx, query, version);
    const cloud = await readCloud(tx);
    const candidates = findCandidates(cloud, ask);
    return dated(version, now(tx), {
      200: {
        allocation_requests: candidates.map(one => requestView(one, version)),
        provider_summaries: summaries(cloud, candidates, ask, version),
      },
    });
  },
});

async function readAsk(tx: Tx, query: Query, version: Microversion): Promise<CandidateAsk> {
  checkNames(query, name => known(name, version));
  const suffixes = new Set<string>();
  if (query['resources'] !== undefined) suffixes.add('');
  for (const name of Object.keys(query)) {
    const match = suffixed.exec(name);
    if (match?.[1] === 'resources') suffixes.add(match[2]!);
  }
  if (suffixes.size === 0) throw new Problem('invalid', t.missingQuery, { where: 'resources' });
  for (const name of Object.keys(query)) {
    const match = suffixed.exec(name);
    if (match && name !== 'member_of' && name !== 'in_tree' && !suffixes.has(match[2]!))
      throw badQuery(name, `there is no resources${match[2]!}`);
  }
  const groups: RequestGroup[] = [];
  for (const suffix of suffixes) groups.push(await readGroup(tx, query, suffix, version));
  const policy = valueOf(query, 'group_policy');
  if (policy !== undefined && policy !== 'none' && policy !== 'isolate')
    throw badQuery('group_policy', 'it must be none or isolate');
  if (policy === undefined && groups.filter(group => group.suffix !== '').length > 1)
    throw badQuery('group_policy', 'it is needed with more than one group');
  const limit = valueOf(query, 'limit');
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) throw badQuery('limit', 'it must be a positive integer');
  const rootTraits = readTraits(query, 'root_required', version);
  await checkKnownTraits(tx, [...rootTraits.any.flat(), ...rootTraits.none]);
  return { groups, isolate: policy === 'isolate', rootTraits, limit: limit === undefined ? null : Number(limit) };
}

function known(name: string, version: Microversion): boolean {
  if (name === 'resources') return true;
  if (name === 'limit') return since(version, '1.16');
  if (name === 'required') return since(version, '1.17');
  if (name === 'member_of') return since(version, '1.21');
  if (name === 'in_tree') return since(version, '1.31');
  if (name === 'group_policy') return since(version, '1.25');
  if (name === 'root_required') return since(version, '1.35');
  const suffix = suffixed.exec(name)?.[2];
  if (suffix === undefined) return false;
  return since(version, '1.33') || (since(version, '1.25') && /^[1-9]\d*$/.test(suffix));
}

async function readGroup(tx: Tx, query: Query, suffix: string, version: Microversion): Promise<RequestGroup> {
  const resources = readResources(`resources${suffix}`, valueOf(query, `resources${suffix}`) ?? '');
  await checkKnownClasses(tx, Object.keys(resources));
  const traits = readTraits(query, `required${suffix}`, version);
  await checkKnownTraits(tx, [...traits.any.flat(), ...traits.none]);
  const tree = valueOf(query, `in_tree${suffix}`);
  if (tree !== undefined && !isUuid(tree)) throw badQuery(`in_tree${suffix}`, 'it must be a UUID');
  return {
    suffix,
    resources,
    traits,
    aggregates: readMembership(query, `member_of${suffix}`, version),
    inTree: tree === undefined ? null : ((await findProvider(tx, tree))?.rootId ?? 'none'),
  };
}

async function readCloud(tx: Tx): Promise<Cloud> {
  const inventories = new Map<string, UsedInventory[]>();
  for (const row of await usedInventories(tx)) {
    const own = inventories.get(row.providerId);
    if (own) own.push(row);
    else inventories.set(row.providerId, [row]);
  }
  return {
    providers: await listProviders(tx),
    inventories,
    traits: await traitsOf(tx),
    aggregates: await aggregatesOf(tx),
  };
}

function requestView({ allocations, mappings }: Candidate, version: Microversion): Record<string, unknown> {
  const entries = [...allocations].filter(([, resources]) => Object.keys(resources).length > 0);
  if (!since(version, '1.12'))
    return { allocations: entries.map(([uuid, resources]) => ({ resource_provider: { uuid }, resources })) };
  return {
    allocations: Object.fromEntries(entries.map(([uuid, resources]) => [uuid, { resources }])),
    ...(since(version, '1.34') ? { mappings: Object.fromEntries(mappings) } : {}),
  };
}

function summaries(cloud: Cloud, candidates: Candidate[], ask: CandidateAsk, version: Microversion) {
  const wholeTrees = since(version, '1.29');
  const used = new Set(candidates.flatMap(({ allocations }) => [...allocations.keys()]));
  const roots = new Set(cloud.providers.filter(({ id }) => used.has(id)).map(({ rootId }) => rootId));
  const asked = new Set(ask.groups.flatMap(group => Object.keys(group.resources)));
  const shown = cloud.providers.filter(({ id, rootId }) => used.has(id) || (wholeTrees && roots.has(rootId)));
  return Object.fromEntries(
    shown.map(provider => {
      const rows = (cloud.inventories.get(provider.id) ?? []).filter(
        row => since(version, '1.27') || asked.has(row.resourceClass),
      );
      const resources = Object.fromEntries(
        rows.map(row => [row.resourceClass, { capacity: capacityOf(row), used: row.used }]),
      );
      const traits = since(version, '1.17') ? { traits: cloud.traits.get(provider.id) ?? [] } : {};
      const tree = wholeTrees ? { parent_provider_uuid: provider.parentId, root_provider_uuid: provider.rootId } : {};
      return [provider.id, { resources, ...traits, ...tree }];
    }),
  );
}

export const candidateEndpoints = [list];
