// Flavors: the sizes that servers come in. API: Compute, "Flavors".

import { newId, type Tx } from '#/platform/database/tx.ts';
import { endpoint, type Finder, type Query } from '#/platform/http/endpoint.ts';
import {
  array,
  as,
  either,
  isTrue,
  looseBoolean,
  nullable,
  number,
  object,
  open,
  optional,
  string,
} from '#/platform/http/schema.ts';
import { nextLink, pageLimit, pageOf, sortKeys } from '#/platform/http/page.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { admin, anyone } from '#/services/compute/allow.ts';
import {
  changeFlavor,
  deleteFlavor,
  type Flavor,
  findFlavor,
  flavorsOf,
  insertFlavor,
  listFlavors,
} from '#/services/compute/flavors/flavor.store.ts';
import { flavorBrief, flavorSchema, flavorView } from '#/services/compute/flavors/flavor.view.ts';
import { t } from '#/services/compute/texts.ts';
import { looseInteger, name, one, toInteger } from '#/services/compute/wire.ts';

/** A flavor that the caller can use. Flavors belong to nobody: rules see the caller's own project. */
export const flavorFinder: Finder<Flavor & { callerProject: string | null; callerUser: string }> = {
  async find({ tx, path, caller }) {
    const flavor = await findFlavor(tx, caller, path['flavor_id']!);
    return flavor && { ...flavor, callerProject: caller.projectId, callerUser: caller.userId };
  },
  missing: path => new Problem('notFound', t.flavorNotFound, { id: path['flavor_id'] }),
  target: found => ({ project_id: found.callerProject, user_id: found.callerUser }),
  visible: () => true,
};

const specsRule = 'os_compute_api:os-flavor-extra-specs:index';

async function page(
  tx: Tx,
  asked: { query: Query; caller: Parameters<typeof findFlavor>[1] },
): Promise<{ rows: Flavor[]; more: boolean }> {
  const { query, caller } = asked;
  const wanted = one(query, 'is_public');
  if (wanted !== undefined && !/^(none|true|false|1|0|yes|no|on|off|t|f|y|n)$/i.test(wanted))
    throw new Problem('invalid', platformTexts.invalidQuery, {
      where: 'is_public',
      why: `'${wanted.slice(0, 40)}' is neither true, false nor none`,
    });
  // Only administrators see flavors that their project was not given.
  const all = caller.isAdmin && (wanted?.toLowerCase() === 'none' || (wanted !== undefined && !isTrue(wanted)));
  let flavors = all ? await listFlavors(tx) : await flavorsOf(tx, caller.projectId);
  if (caller.isAdmin && wanted !== undefined && wanted.toLowerCase() !== 'none')
    flavors = flavors.filter(flavor => flavor.isPublic === isTrue(wanted));
  else if (caller.isAdmin && wanted === undefined) flavors = flavors.filter(flavor => flavor.isPublic);
  const minDisk = minimum(query, 'minDisk');
  const minRam = minimum(query, 'minRam');
  flavors = flavors.filter(flavor => flavor.diskGib >= minDisk && flavor.memoryMib >= minRam);
  const keys: Record<string, keyof Flavor> = {
    flavorid: 'id',
    id: 'id',
    name: 'name',
    memory_mb: 'memoryMib',
    ram: 'memoryMib',
    vcpus: 'vcpus',
    root_gb: 'diskGib',
    disk: 'diskGib',
    ephemeral_gb: 'ephemeralGib',
    swap: 'swapMib',
    rxtx_factor: 'rxtxFactor',
    is_public: 'isPublic',
    created_at: 'createdAt',
    updated_at: 'updatedAt',
    description: 'description',
    disabled: 'id',
    vcpu_weight: 'id',
  };
  const sort = sortKeys<Flavor>(query, keys, [{ key: 'id', direction: 'asc' }]);
  // A bare sort_key sorts upwards here.
  if (query['sort_dir'] === undefined) for (const part of sort) part.direction = 'asc';
  return pageOf(flavors, { sort, marker: one(query, 'marker'), limit: pageLimit(query['limit']) });
}

function minimum(query: Query, key: string): number {
  const text = one(query, key);
  if (text === undefined) return 0;
  if (!/^-?\d{1,9}$/.test(text))
    throw new Problem('invalid', platformTexts.invalidQuery, {
      where: key,
      why: `'${text.slice(0, 40)}' is not a number`,
    });
  return Number(text);
}

const listReply = open({ flavors: array(flavorSchema) });

export const listFlavorsBrief = endpoint({
  policy: 'haneul:compute:flavors',
  allow: anyone,
  route: 'GET /v2.1/flavors',
  replies: { 200: listReply },
  async handle({ tx, query, caller, request, version }) {
    const { rows, more } = await page(tx, { query, caller });
    const links = more ? { flavors_links: [{ rel: 'next', href: nextLink(request, rows.at(-1)!.id) }] } : {};
    return { 200: { flavors: rows.map(flavor => flavorBrief(flavor, request, version)), ...links } };
  },
});

