// What belongs to the caller, as rules of every service name it: for "what may I call?", asked of nothing in particular.

import type { Caller } from '#/platform/access/caller.ts';

/** Something of the caller's own project, user or domain; a plain thing: not shared with others, of no special kind. */
export function ownTarget({ userId, projectId, domainId, credentials }: Caller): Record<string, unknown> {
  // With a token of a domain, what is in that domain.
  const inDomain = domainId ?? credentials.user_domain_id;
  return {
    user_id: userId,
    project_id: projectId,
    tenant_id: projectId,
    target_project: projectId,
    target_tenant: projectId,
    domain_id: domainId,
    // Images.
    owner: projectId,
    member_id: projectId,
    visibility: 'private',
    // Networks, and what belongs to a part of them.
    shared: false,
    network_device: false,
    'network:project_id': projectId,
    'network:shared': false,
    'router:external': false,
    'security_group:project_id': projectId,
    'ext_parent:project_id': projectId,
    // Identity.
    target: {
      domain_id: inDomain,
      user: { id: userId, domain_id: inDomain },
      group: { domain_id: inDomain },
      project: { id: projectId, domain_id: domainId ?? credentials.project_domain_id },
      domain: { id: domainId },
      role: { name: 'member', domain_id: null },
      credential: { user_id: userId },
      token: { user_id: userId },
      trust: { trustor_user_id: userId, trustee_user_id: userId },
      limit: {
        project_id: projectId,
        project: { domain_id: domainId ?? credentials.project_domain_id },
        domain: { id: domainId },
      },
    },
  };
}
