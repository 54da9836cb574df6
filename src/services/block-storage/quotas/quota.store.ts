// Quotas of a project, and what it uses: always counted from the rows.

import { setting } from '#/platform/database/setting.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { tables } from '#/services/block-storage/tables.ts';
import { volumeTexts as t } from '#/services/block-storage/texts.ts';

/** -1 is unlimited. */
export interface QuotaDefaults {
  volumes: number;
  snapshots: number;
  gigabytes: number;
  per_volume_gigabytes: number;
  backups: number;
  backup_gigabytes: number;
  groups: number;
}
export type Resource = keyof QuotaDefaults;

export const resources: readonly Resource[] = [
  'volumes',
  'snapshots',
  'gigabytes',
  'per_volume_gigabytes',
  'backups',
  'backup_gigabytes',
  'groups',
];

/** What a project without quotas of its own may use. */
export const quotaDefaults = setting<QuotaDefaults>('volume-quotas');

export async function limitsOf(tx: Tx, projectId: string): Promise<QuotaDefaults> {
  const rows = await tables(tx).selectFrom('volumeQuotas').selectAll().where('projectId', '=', projectId).execute();
  return { ...quotaDefaults.of(tx), ...Object.fromEntries(rows.map(row => [row.resource, row.limit])) };
}

export async function usageOf(tx: Tx, projectId: string): Promise<QuotaDefaults> {
  const count = async (table: 'volumes' | 'volumeSnapshots') => {
    const row = await tables(tx)
      .selectFrom(table)
      .select(eb => [eb.fn.countAll<number>().as('rows'), eb.fn.sum<number | null>('sizeGib').as('gib')])
      .where('projectId', '=', projectId)
      .executeTakeFirstOrThrow();
    return { rows: Number(row.rows), gib: Number(row.gib ?? 0) };
  };
  const volumes = await count('volumes');
  const snapshots = await count('volumeSnapshots');
  return {
    volumes: volumes.rows,
    snapshots: snapshots.rows,
    gigabytes: volumes.gib + snapshots.gib,
    per_volume_gigabytes: 0,
    backups: 0,
    backup_gigabytes: 0,
    groups: 0,
  };
}

/** @param sizeGib of the one volume that is asked for, where its own size is limited @throws Problem overQuota */
export async function checkQuota(
  tx: Tx,
  projectId: string,
  asked: Partial<Record<Resource, number>>,
  sizeGib = 0,
): Promise<void> {
  const limits = await limitsOf(tx, projectId);
  const perVolume = limits.per_volume_gigabytes;
  if (perVolume >= 0 && sizeGib > perVolume)
    throw new Problem('overQuota', t.tooLargeForQuota, { asked: sizeGib, limit: perVolume });
  const usage = await usageOf(tx, projectId);
  for (const [resource, amount] of Object.entries(asked) as [Resource, number][]) {
    const limit = limits[resource];
    if (limit >= 0 && usage[resource] + amount > limit)
      throw new Problem('overQuota', t.overQuota, { resource, asked: amount, used: usage[resource], limit });
  }
}
