// How much of each resource a project, and a user within it, may have. Use is never kept: it is counted from the rows.

import { sql } from 'kysely';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { computeSettings } from '#/services/compute/settings.ts';
import { t } from '#/services/compute/texts.ts';

export const quotaResources = [
  'instances',
  'cores',
  'ram',
  'metadata_items',
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
  'key_pairs',
  'server_groups',
  'server_group_members',
  'fixed_ips',
  'floating_ips',
  'security_groups',
  'security_group_rules',
] as const;
export type QuotaResource = (typeof quotaResources)[number];

interface QuotaRow {
  /** `class`, `project/<id>`, or `project/<id>/user/<id>`. */
  scope: string;
  resource: string;
  maximum: number;
}

function table(tx: Tx) {
  return tx.withTables<{ computeQuotas: QuotaRow }>();
}

export const defaultScope = 'class';
export const projectScope = (projectId: string): string => `project/${projectId}`;
export const userScope = (projectId: string, userId: string): string => `project/${projectId}/user/${userId}`;

/** Only what was set there, not what follows from elsewhere. */
export async function setLimits(tx: Tx, scope: string): Promise<Map<string, number>> {
  const rows = await table(tx).selectFrom('computeQuotas').selectAll().where('scope', '=', scope).execute();
  return new Map(rows.map(row => [row.resource, row.maximum]));
}

/** The limits of a project, or of a user in it; -1 is none. */
export async function limitsOf(tx: Tx, projectId?: string, userId?: string): Promise<Record<QuotaResource, number>> {
  const scopes = [defaultScope];
  if (projectId !== undefined) scopes.push(projectScope(projectId));
  if (projectId !== undefined && userId !== undefined) scopes.push(userScope(projectId, userId));
  const rows = await table(tx).selectFrom('computeQuotas').selectAll().where('scope', 'in', scopes).execute();
  const limits: Record<string, number> & Record<QuotaResource, number> = { ...computeSettings.of(tx).quotas };
  for (const scope of scopes) for (const row of rows) if (row.scope === scope) limits[row.resource] = row.maximum;
  return limits;
}

export async function limitOf(tx: Tx, resource: QuotaResource, projectId: string): Promise<number> {
  return (await limitsOf(tx, projectId))[resource];
}

export async function changeLimits(tx: Tx, scope: string, limits: Record<string, number>): Promise<void> {
  for (const [resource, maximum] of Object.entries(limits))
    await table(tx)
      .insertInto('computeQuotas')
      .values({ scope, resource, maximum })
      .onConflict(conflict => conflict.columns(['scope', 'resource']).doUpdateSet({ maximum }))
      .execute();
}

/** Back to the defaults. A project's users go with it. */
export async function dropLimits(tx: Tx, projectId: string, userId?: string): Promise<void> {
  if (userId !== undefined) {
    await table(tx).deleteFrom('computeQuotas').where('scope', '=', userScope(projectId, userId)).execute();
    return;
  }
  await table(tx)
    .deleteFrom('computeQuotas')
    .where(eb =>
      eb.or([eb('scope', '=', projectScope(projectId)), eb('scope', 'like', `${userScope(projectId, '')}%`)]),
    )
    .execute();
}

export interface Use {
  instances: number;
  cores: number;
  ram: number;
  server_groups: number;
}

/** What a project, or a user in it, has now. */
export async function useOf(tx: Tx, projectId: string, userId?: string): Promise<Use> {
  const db = tx.withTables<{
    computeServers: { projectId: string; userId: string; vcpus: number; memoryMib: number };
    computeServerGroups: { projectId: string; userId: string };
  }>();
  let servers = db
    .selectFrom('computeServers')
    .select([
      sql<number | string>`count(*)`.as('instances'),
      sql<number | string>`coalesce(sum("vcpus"), 0)`.as('cores'),
      sql<number | string>`coalesce(sum("memoryMib"), 0)`.as('ram'),
    ])
    .where('projectId', '=', projectId);
  let groups = db
    .selectFrom('computeServerGroups')
    .select(sql<number | string>`count(*)`.as('count'))
    .where('projectId', '=', projectId);
  if (userId !== undefined) {
    servers = servers.where('userId', '=', userId);
    groups = groups.where('userId', '=', userId);
  }
  const { instances, cores, ram } = await servers.executeTakeFirstOrThrow();
  const { count } = await groups.executeTakeFirstOrThrow();
  return { instances: Number(instances), cores: Number(cores), ram: Number(ram), server_groups: Number(count) };
}

/** @throws Problem overQuota naming the first resource of which there is too little */
export async function checkQuota(
  tx: Tx,
  who: { projectId: string; userId: string },
  need: Partial<Use>,
): Promise<void> {
  check(await limitsOf(tx, who.projectId), await useOf(tx, who.projectId), need);
  const own = await setLimits(tx, userScope(who.projectId, who.userId));
  if (own.size > 0) check(Object.fromEntries(own), await useOf(tx, who.projectId, who.userId), need);
}

function check(limits: Record<string, number>, use: Use, need: Partial<Use>): void {
  for (const [resource, requested = 0] of Object.entries(need)) {
    const limit = limits[resource] ?? -1;
    const used = use[resource as keyof Use];
    if (limit >= 0 && used + requested > limit)
      throw new Problem('overQuota', t.overQuota, { resource, requested, used, limit });
  }
}
