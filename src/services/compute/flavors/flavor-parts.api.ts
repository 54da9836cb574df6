// What hangs on a flavor: its extra specs, and the projects that may use it when it is private.

import { projectExists } from '#/services/identity/contract.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Microversion, since } from '#/platform/http/endpoint.ts';
import { array, mapOf, object, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { platformTexts } from '#/platform/text/texts.ts';
import { admin, projectReader } from '#/services/compute/allow.ts';
import { extraSpecProblem } from '#/services/compute/flavors/extra-specs.rules.ts';
import { flavorFinder } from '#/services/compute/flavors/flavor.api.ts';
import {
  changeFlavor,
  type Flavor,
  flavorProjects,
  giveFlavor,
  takeFlavor,
} from '#/services/compute/flavors/flavor.store.ts';
import { t } from '#/services/compute/texts.ts';
import { extraSpecs } from '#/services/compute/wire.ts';

const specsReply = object({ extra_specs: mapOf(string()) });
const specsPath = '/v2.1/flavors/{flavor_id}/os-extra_specs';

function checked(specs: Record<string, string | number>, version: Microversion): Record<string, string> {
  const texts = Object.fromEntries(Object.entries(specs).map(([key, value]) => [key, String(value)]));
  if (since(version, '2.86'))
    for (const [key, value] of Object.entries(texts)) {
      const why = extraSpecProblem(key, value);
      if (why) throw new Problem('invalid', t.extraSpecInvalid, { key, why });
    }
  return texts;
}

function spec(flavor: Flavor, key: string): string {
  const value = Object.hasOwn(flavor.extraSpecs, key) ? flavor.extraSpecs[key] : undefined;
  if (value === undefined) throw new Problem('notFound', t.extraSpecNotFound, { id: flavor.id, key });
  return value;
}

const listSpecs = endpoint({
  policy: 'os_compute_api:os-flavor-extra-specs:index',
  allow: projectReader,
  route: `GET ${specsPath}`,
  find: flavorFinder,
  replies: { 200: specsReply },
  handle: async ({ found }) => ({ 200: { extra_specs: found.extraSpecs } }),
});

const createSpecs = endpoint({
  policy: 'os_compute_api:os-flavor-extra-specs:create',
  allow: admin,
  route: `POST ${specsPath}`,
  find: flavorFinder,
  body: object({ extra_specs: extraSpecs() }),
  replies: { 200: specsReply },
  async handle({ tx, found, body, version }) {
    const added = checked(body.extra_specs, version);
    await changeFlavor(tx, found.id, { extraSpecs: { ...found.extraSpecs, ...added } });
    return { 200: { extra_specs: added } };
  },
});

const showSpec = endpoint({
  policy: 'os_compute_api:os-flavor-extra-specs:show',
  allow: projectReader,
  route: `GET ${specsPath}/{key}`,
  find: flavorFinder,
  replies: { 200: mapOf(string()) },
  handle: async ({ found, path }) => ({ 200: { [path['key']!]: spec(found, path['key']!) } }),
});

const updateSpec = endpoint({
  policy: 'os_compute_api:os-flavor-extra-specs:update',
  allow: admin,
  route: `PUT ${specsPath}/{key}`,
  find: flavorFinder,
  body: extraSpecs(),
  replies: { 200: mapOf(string()) },
  async handle({ tx, found, body, path, version }) {
    const key = path['key']!;
    if (Object.keys(body).length !== 1 || !Object.hasOwn(body, key))
      throw new Problem('invalid', platformTexts.invalidBody, {
        where: 'body',
        why: `it must hold the one key ${key}`,
      });
    const changed = checked(body, version);
    await changeFlavor(tx, found.id, { extraSpecs: { ...found.extraSpecs, ...changed } });
    return { 200: changed };
  },
});

const deleteSpec = endpoint({
  policy: 'os_compute_api:os-flavor-extra-specs:delete',
  allow: admin,
  route: `DELETE ${specsPath}/{key}`,
  find: flavorFinder,
  replies: { 200: null },
  async handle({ tx, found, path }) {
    spec(found, path['key']!);
    const { [path['key']!]: _, ...rest } = found.extraSpecs;
    await changeFlavor(tx, found.id, { extraSpecs: rest });
    return { 200: undefined };
  },
});

const accessReply = object({ flavor_access: array(object({ flavor_id: string(), tenant_id: string() })) });

async function accessOf(tx: Tx, flavorId: string) {
  return { flavor_access: (await flavorProjects(tx, flavorId)).map(tenant_id => ({ flavor_id: flavorId, tenant_id })) };
}

const listAccess = endpoint({
  policy: 'os_compute_api:os-flavor-access',
  allow: admin,
  route: 'GET /v2.1/flavors/{flavor_id}/os-flavor-access',
  find: flavorFinder,
  replies: { 200: accessReply },
  async handle({ tx, found }) {
    if (found.isPublic) throw new Problem('notFound', t.flavorAccessPublic, { id: found.id });
    return { 200: await accessOf(tx, found.id) };
  },
});

const tenant = object({ tenant: string({ min: 1, max: 255, pattern: '^[a-zA-Z0-9-]*$' }) });

const addAccess = endpoint({
  policy: 'os_compute_api:os-flavor-access:add_tenant_access',
  allow: admin,
  route: 'POST /v2.1/flavors/{flavor_id}/action',
  action: 'addTenantAccess',
  find: flavorFinder,
  body: object({ addTenantAccess: tenant }),
  replies: { 200: accessReply },
  async handle({ tx, found, body, version }) {
    const project = body.addTenantAccess.tenant;
    if (found.isPublic && since(version, '2.7')) throw new Problem('conflict', t.flavorInUse, { id: found.id });
    if (!(await projectExists(tx, project))) throw new Problem('invalid', t.projectNotFound, { project });
    await giveFlavor(tx, found.id, project);
    return { 200: await accessOf(tx, found.id) };
  },
});

const removeAccess = endpoint({
  policy: 'os_compute_api:os-flavor-access:remove_tenant_access',
  allow: admin,
  route: 'POST /v2.1/flavors/{flavor_id}/action',
  action: 'removeTenantAccess',
  find: flavorFinder,
  body: object({ removeTenantAccess: tenant }),
  replies: { 200: accessReply },
  async handle({ tx, found, body }) {
    const project = body.removeTenantAccess.tenant;
    if (!(await projectExists(tx, project))) throw new Problem('invalid', t.projectNotFound, { project });
    await takeFlavor(tx, found.id, project);
    return { 200: await accessOf(tx, found.id) };
  },
});

export const flavorPartEndpoints = [
  listSpecs,
  createSpecs,
  showSpec,
  updateSpec,
  deleteSpec,
  listAccess,
  addAccess,
  removeAccess,
];
