// What a project leaves behind that nobody else would take away: its quotas and its default security group.

import { defaultGroupOf } from '#/services/network/security-groups/default-group.ts';
import { resetQuotas } from '#/services/network/quotas/quota.store.ts';
import { db } from '#/services/network/tables.ts';
import type { Events } from '#/platform/events/events.ts';

export function followDeletedProjects(events: Events): void {
  events.on('project.deleted', async (tx, { resourceId: projectId }) => {
    await resetQuotas(tx, projectId);
    const id = await defaultGroupOf(tx, projectId);
    if (
      !id ||
      (await db(tx)
        .selectFrom('portSecurityGroups')
        .select('portId')
        .where('securityGroupId', '=', id)
        .executeTakeFirst())
    )
      return;
    await db(tx)
      .deleteFrom('securityGroupRules')
      .where(eb => eb.or([eb('securityGroupId', '=', id), eb('remoteGroupId', '=', id)]))
      .execute();
    await db(tx).deleteFrom('securityGroups').where('id', '=', id).execute();
  });
}
