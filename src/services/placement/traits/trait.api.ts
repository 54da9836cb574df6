// Traits, and those of a provider. API: Placement, "Traits", "Resource provider traits".

import { now } from '#/platform/database/tx.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { array, integer, object, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { adminOrService, anyQuery, badQuery, dated, valueOf } from '#/services/placement/page.ts';
import { aProvider } from '#/services/placement/providers/provider.api.ts';
import { bump, replaceTraits, traitsOf } from '#/services/placement/providers/provider.store.ts';
import { tables } from '#/services/placement/tables.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';
import { addTrait, allTraits, checkKnownTraits } from '#/services/placement/traits/trait.store.ts';

const versions = '1.6-';
const customName = /^CUSTOM_[A-Z0-9_]{1,248}$/;

const list = endpoint({
  policy: 'placement:traits:list',
  allow: adminOrService,
  versions,
  route: 'GET /traits',
  query: anyQuery,
  replies: { 200: object({ traits: array(string()) }) },
  async handle({ tx, query, version }) {
    let traits = await allTraits(tx);
    const name = valueOf(query, 'name');
    if (name !== undefined) {
      const filter = /^(in|startswith):(.+)$/.exec(name);
      if (!filter) throw badQuery('name', 'it must begin with in: or startswith:');
      const names = filter[2]!.split(',');
      traits = traits.filter(trait => (filter[1] === 'in' ? names.includes(trait) : trait.startsWith(filter[2]!)));
    }
    const associated = valueOf(query, 'associated')?.toLowerCase();
    if (associated !== undefined) {
      if (!['true', '1', 'false', '0'].includes(associated)) throw badQuery('associated', 'it must be true or false');
      const used = new Set([...(await traitsOf(tx)).values()].flat());
      traits = traits.filter(trait => used.has(trait) === ['true', '1'].includes(associated));
    }
    return dated(version, now(tx), { 200: { traits } });
  },
});

const show = endpoint({
  policy: 'placement:traits:show',
  allow: adminOrService,
  versions,
  route: 'GET /traits/{name}',
  replies: { 204: null },
  async handle({ tx, path, version }) {
    const name = path['name']!;
    if (!(await allTraits(tx)).includes(name))
      throw new Problem('notFound', t.traitNotFound, { name: name.slice(0, 80) });
    return dated(version, now(tx), { 204: undefined });
  },
});

const put = endpoint({
  policy: 'placement:traits:update',
  allow: adminOrService,
  versions,
  route: 'PUT /traits/{name}',
  replies: { 201: null, 204: null },
  async handle({ tx, path, version, request }) {
    const name = path['name']!;
    if (!customName.test(name)) throw new Problem('invalid', t.badTraitName, { name: name.slice(0, 80) });
    const isNew = await addTrait(tx, name);
    return dated(version, now(tx), {
      [isNew ? 201 : 204]: undefined,
      headers: { location: `${request.base}/traits/${name}` },
    });
  },
});

const remove = endpoint({
  policy: 'placement:traits:delete',
  allow: adminOrService,
  versions,
  route: 'DELETE /traits/{name}',
  replies: { 204: null },
  async handle({ tx, path }) {
    const name = path['name']!;
    if (!name.startsWith('CUSTOM_')) throw new Problem('invalid', t.traitStandard, { name: name.slice(0, 80) });
    if (!(await allTraits(tx)).includes(name))
      throw new Problem('notFound', t.traitNotFound, { name: name.slice(0, 80) });
    const used = [...(await traitsOf(tx)).values()].some(traits => traits.includes(name));
    if (used) throw new Problem('conflict', t.traitInUse, { name });
    await tables(tx).deleteFrom('customTraits').where('name', '=', name).execute();
    return { 204: undefined };
  },
});

const view = object({ traits: array(string()), resource_provider_generation: integer() });

const ofProvider = endpoint({
  policy: 'placement:resource_providers:traits:list',
  allow: adminOrService,
  versions,
  route: 'GET /resource_providers/{uuid}/traits',
  find: aProvider,
  replies: { 200: view },
  async handle({ tx, found, version }) {
    const traits = (await traitsOf(tx, [found.id])).get(found.id) ?? [];
    return dated(version, now(tx), { 200: { traits, resource_provider_generation: found.generation } });
  },
});

const putOfProvider = endpoint({
  policy: 'placement:resource_providers:traits:update',
  allow: adminOrService,
  versions,
  route: 'PUT /resource_providers/{uuid}/traits',
  find: aProvider,
  body: object({
    traits: array(string({ min: 1, max: 255, pattern: '^[A-Z0-9_]+$' }), { unique: true }),
    resource_provider_generation: integer(),
  }),
  replies: { 200: view },
  async handle({ tx, found, body, version }) {
    await checkKnownTraits(tx, body.traits);
    const generation = await bump(tx, found.id, body.resource_provider_generation);
    await replaceTraits(tx, found.id, body.traits);
    const traits = body.traits.toSorted();
    return dated(version, now(tx), { 200: { traits, resource_provider_generation: generation } });
  },
});

const removeOfProvider = endpoint({
  policy: 'placement:resource_providers:traits:delete',
  allow: adminOrService,
  versions,
  route: 'DELETE /resource_providers/{uuid}/traits',
  find: aProvider,
  replies: { 204: null },
  async handle({ tx, found }) {
    await replaceTraits(tx, found.id, []);
    await bump(tx, found.id);
    return { 204: undefined };
  },
});

export const traitEndpoints = [list, show, put, remove, ofProvider, putOfProvider, removeOfProvider];
