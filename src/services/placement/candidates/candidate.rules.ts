// Which sets of providers could take a request: every way to serve each group of it within one tree. Pure.

import { capacityOf, fitsInventory } from '#/services/placement/inventories/inventory.rules.ts';
import type { UsedInventory } from '#/services/placement/inventories/inventory.store.ts';
import { fitsMembership, type Membership } from '#/services/placement/page.ts';
import type { ProviderRow } from '#/services/placement/tables.ts';

export interface RequestGroup {
  /** Empty for the one without a suffix, whose classes may come from different providers of the tree. */
  suffix: string;
  resources: Record<string, number>;
  traits: Membership;
  aggregates: Membership;
  /** Root of the tree that it must be in. */
  inTree: string | null;
}

export interface CandidateAsk {
  groups: RequestGroup[];
  /** Groups with a suffix must be on different providers. */
  isolate: boolean;
  rootTraits: Membership;
  limit: number | null;
}

export interface Cloud {
  providers: ProviderRow[];
  inventories: Map<string, UsedInventory[]>;
  traits: Map<string, string[]>;
  aggregates: Map<string, string[]>;
}

export interface Candidate {
  /** Provider → what it would give. */
  allocations: Map<string, Record<string, number>>;
  /** Suffix → providers. */
  mappings: Map<string, string[]>;
}

/** How many ways are looked at before the search stops. */
const searched = 5_000;

export function findCandidates(cloud: Cloud, ask: CandidateAsk): Candidate[] {
  const trees = new Map<string, ProviderRow[]>();
  for (const provider of cloud.providers) {
    const tree = trees.get(provider.rootId);
    if (tree) tree.push(provider);
    else trees.set(provider.rootId, [provider]);
  }
  const found: Candidate[] = [];
  for (const [rootId, tree] of trees) {
    if (!fitsMembership(ask.rootTraits, cloud.traits.get(rootId) ?? [])) continue;
    const ways = waysInTree(cloud, ask, tree);
    found.push(...ways);
    if (ask.limit !== null && found.length >= ask.limit) return found.slice(0, ask.limit);
    if (found.length >= searched) break;
  }
  return found;
}

type Way = Record<string, Record<string, number>>;

function waysInTree(cloud: Cloud, ask: CandidateAsk, tree: ProviderRow[]): Candidate[] {
  const suffixes = ask.groups.map(group => group.suffix);
  const choices: Way[][] = ask.groups.map(group => waysOfGroup(cloud, group, tree));
  if (choices.some(ways => ways.length === 0)) return [];
  let combined: { way: Way; parts: Way[] }[] = [{ way: {}, parts: [] }];
  ask.groups.forEach((_group, at) => {
    const next: typeof combined = [];
    for (const { way, parts } of combined) {
      for (const choice of choices[at]!) {
        if (next.length >= searched) break;
        const sum = merge(way, choice);
        if (fitsAll(cloud, sum)) next.push({ way: sum, parts: [...parts, choice] });
      }
    }
    combined = next;
  });
  return combined
    .filter(({ parts }) => !ask.isolate || isolated(parts, suffixes))
    .map(({ way, parts }) => ({
      allocations: new Map(Object.entries(way)),
      mappings: new Map(parts.map((part, at) => [suffixes[at]!, Object.keys(part)])),
    }));
}

/** Every way for one group; classes of the group without a suffix may be spread over the tree. */
function waysOfGroup(cloud: Cloud, group: RequestGroup, tree: ProviderRow[]): Way[] {
  if (group.inTree !== null && tree[0]!.rootId !== group.inTree) return [];
  const classes = Object.entries(group.resources);
  if (group.suffix !== '') {
    return tree
      .filter(({ id }) => isAsked(cloud, group, id))
      .filter(({ id }) => classes.every(([resourceClass, amount]) => has(cloud, id, resourceClass, amount)))
      .map(({ id }) => ({ [id]: group.resources }));
  }
  // Spread over a tree, traits may come from any of its providers; aggregates of the root count for all.
  const rootId = tree[0]!.rootId;
  const own = (id: string): string[] => [...(cloud.aggregates.get(id) ?? []), ...(cloud.aggregates.get(rootId) ?? [])];
  let ways: Way[] = [{}];
  for (const [resourceClass, amount] of classes) {
    const givers = tree.filter(
      ({ id }) => has(cloud, id, resourceClass, amount) && fitsMembership(group.aggregates, own(id)),
    );
    ways = ways
      .flatMap(way => givers.map(({ id }) => merge(way, { [id]: { [resourceClass]: amount } })))
      .slice(0, searched);
  }
  return ways.filter(way => {
    const traits = Object.keys(way).flatMap(id => cloud.traits.get(id) ?? []);
    return fitsMembership(group.traits, traits);
  });
}

function isAsked(cloud: Cloud, group: RequestGroup, id: string): boolean {
  return (
    fitsMembership(group.traits, cloud.traits.get(id) ?? []) &&
    fitsMembership(group.aggregates, cloud.aggregates.get(id) ?? [])
  );
}

function has(cloud: Cloud, id: string, resourceClass: string, amount: number): boolean {
  const inventory = cloud.inventories.get(id)?.find(row => row.resourceClass === resourceClass);
  return inventory !== undefined && fitsInventory(inventory, inventory.used, amount);
}

function fitsAll(cloud: Cloud, way: Way): boolean {
  return Object.entries(way).every(([id, resources]) =>
    Object.entries(resources).every(([resourceClass, amount]) => {
      const inventory = cloud.inventories.get(id)?.find(row => row.resourceClass === resourceClass);
      return inventory !== undefined && inventory.used + amount <= capacityOf(inventory) && amount <= inventory.maxUnit;
    }),
  );
}

function isolated(parts: Way[], suffixes: string[]): boolean {
  const used = parts.flatMap((part, at) => (suffixes[at] === '' ? [] : Object.keys(part)));
  return new Set(used).size === used.length;
}

function merge(a: Way, b: Way): Way {
  const sum: Way = { ...a };
  for (const [id, resources] of Object.entries(b)) {
    const own: Record<string, number> = { ...sum[id] };
    for (const [resourceClass, amount] of Object.entries(resources))
      own[resourceClass] = (own[resourceClass] ?? 0) + amount;
    sum[id] = own;
  }
  return sum;
}
