// How limits add up along the tree of projects. Flat: they do not. Strict, in two levels: the limit of a domain bounds that of
// each of its projects, and projects nest no deeper than two below their domain.

import { setting } from '#/platform/database/setting.ts';
import type { Tx } from '#/platform/database/tx.ts';
import { Problem } from '#/platform/problem/problem.ts';
import { type RegisteredLimitRow, tables } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';

export type LimitModel = 'flat' | 'strict_two_level';
export const limitModel = setting<LimitModel>('limit-model');

export const limitModels: Record<LimitModel, { description: string; levels: number }> = {
  flat: {
    description: 'Each limit stands for itself, wherever its project is in the hierarchy.',
    levels: 5,
  },
  strict_two_level: {
    description: 'The limit of a domain bounds those of its projects, which nest at most two levels deep.',
    levels: 2,
  },
};

/** Levels of projects below a domain. */
export function projectLevels(tx: Tx): number {
  return limitModels[limitModel.of(tx)].levels;
}

/**
 * Whether the limits of a resource fit together, in a domain whose limit or one of whose projects' has been written.
 * @throws Problem forbidden
 */
export async function checkLimits(tx: Tx, registered: RegisteredLimitRow, domainId: string): Promise<void> {
  if (limitModel.of(tx) === 'flat') return;
  const rows = await tables(tx)
    .selectFrom('resourceLimits')
    .leftJoin('projects', 'projects.id', 'resourceLimits.projectId')
    .select(['resourceLimits.domainId', 'resourceLimits.projectId', 'resourceLimits.resourceLimit'])
    .where('resourceLimits.registeredLimitId', '=', registered.id)
    .where(eb => eb.or([eb('resourceLimits.domainId', '=', domainId), eb('projects.domainId', '=', domainId)]))
    .execute();
  const most = rows.find(row => row.domainId === domainId)?.resourceLimit ?? registered.defaultLimit;
  const above = rows.find(row => row.projectId !== null && isMore(row.resourceLimit, most));
  if (above)
    throw new Problem('forbidden', t.limitAboveDomain, {
      resource: registered.resourceName,
      project: above.projectId!,
      limit: above.resourceLimit,
      domain: domainId,
      most,
    });
}

/** -1 is no limit. */
function isMore(limit: number, than: number): boolean {
  return than !== -1 && (limit === -1 || limit > than);
}