export const listFlavorsDetail = endpoint({
  policy: 'haneul:compute:flavors',
  route: 'GET /v2.1/flavors/detail',
  replies: { 200: listReply },
  async handle({ tx, query, caller, request, version, policy }) {
    const { rows, more } = await page(tx, { query, caller });
    const specs = policy.allows(specsRule, caller.credentials, { project_id: caller.projectId });
    const links = more ? { flavors_links: [{ rel: 'next', href: nextLink(request, rows.at(-1)!.id) }] } : {};
    return { 200: { flavors: rows.map(flavor => flavorView(flavor, request, version, specs)), ...links } };
  },
});

export const showFlavor = endpoint({
  policy: 'haneul:compute:flavors',
  route: 'GET /v2.1/flavors/{flavor_id}',
  find: flavorFinder,
  replies: { 200: object({ flavor: flavorSchema }) },
  async handle({ found, caller, request, version, policy }) {
    const specs = policy.allows(specsRule, caller.credentials, { project_id: caller.projectId });
    return { 200: { flavor: flavorView(found, request, version, specs) } };
  },
});

const description = nullable(string({ max: 65_535 }));

const fields = {
  name: name(),
  id: optional(either(name(), as<number | null>({ anyOf: [{ type: 'integer' }, { type: 'null' }] }))),
  ram: looseInteger({ min: 1, max: 2_147_483_647 }),
  vcpus: looseInteger({ min: 1, max: 2_147_483_647 }),
  disk: looseInteger({ min: 0, max: 2_147_483_647 }),
  'OS-FLV-EXT-DATA:ephemeral': optional(looseInteger({ min: 0, max: 2_147_483_647 })),
  swap: optional(looseInteger({ min: 0, max: 2_147_483_647 })),
  rxtx_factor: optional(either(number({ min: 0 }), string({ pattern: '^[0-9]{1,9}(\\.[0-9]{1,9})?$' }))),
  'os-flavor-access:is_public': optional(looseBoolean()),
};

export const createFlavor = endpoint({
  policy: 'os_compute_api:os-flavor-manage:create',
  allow: admin,
  route: 'POST /v2.1/flavors',
  body: {
    '2.1': object({ flavor: object(fields) }),
    '2.55': object({ flavor: object({ ...fields, description: optional(description) }) }),
  },
  replies: { 200: object({ flavor: flavorSchema }) },
  async handle({ tx, body, caller, request, version, policy }) {
    const ask = (body as { flavor: Ask }).flavor;
    const rxtxFactor = Number(ask.rxtx_factor ?? 1);
    if (!(rxtxFactor > 0 && rxtxFactor <= 3.4e38))
      throw new Problem('invalid', platformTexts.invalidBody, {
        where: 'flavor.rxtx_factor',
        why: 'it is not above 0',
      });
    const flavor = await insertFlavor(tx, {
      id: ask.id === undefined || ask.id === null || ask.id === 'auto' ? newId(tx) : String(ask.id),
      name: ask.name,
      memoryMib: toInteger(ask.ram, 'flavor.ram', 1),
      vcpus: toInteger(ask.vcpus, 'flavor.vcpus', 1),
      diskGib: toInteger(ask.disk, 'flavor.disk', 0),
      ephemeralGib: toInteger(ask['OS-FLV-EXT-DATA:ephemeral'] ?? 0, 'flavor.OS-FLV-EXT-DATA:ephemeral', 0),
      swapMib: toInteger(ask.swap ?? 0, 'flavor.swap', 0),
      rxtxFactor,
      isPublic: ask['os-flavor-access:is_public'] === undefined ? true : isTrue(ask['os-flavor-access:is_public']),
      description: ask.description ?? null,
      extraSpecs: {},
    });
    const specs = policy.allows(specsRule, caller.credentials, { project_id: caller.projectId });
    return { 200: { flavor: flavorView(flavor, request, version, specs) } };
  },
});

interface Ask {
  name: string;
  id?: string | number | null;
  ram: string | number;
  vcpus: string | number;
  disk: string | number;
  'OS-FLV-EXT-DATA:ephemeral'?: string | number;
  swap?: string | number;
  rxtx_factor?: string | number;
  'os-flavor-access:is_public'?: unknown;
  description?: string | null;
}

export const updateFlavor = endpoint({
  policy: 'os_compute_api:os-flavor-manage:update',
  allow: admin,
  route: 'PUT /v2.1/flavors/{flavor_id}',
  versions: '2.55-',
  find: flavorFinder,
  body: object({ flavor: object({ description }) }),
  replies: { 200: object({ flavor: flavorSchema }) },
  async handle({ tx, found, body, caller, request, version, policy }) {
    await changeFlavor(tx, found.id, { description: body.flavor.description });
    const specs = policy.allows(specsRule, caller.credentials, { project_id: caller.projectId });
    const flavor = { ...found, description: body.flavor.description };
    return { 200: { flavor: flavorView(flavor, request, version, specs) } };
  },
});

export const removeFlavor = endpoint({
  policy: 'os_compute_api:os-flavor-manage:delete',
  allow: admin,
  route: 'DELETE /v2.1/flavors/{flavor_id}',
  find: flavorFinder,
  replies: { 202: null },
  async handle({ tx, found }) {
    await deleteFlavor(tx, found.id);
    return { 202: undefined };
  },
});

export const flavorEndpoints = [
  listFlavorsBrief,
  listFlavorsDetail,
  showFlavor,
  createFlavor,
  updateFlavor,
  removeFlavor,
];
