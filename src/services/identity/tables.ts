// Identity's tables, as rows. Booleans are 0 and 1, times are text (UTC, microseconds), `options` and `extra` are JSON.

import type { Tx } from '#/platform/database/tx.ts';

/** Projects and domains: a domain is the root of a tree of projects, and may own users and groups. */
export interface ProjectRow {
  id: string;
  name: string;
  /** Null for a domain. */
  domainId: string | null;
  /** The project or domain above; null for a domain. */
  parentId: string | null;
  isDomain: number;
  enabled: number;
  description: string;
  tags: string;
  options: string;
  extra: string;
  /** Within what the name is unique: the domain's id, or nothing for domains. */
  nameScope: string;
}

export interface UserRow {
  id: string;
  domainId: string;
  name: string;
  enabled: number;
  defaultProjectId: string | null;
  passwordHash: string | null;
  passwordExpiresAt: string | null;
  options: string;
  extra: string;
  /** Tokens made in an earlier epoch are refused: password changes and disabling begin a new one. */
  tokenEpoch: number;
  createdAt: string;
}

export interface GroupRow {
  id: string;
  domainId: string;
  name: string;
  description: string;
  extra: string;
}

export interface RoleRow {
  id: string;
  name: string;
  domainId: string | null;
  description: string | null;
  options: string;
  extra: string;
  nameScope: string;
}

export interface AssignmentRow {
  actorType: 'user' | 'group';
  actorId: string;
  targetType: 'project' | 'domain' | 'system';
  /** `system` for the system. */
  targetId: string;
  roleId: string;
  /** 1: it holds for the projects below the target instead of for the target itself. */
  inherited: number;
}

export interface RegionRow {
  id: string;
  description: string;
  parentRegionId: string | null;
  extra: string;
}

export interface CatalogServiceRow {
  id: string;
  type: string;
  name: string;
  description: string;
  enabled: number;
  extra: string;
}

export interface CatalogEndpointRow {
  id: string;
  serviceId: string;
  regionId: string | null;
  interface: string;
  url: string;
  enabled: number;
  name: string | null;
  description: string | null;
  extra: string;
  /** 1: ours, and its URL follows the configured public URL; 0 once an operator has changed it. */
  followsConfig: number;
}

export interface CredentialRow {
  id: string;
  userId: string;
  projectId: string | null;
  type: string;
  /** Encrypted. */
  blob: string;
  /** EC2 access keys are found by it. */
  accessKey: string | null;
  extra: string;
  /** Deleting these takes the credential with it. */
  trustId: string | null;
  applicationCredentialId: string | null;
}

export interface ApplicationCredentialRow {
  id: string;
  userId: string;
  projectId: string;
  name: string;
  description: string | null;
  secretHash: string;
  expiresAt: string | null;
  unrestricted: number;
  system: string | null;
  /** JSON list of role ids. */
  roleIds: string;
  /** JSON list of access rule ids; null where there are no rules at all. */
  accessRuleIds: string | null;
}

export interface AccessRuleRow {
  id: string;
  userId: string;
  service: string;
  path: string;
  method: string;
}

export interface TrustRow {
  id: string;
  trustorUserId: string;
  trusteeUserId: string;
  projectId: string | null;
  impersonation: number;
  expiresAt: string | null;
  remainingUses: number | null;
  roleIds: string;
  redelegatedTrustId: string | null;
  redelegationCount: number;
  allowRedelegation: number;
  extra: string;
}

export interface RegisteredLimitRow {
  id: string;
  serviceId: string;
  regionId: string | null;
  resourceName: string;
  defaultLimit: number;
  description: string | null;
  unique: string;
}

export interface LimitRow {
  id: string;
  registeredLimitId: string;
  projectId: string | null;
  domainId: string | null;
  resourceLimit: number;
  description: string | null;
}

/** Free-form documents that OpenStack once kept here; only stored. */
export interface PolicyRow {
  id: string;
  type: string;
  blob: string;
  extra: string;
}

export interface ConsumerRow {
  id: string;
  description: string | null;
  /** Encrypted: signatures are made with it. */
  sealedSecret: string;
  extra: string;
}

export interface EndpointGroupRow {
  id: string;
  name: string;
  description: string | null;
  filters: string;
}

export interface OAuthTokenRow {
  id: string;
  kind: 'request' | 'access';
  consumerId: string;
  /** Encrypted: signatures are made with it. */
  sealedSecret: string;
  projectId: string;
  /** Who granted it; null until somebody has. */
  userId: string | null;
  /** JSON list of role ids. */
  roleIds: string;
  verifier: string | null;
  expiresAt: string | null;
}

/** To which endpoints a stored policy document belongs; empty texts where a column does not matter. */
export interface PolicyAssociationRow {
  policyId: string;
  endpointId: string;
  serviceId: string;
  regionId: string;
}

export interface AccountStateRow {
  userId: string;
  failures: number;
  /** Milliseconds since 1970, as all times here. */
  lastFailureAt: number;
  passwordSetAt: number | null;
  lastActiveAt: number | null;
}

export type IdentityTables = {
  projects: ProjectRow;
  users: UserRow;
  accountStates: AccountStateRow;
  formerPasswords: { userId: string; passwordHash: string; endedAt: number };
  userGroups: GroupRow;
  groupMembers: { groupId: string; userId: string };
  roles: RoleRow;
  impliedRoles: { priorRoleId: string; impliedRoleId: string };
  roleAssignments: AssignmentRow;
  regions: RegionRow;
  catalogServices: CatalogServiceRow;
  catalogEndpoints: CatalogEndpointRow;
  credentials: CredentialRow;
  applicationCredentials: ApplicationCredentialRow;
  accessRules: AccessRuleRow;
  trusts: TrustRow;
  revokedTokens: { auditId: string; expiresAt: number };
  usedOnce: { what: string; until: number };
  identityState: { id: number; generation: number };
  registeredLimits: RegisteredLimitRow;
  resourceLimits: LimitRow;
  storedPolicies: PolicyRow;
  oauthConsumers: ConsumerRow;
  oauthTokens: OAuthTokenRow;
  policyAssociations: PolicyAssociationRow;
  endpointGroups: EndpointGroupRow;
  endpointGroupProjects: { endpointGroupId: string; projectId: string };
  endpointProjects: { endpointId: string; projectId: string };
  domainConfigs: { domainId: string; groupName: string; optionName: string; value: string };
};

/** The transaction, knowing identity's tables. */
export function tables(tx: Tx) {
  return tx.withTables<IdentityTables>();
}
