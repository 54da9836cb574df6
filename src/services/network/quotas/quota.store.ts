// Limits of projects, and what they use, counted from the rows.

import { countedTable, type QuotaResource, type Quotas } from '#/services/network/quotas/quota.rules.ts';
import { networkSettings } from '#/services/network/settings.ts';
import { db } from '#/services/network/tables.ts';
import { networkTexts as t } from '#/services/network/texts.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';

export async function quotasOf(tx: Tx, projectId: string): Promise<Quotas> {
  const rows = await db(tx).selectFrom('networkQuotas').selectAll().where('projectId', '=', projectId).execute();
  return { ...networkSettings.of(tx).quotas, ...Object.fromEntries(rows.map(row => [row.resource, row.quota])) };
}

export async function usedBy(tx: Tx, resource: QuotaResource, projectId: string): Promise<number> {
  const row = await db(tx)
    .selectFrom(countedTable[resource])
    .select(eb => eb.fn.countAll<number | string>().as('count'))
    .where('projectId', '=', projectId)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** @throws Problem overQuota when the project may not have one more */
export async function checkQuota(tx: Tx, resource: QuotaResource, projectId: string): Promise<void> {
  const own = await db(tx)
    .selectFrom('networkQuotas')
    .select('quota')
    .where('projectId', '=', projectId)
    .where('resource', '=', resource)
    .executeTakeFirst();
  const quota = own?.quota ?? networkSettings.of(tx).quotas[resource];
  if (quota < 0) return;
  const used = await usedBy(tx, resource, projectId);
  if (used >= quota) throw new Problem('overQuota', t.overQuota, { resource, used, quota });
}

/** Projects with limits of their own. */
export async function projectsWithQuotas(tx: Tx): Promise<string[]> {
  const rows = await db(tx).selectFrom('networkQuotas').select('projectId').distinct().orderBy('projectId').execute();
  return rows.map(row => row.projectId);
}

export async function setQuota(tx: Tx, projectId: string, resource: QuotaResource, quota: number): Promise<void> {
  await db(tx)
    .insertInto('networkQuotas')
    .values({ projectId, resource, quota })
    .onConflict(conflict => conflict.columns(['projectId', 'resource']).doUpdateSet({ quota }))
    .execute();
}

export async function resetQuotas(tx: Tx, projectId: string): Promise<void> {
  await db(tx).deleteFrom('networkQuotas').where('projectId', '=', projectId).execute();
}
