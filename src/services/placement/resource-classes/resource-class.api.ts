// Resource classes. API: Placement, "Resource classes".

import { now } from '#/platform/database/tx.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { any, array, mapOf, object, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { adminOrService, dated } from '#/services/placement/page.ts';
import { addClass, allClasses, standardClasses } from '#/services/placement/resource-classes/resource-class.store.ts';
import { tables } from '#/services/placement/tables.ts';
import { placementTexts as t } from '#/services/placement/texts.ts';

const customName = /^CUSTOM_[A-Z0-9_]{1,248}$/;

function toView(name: string) {
  return { name, links: [{ rel: 'self', href: `/placement/resource_classes/${name}` }] };
}

function checkName(name: string): void {
  if (!customName.test(name)) throw new Problem('invalid', t.badClassName, { name: name.slice(0, 80) });
}

const list = endpoint({
  policy: 'placement:resource_classes:list',
  allow: adminOrService,
  versions: '1.2-',
  route: 'GET /resource_classes',
  replies: { 200: object({ resource_classes: array(mapOf(any())) }) },
  handle: async ({ tx, version }) =>
    dated(version, now(tx), { 200: { resource_classes: (await allClasses(tx)).map(toView) } }),
});

const create = endpoint({
  policy: 'placement:resource_classes:create',
  allow: adminOrService,
  versions: '1.2-',
  route: 'POST /resource_classes',
  body: object({ name: string({ min: 1, max: 255 }) }),
  replies: { 201: null },
  async handle({ tx, body, request }) {
    const { name } = body;
    checkName(name);
    if ((await allClasses(tx)).includes(name)) throw new Problem('conflict', t.classExists, { name });
    await addClass(tx, name);
    return { 201: undefined, headers: { location: `${request.base}/resource_classes/${name}` } };
  },
});

const show = endpoint({
  policy: 'placement:resource_classes:show',
  allow: adminOrService,
  versions: '1.2-',
  route: 'GET /resource_classes/{name}',
  replies: { 200: mapOf(any()) },
  async handle({ tx, path, version }) {
    const name = path['name']!;
    if (!(await allClasses(tx)).includes(name)) throw noClass(name);
    return dated(version, now(tx), { 200: toView(name) });
  },
});

const rename = endpoint({
  policy: 'placement:resource_classes:update',
  allow: adminOrService,
  versions: '1.2-1.6',
  route: 'PUT /resource_classes/{name}',
  body: object({ name: string({ min: 1, max: 255 }) }),
  replies: { 200: mapOf(any()) },
  async handle({ tx, path, body }) {
    const name = path['name']!;
    const known = await allClasses(tx);
    if (!known.includes(name)) throw noClass(name);
    if (standardClasses.includes(name)) throw new Problem('invalid', t.classStandard, { name });
    checkName(body.name);
    if (known.includes(body.name)) throw new Problem('conflict', t.classExists, { name: body.name });
    const db = tables(tx);
    await db.updateTable('customResourceClasses').set({ name: body.name }).where('name', '=', name).execute();
    await db.updateTable('inventories').set({ resourceClass: body.name }).where('resourceClass', '=', name).execute();
    await db.updateTable('allocations').set({ resourceClass: body.name }).where('resourceClass', '=', name).execute();
    return { 200: toView(body.name) };
  },
});

const put = endpoint({
  policy: 'placement:resource_classes:update',
  versions: '1.7-',
  route: 'PUT /resource_classes/{name}',
  replies: { 201: null, 204: null },
  async handle({ tx, path, request }) {
    const name = path['name']!;
    checkName(name);
    const headers = { location: `${request.base}/resource_classes/${name}` };
    if ((await allClasses(tx)).includes(name)) return { 204: undefined, headers };
    await addClass(tx, name);
    return { 201: undefined, headers };
  },
});

const remove = endpoint({
  policy: 'placement:resource_classes:delete',
  allow: adminOrService,
  versions: '1.2-',
  route: 'DELETE /resource_classes/{name}',
  replies: { 204: null },
  async handle({ tx, path }) {
    const name = path['name']!;
    if (standardClasses.includes(name)) throw new Problem('invalid', t.classStandard, { name });
    if (!(await allClasses(tx)).includes(name)) throw noClass(name);
    const used = await tables(tx)
      .selectFrom('inventories')
      .select('providerId')
      .where('resourceClass', '=', name)
      .executeTakeFirst();
    if (used) throw new Problem('conflict', t.classInUse, { name });
    await tables(tx).deleteFrom('customResourceClasses').where('name', '=', name).execute();
    return { 204: undefined };
  },
});

function noClass(name: string): Problem {
  return new Problem('notFound', t.classNotFound, { name: name.slice(0, 80) });
}

export const resourceClassEndpoints = [list, create, show, rename, put, remove];
