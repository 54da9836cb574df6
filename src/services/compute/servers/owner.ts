// Whoever a server belongs to, for what its operations ask of other services on their behalf.

import type { Caller } from '#/platform/access/caller.ts';

/** The rights of a member of the server's project, and no more. */
export function callerOf({ projectId, userId }: { projectId: string; userId: string }): Caller {
  const roles = ['member', 'reader'];
  return {
    userId,
    userName: '',
    projectId,
    projectName: null,
    domainId: null,
    systemScope: false,
    roles,
    isAdmin: false,
    credentials: {
      user_id: userId,
      user_domain_id: null,
      project_id: projectId,
      project_domain_id: null,
      domain_id: null,
      system_scope: null,
      roles,
      is_admin_project: false,
    },
    expiresAt: Number.MAX_SAFE_INTEGER,
    auditIds: [],
    token: {},
  };
}
