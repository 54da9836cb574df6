// Quotas of projects. API: Network v2.0, "Quotas extension".

import { networkSettings } from '#/services/network/settings.ts';
import { integer } from '#/services/network/attributes/checks.ts';
import { type Attributes, putOnly, readAttributes } from '#/services/network/attributes/attribute.ts';
import { listsAll } from '#/services/network/attributes/resource.ts';
import { type QuotaResource, quotaResources } from '#/services/network/quotas/quota.rules.ts';
import { projectsWithQuotas, quotasOf, resetQuotas, setQuota, usedBy } from '#/services/network/quotas/quota.store.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Caller } from '#/platform/access/caller.ts';
import { endpoint, type Finder } from '#/platform/http/endpoint.ts';
import { any, array, mapOf, object, open, string } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';

const attributes: Attributes = Object.fromEntries(
  quotaResources.map(name => [name, putOnly(integer(-1, 2_147_483_647))]),
);

interface Of {
  projectId: string;
}

const ofProject: Finder<Of> = {
  find: async ({ path }) => ({ projectId: path['project_id']! }),
  missing: () => new Problem('notFound', t.badRequest, { resource: 'quota', why: 'there is no such project' }),
  visible: () => true,
};
const ofCaller: Finder<Of> = {
  ...ofProject,
  find: async ({ caller }: { caller: Caller }) => ({ projectId: caller.projectId ?? '' }),
};

const quotaView = open({ network: any() });
const get = '(role:admin) or (role:manager and project_id:%(project_id)s)';

const listAll = endpoint({
  policy: 'get_quota',
  allow: get,
  route: 'GET /v2.0/quotas',
  find: ofCaller,
  replies: { 200: object({ quotas: array(quotaView) }) },
  handle: async ({ tx, caller, policy }) => {
    const all = listsAll(caller, policy);
    const projects = all ? await projectsWithQuotas(tx) : [caller.projectId ?? ''];
    const quotas = [];
    for (const projectId of projects)
      quotas.push({ ...(await quotasOf(tx, projectId)), project_id: projectId, tenant_id: projectId });
    return { 200: { quotas } };
  },
});

const tenant = endpoint({
  policy: 'get_quota',
  route: 'GET /v2.0/quotas/tenant',
  find: ofCaller,
  replies: { 200: object({ tenant: object({ tenant_id: string() }) }) },
  handle: async ({ found }) => ({ 200: { tenant: { tenant_id: found.projectId } } }),
});

const show = endpoint({
  policy: 'get_quota',
  route: 'GET /v2.0/quotas/{project_id}',
  find: ofProject,
  replies: { 200: object({ quota: quotaView }) },
  handle: async ({ tx, found }) => ({ 200: { quota: await quotasOf(tx, found.projectId) } }),
});

const showDefault = endpoint({
  policy: 'get_quota',
  route: 'GET /v2.0/quotas/{project_id}/default',
  find: ofProject,
  replies: { 200: object({ quota: quotaView }) },
  handle: async ({ tx }) => ({ 200: { quota: networkSettings.of(tx).quotas } }),
});

const details = ['details', 'details.json'].map(last =>
  endpoint({
    policy: 'get_quota',
    route: `GET /v2.0/quotas/{project_id}/${last}`,
    find: ofProject,
    replies: { 200: object({ quota: mapOf(open({ limit: any(), used: any(), reserved: any() })) }) },
    handle: async ({ tx, found }) => {
      const limits = await quotasOf(tx, found.projectId);
      const quota: Record<string, { limit: number; used: number; reserved: number }> = {};
      for (const name of quotaResources)
        quota[name] = { limit: limits[name], used: await usedBy(tx, name, found.projectId), reserved: 0 };
      return { 200: { quota } };
    },
  }),
);

const update = endpoint({
  policy: 'update_quota',
  allow: 'role:admin',
  route: 'PUT /v2.0/quotas/{project_id}',
  find: ofProject,
  body: open({ quota: open({}) }),
  replies: { 200: object({ quota: quotaView }) },
  handle: async ({ tx, found, body }) => {
    const {
      force: _,
      check_limit: __,
      tenant_id: ___,
      project_id: ____,
      ...asked
    } = body.quota as Record<string, unknown>;
    const values = readAttributes(attributes, asked, 'put');
    for (const [name, quota] of Object.entries(values))
      await setQuota(tx, found.projectId, name as QuotaResource, quota as number);
    return { 200: { quota: await quotasOf(tx, found.projectId) } };
  },
});

const reset = endpoint({
  policy: 'delete_quota',
  allow: 'role:admin',
  route: 'DELETE /v2.0/quotas/{project_id}',
  find: ofProject,
  replies: { 204: null },
  handle: async ({ tx, found }) => {
    await resetQuotas(tx, found.projectId);
    return { 204: undefined };
  },
});

export const quotaEndpoints = [listAll, tenant, show, showDefault, ...details, update, reset];
