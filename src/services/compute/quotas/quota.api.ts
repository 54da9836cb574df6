// Quotas of projects and users, and the defaults of all. API: Compute, "Quota sets", "Quota class sets".

import type { Tx } from '#/platform/database/tx.ts';
import { endpoint, type Microversion, since } from '#/platform/http/endpoint.ts';
import {
  any,
  as,
  either,
  integer,
  isTrue,
  looseBoolean,
  object,
  optional,
  string,
  type TSchema,
} from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, anyone, projectReader } from '#/services/compute/allow.ts';
import {
  changeLimits,
  defaultScope,
  dropLimits,
  limitsOf,
  projectScope,
  type QuotaResource,
  quotaResources,
  useOf,
  userScope,
} from '#/services/compute/quotas/quota.store.ts';
import { t } from '#/services/compute/texts.ts';
import { one, toInteger } from '#/services/compute/wire.ts';
import { projectExists } from '#/services/identity/contract.ts';

const anything = as<Record<string, unknown>>(any());
const networkQuotas: QuotaResource[] = ['fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules'];
const fileQuotas: QuotaResource[] = ['injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes'];

/** What a version still counts. @param classes quota classes got the server groups later */
function resourcesIn(version: Microversion, classes = false): QuotaResource[] {
  return quotaResources.filter(resource => {
    if (networkQuotas.includes(resource)) return !since(version, classes ? '2.50' : '2.36');
    if (fileQuotas.includes(resource)) return !since(version, '2.57');
    if (resource === 'server_groups' || resource === 'server_group_members') return !classes || since(version, '2.50');
    return true;
  });
}

function pick(limits: Record<QuotaResource, number>, resources: QuotaResource[]): Record<string, number> {
  return Object.fromEntries(resources.map(resource => [resource, limits[resource]]));
}

/** @throws Problem invalid for a project that does not exist */
async function mustExist(tx: Tx, project: string): Promise<void> {
  if (!(await projectExists(tx, project)))
    throw new Problem('invalid', t.projectNotFound, { project: project.slice(0, 80) });
}

const path = '/v2.1/os-quota-sets/{project_id}';
const reply = object({ quota_set: anything });

const show = endpoint({
  policy: 'os_compute_api:os-quota-sets:show',
  allow: projectReader,
  route: `GET ${path}`,
  replies: { 200: reply },
  async handle({ tx, path: { project_id: id }, query, version }) {
    await mustExist(tx, id!);
    return { 200: { quota_set: { id, ...pick(await limitsOf(tx, id, one(query, 'user_id')), resourcesIn(version)) } } };
  },
});

const defaults = endpoint({
  policy: 'os_compute_api:os-quota-sets:defaults',
  allow: anyone,
  route: `GET ${path}/defaults`,
  replies: { 200: reply },
  async handle({ tx, path: { project_id: id }, version }) {
    await mustExist(tx, id!);
    return { 200: { quota_set: { id, ...pick(await limitsOf(tx), resourcesIn(version)) } } };
  },
});

const detail = endpoint({
  policy: 'os_compute_api:os-quota-sets:detail',
  allow: projectReader,
  route: `GET ${path}/detail`,
  replies: { 200: reply },
  async handle({ tx, path: { project_id: id }, query, version }) {
    await mustExist(tx, id!);
    const user = one(query, 'user_id');
    const limits = await limitsOf(tx, id, user);
    const use = (await useOf(tx, id!, user)) as unknown as Partial<Record<QuotaResource, number>>;
    const sets = resourcesIn(version).map(resource => [
      resource,
      { limit: limits[resource], in_use: use[resource] ?? 0, reserved: 0 },
    ]);
    return { 200: { quota_set: { id, ...Object.fromEntries(sets) } } };
  },
});

const limit = () => either(integer({ min: -1, max: 2_147_483_647 }), string({ pattern: '^-?[0-9]{1,10}$' }));

function limits(left: QuotaResource[]): Record<string, TSchema> {
  return Object.fromEntries(
    quotaResources.filter(resource => !left.includes(resource)).map(resource => [resource, optional(limit())]),
  );
}

const force = { force: optional(looseBoolean()) };

const update = endpoint({
  policy: 'os_compute_api:os-quota-sets:update',
  allow: admin,
  route: `PUT ${path}`,
  body: {
    '2.1': object({ quota_set: object({ ...limits([]), ...force }) }),
    '2.36': object({ quota_set: object({ ...limits(networkQuotas), ...force }) }),
    '2.57': object({ quota_set: object({ ...limits([...networkQuotas, ...fileQuotas]), ...force }) }),
  },
  replies: { 200: reply },
  async handle({ tx, path: { project_id: id }, query, body, version }) {
    await mustExist(tx, id!);
    const user = one(query, 'user_id');
    const { force = false, ...asked } = (body as { quota_set: Record<string, number | string> & { force?: never } })
      .quota_set;
    const wanted = Object.fromEntries(
      Object.entries(asked).map(([resource, value]) => [resource, toInteger(value, `quota_set.${resource}`, -1)]),
    );
    if (!isTrue(force)) {
      const use = (await useOf(tx, id!, user)) as unknown as Record<string, number>;
      for (const [resource, limit] of Object.entries(wanted))
        if (limit >= 0 && limit < (use[resource] ?? 0))
          throw new Problem('invalid', t.quotaBelowUse, { resource, limit, used: use[resource] });
    }
    await changeLimits(tx, user === undefined ? projectScope(id!) : userScope(id!, user), wanted);
    return { 200: { quota_set: pick(await limitsOf(tx, id, user), resourcesIn(version)) } };
  },
});

const remove = endpoint({
  policy: 'os_compute_api:os-quota-sets:delete',
  allow: admin,
  route: `DELETE ${path}`,
  replies: { 202: null },
  async handle({ tx, path: { project_id: id }, query }) {
    await mustExist(tx, id!);
    await dropLimits(tx, id!, one(query, 'user_id'));
    return { 202: undefined };
  },
});

const classPath = '/v2.1/os-quota-class-sets/{id}';
const classReply = object({ quota_class_set: anything });

const showClass = endpoint({
  policy: 'os_compute_api:os-quota-class-sets:show',
  allow: admin,
  route: `GET ${classPath}`,
  replies: { 200: classReply },
  handle: async ({ tx, path: { id }, version }) => ({
    200: { quota_class_set: { id, ...pick(await limitsOf(tx), resourcesIn(version, true)) } },
  }),
});

const updateClass = endpoint({
  policy: 'os_compute_api:os-quota-class-sets:update',
  allow: admin,
  route: `PUT ${classPath}`,
  body: {
    '2.1': object({ quota_class_set: object(limits([])) }),
    '2.50': object({ quota_class_set: object(limits(networkQuotas)) }),
    '2.57': object({ quota_class_set: object(limits([...networkQuotas, ...fileQuotas])) }),
  },
  replies: { 200: classReply },
  async handle({ tx, path: { id }, body, version }) {
    const asked = (body as { quota_class_set: Record<string, number | string> }).quota_class_set;
    const wanted = Object.fromEntries(
      Object.entries(asked).map(([resource, value]) => [resource, toInteger(value, `quota_class_set.${resource}`, -1)]),
    );
    // Only the class `default` has an effect, as with Nova; what is set on others is only answered.
    if (id === 'default') await changeLimits(tx, defaultScope, wanted);
    return { 200: { quota_class_set: pick({ ...(await limitsOf(tx)), ...wanted }, resourcesIn(version, true)) } };
  },
});

export const quotaEndpoints = [show, defaults, detail, update, remove, showClass, updateClass];
