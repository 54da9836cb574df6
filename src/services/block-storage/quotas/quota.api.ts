// Quotas and limits. API: Block Storage v3, "Quota sets", "Limits".

import type { Caller } from '#/platform/access/caller.ts';
import type { Policy } from '#/platform/access/policy.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { endpoint } from '#/platform/http/endpoint.ts';
import { isTrue, object, open } from '#/platform/http/schema.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { admin, anyQuery, first, reader, readsAll, wire } from '#/services/block-storage/page.ts';
import {
  quotaDefaults,
  limitsOf,
  type QuotaDefaults,
  type Resource,
  resources,
  usageOf,
} from '#/services/block-storage/quotas/quota.store.ts';
import { tables } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';
import { typeNames } from '#/services/block-storage/types/type.store.ts';

const path = '/v3/{project_id}/os-quota-sets/{target_id}';

/** Each type has quotas of its own, unlimited unless said. */
async function perType(tx: Tx, value: (limit: number) => unknown): Promise<Record<string, unknown>> {
  const names = [...(await typeNames(tx)).values()];
  return Object.fromEntries(
    names.flatMap(name => ['volumes', 'gigabytes', 'snapshots'].map(kind => [`${kind}_${name}`, value(-1)])),
  );
}

async function setView(tx: Tx, id: string, limits: QuotaDefaults): Promise<Record<string, unknown>> {
  return { id, ...limits, ...(await perType(tx, limit => limit)) };
}

/** A project sees its own quotas. */
function checkProject(target: string, caller: Caller, policy: Policy): void {
  if (target !== caller.projectId && !readsAll(caller, policy))
    throw new Problem('forbidden', t.unknownQuota, { names: target.slice(0, 80) });
}

const show = endpoint({
  policy: 'volume_extension:quotas:show',
  allow: reader,
  route: `GET ${path}`,
  query: anyQuery,
  replies: { 200: object({ quota_set: wire }) },
  async handle({ tx, path: { target_id: id = '' }, query, caller, policy }) {
    checkProject(id, caller, policy);
    const limits = await limitsOf(tx, id);
    if (!isTrue(first(query, 'usage') ?? false)) return { 200: { quota_set: await setView(tx, id, limits) } };
    const usage = await usageOf(tx, id);
    const entry = (limit: number, used: number) => ({ limit, in_use: used, reserved: 0, allocated: 0 });
    const set = Object.fromEntries(resources.map(name => [name, entry(limits[name], usage[name])]));
    return { 200: { quota_set: { id, ...set, ...(await perType(tx, limit => entry(limit, 0))) } } };
  },
});

const showDefaults = endpoint({
  policy: 'volume_extension:quotas:show',
  route: `GET ${path}/defaults`,
  replies: { 200: object({ quota_set: wire }) },
  async handle({ tx, path: { target_id: id = '' }, caller, policy }) {
    checkProject(id, caller, policy);
    return { 200: { quota_set: await setView(tx, id, quotaDefaults.of(tx)) } };
  },
});

const update = endpoint({
  policy: 'volume_extension:quotas:update',
  allow: admin,
  route: `PUT ${path}`,
  body: open({ quota_set: open({}) }),
  replies: { 200: object({ quota_set: wire }) },
  async handle({ tx, path: { target_id: id = '' }, body }) {
    const types = await perType(tx, limit => limit);
    for (const [name, value] of Object.entries(body.quota_set as Record<string, unknown>)) {
      if (['tenant_id', 'project_id', 'skip_validation', 'id'].includes(name) || name in types) continue;
      if (!resources.includes(name as Resource))
        throw new Problem('invalid', t.unknownQuota, { names: name.slice(0, 80) });
      await put(tx, id, name, readLimit(name, value));
    }
    const { id: _id, ...set } = await setView(tx, id, await limitsOf(tx, id));
    return { 200: { quota_set: set } };
  },
});

async function put(tx: Tx, projectId: string, resource: string, limit: number): Promise<void> {
  await tables(tx)
    .insertInto('volumeQuotas')
    .values({ projectId, resource, limit })
    .onConflict(conflict => conflict.columns(['projectId', 'resource']).doUpdateSet({ limit }))
    .execute();
}

function readLimit(name: string, value: unknown): number {
  const limit = typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= -1 && limit < 2 ** 31) return limit;
  throw new Problem('invalid', t.invalidInput, { name, why: 'it must be a whole number, or -1 for no limit' });
}

const reset = endpoint({
  policy: 'volume_extension:quotas:delete',
  allow: admin,
  route: `DELETE ${path}`,
  replies: { 200: null },
  async handle({ tx, path: { target_id: id = '' } }) {
    await tables(tx).deleteFrom('volumeQuotas').where('projectId', '=', id).execute();
    return { 200: undefined };
  },
});

const limits = endpoint({
  policy: 'limits_extension:used_limits',
  allow: reader,
  route: 'GET /v3/{project_id}/limits',
  query: anyQuery,
  replies: { 200: object({ limits: wire }) },
  async handle({ tx, query, caller, policy }) {
    const asked = first(query, 'project_id') ?? first(query, 'tenant_id');
    const projectId = asked && readsAll(caller, policy) ? asked : (caller.projectId ?? '');
    const most = await limitsOf(tx, projectId);
    const used = await usageOf(tx, projectId);
    const absolute = {
      maxTotalVolumes: most.volumes,
      maxTotalSnapshots: most.snapshots,
      maxTotalVolumeGigabytes: most.gigabytes,
      maxTotalBackups: most.backups,
      maxTotalBackupGigabytes: most.backup_gigabytes,
      totalVolumesUsed: used.volumes,
      totalSnapshotsUsed: used.snapshots,
      totalGigabytesUsed: used.gigabytes,
      totalBackupsUsed: used.backups,
      totalBackupGigabytesUsed: used.backup_gigabytes,
    };
    return { 200: { limits: { rate: [], absolute } } };
  },
});

export const quotaEndpoints = [show, showDefaults, update, reset, limits];
