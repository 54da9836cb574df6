// A token as clients see it, and as the program does.

import type { Caller } from '#/platform/access/caller.ts';
import { timestamp } from '#/platform/database/tx.ts';
import { printed, type Wire } from '#/services/identity/wire.ts';
import type { TokenContext } from '#/services/identity/tokens/context.ts';

/** The body of a validation, without `catalog`. */
export function viewToken(context: TokenContext): Wire {
  const { payload, user, userDomain, project, projectDomain, domain, roles, trust, applicationCredential } = context;
  const { federation } = context;
  return {
    methods: payload.methods,
    user: {
      domain: userDomain,
      id: user.id,
      name: user.name,
      password_expires_at: printed(user.passwordExpiresAt),
      ...(federation ? { 'OS-FEDERATION': federation } : {}),
    },
    audit_ids: payload.auditIds,
    expires_at: printed(timestamp(payload.expiresAt)),
    issued_at: printed(timestamp(payload.issuedAt)),
    ...(project
      ? { project: { domain: projectDomain, id: project.id, name: project.name }, is_domain: project.isDomain === 1 }
      : {}),
    ...(domain ? { domain } : {}),
    ...(payload.scope.type === 'system' ? { system: { all: true } } : {}),
    ...(payload.scope.type === 'unscoped' ? {} : { roles: roles.map(({ id, name }) => ({ id, name })) }),
    ...(trust
      ? {
          'OS-TRUST:trust': {
            id: trust.id,
            trustee_user: { id: trust.trusteeUserId },
            trustor_user: { id: trust.trustorUserId },
            impersonation: trust.impersonation === 1,
          },
        }
      : {}),
    ...(context.accessToken
      ? { 'OS-OAUTH1': { access_token_id: context.accessToken.id, consumer_id: context.accessToken.consumerId } }
      : {}),
    ...(payload.thumbprint ? { oauth2_credential: { 'x5t#S256': payload.thumbprint } } : {}),
    ...(applicationCredential
      ? {
          application_credential: {
            id: applicationCredential.id,
            name: applicationCredential.name,
            restricted: applicationCredential.unrestricted === 0,
            ...(context.accessRules
              ? {
                  access_rules: context.accessRules.map(({ id, service, path, method }) => ({
                    id,
                    service,
                    path,
                    method,
                  })),
                }
              : {}),
          },
        }
      : {}),
  };
}

export function callerOf(context: TokenContext): Caller {
  const { payload, user, project, projectDomain, domain, roles, trust, applicationCredential } = context;
  const names = roles.map(({ name }) => name);
  const isAdmin = names.some(name => name.toLowerCase() === 'admin');
  const systemScope = payload.scope.type === 'system';
  const projectId = project?.id ?? null;
  return {
    userId: user.id,
    userName: user.name,
    projectId,
    projectName: project?.name ?? null,
    domainId: domain?.id ?? null,
    systemScope,
    roles: names,
    isAdmin,
    credentials: {
      user_id: user.id,
      user_domain_id: user.domainId,
      project_id: projectId,
      tenant_id: projectId,
      project_domain_id: projectDomain?.id ?? null,
      domain_id: domain?.id ?? null,
      system_scope: systemScope ? 'all' : null,
      roles: names,
      is_admin: isAdmin,
      is_admin_project: true,
      token: {
        user: { id: user.id, domain: { id: user.domainId } },
        ...(domain ? { domain: { id: domain.id } } : {}),
        ...(project ? { project: { id: project.id, domain: { id: projectDomain!.id } } } : {}),
      },
    },
    expiresAt: payload.expiresAt,
    auditIds: payload.auditIds,
    token: {
      payload,
      methods: payload.methods,
      roles: roles.map(({ id, name }) => ({ id, name })),
      ...(trust ? { trustId: trust.id } : {}),
      ...(payload.thumbprint ? { thumbprint: payload.thumbprint } : {}),
      ...(payload.accessTokenId ? { accessTokenId: payload.accessTokenId } : {}),
      ...(applicationCredential
        ? { applicationCredentialId: applicationCredential.id, restricted: applicationCredential.unrestricted === 0 }
        : {}),
      ...(context.accessRules ? { accessRules: context.accessRules } : {}),
    },
  };
}
