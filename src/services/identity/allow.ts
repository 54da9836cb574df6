// The default rules, in the policy language, as OpenStack ships them.

export const admin = 'role:admin or is_admin:1';
export const systemReader = '(role:admin or is_admin:1) or (role:reader and system_scope:all)';
export const serviceOrAdmin = '(role:admin or is_admin:1) or role:service';
export const anyone = '';

const orReader = '((role:admin or is_admin:1)) or (role:reader and system_scope:all)';
const orAdmin = '((role:admin or is_admin:1))';

const ownProjectDomain = 'domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s';
export const projectRules = {
  get: `${orReader} or (role:reader and ${ownProjectDomain}) or project_id:%(target.project.id)s`,
  list: `${orReader} or (role:reader and domain_id:%(target.domain_id)s)`,
  manage: `${orAdmin} or (role:manager and ${ownProjectDomain})`,
};

export const domainRules = {
  get: `${systemReader} or token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s`,
  list: `${systemReader} or (role:reader and domain_id:%(target.domain.id)s)`,
};

export const userRules = {
  get: `${orReader} or (role:reader and token.domain.id:%(target.user.domain_id)s) or user_id:%(target.user.id)s`,
  list: `${orReader} or (role:reader and domain_id:%(target.domain_id)s)`,
  manage: `${orAdmin} or (role:manager and token.domain.id:%(target.user.domain_id)s)`,
  projects: `${orReader} or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(target.user.id)s`,
  groups: `${orReader} or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(user_id)s`,
};

const bothDomains = 'domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s';
export const groupRules = {
  get: `${orReader} or (role:reader and domain_id:%(target.group.domain_id)s)`,
  manage: `${orAdmin} or (role:manager and domain_id:%(target.group.domain_id)s)`,
  member: `${orReader} or (role:reader and ${bothDomains})`,
  manageMember: `${orAdmin} or (role:manager and ${bothDomains})`,
};

const managedRole = "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s";
export const roleRules = {
  get: `(${systemReader}) or (role:manager and (${managedRole}))`,
  list: `(${systemReader}) or (role:manager and not domain_id:None)`,
};

/** Actor and target in the caller's domain. */
function withinDomain(role: string): string {
  const pairs = ['user', 'group'].flatMap(actor =>
    ['target.project.domain_id', 'target.domain.id'].map(
      target => `(role:${role} and domain_id:%(target.${actor}.domain_id)s and domain_id:%(${target})s)`,
    ),
  );
  return pairs.join(' or ');
}
const ownOrGlobalRole = '(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)';
export const grantRules = {
  check: `${orAdmin} or ((role:reader and system_scope:all) or (${withinDomain('reader')}) and ${ownOrGlobalRole})`,
  list: `${orAdmin} or ((role:reader and system_scope:all) or ${withinDomain('reader')})`,
  change: `${orAdmin} or (${withinDomain('admin')}) and ${ownOrGlobalRole} or (${withinDomain('manager')}) and (${managedRole})`,
};

export const credentialRules = {
  get: `${orReader} or user_id:%(target.credential.user_id)s`,
  change: `${orAdmin} or user_id:%(target.credential.user_id)s`,
  ec2List: `${orReader} or user_id:%(user_id)s`,
  ec2Change: `${orAdmin} or (role:member and user_id:%(target.credential.user_id)s)`,
};

export const applicationCredentialRules = {
  get: `${orReader} or user_id:%(user_id)s`,
  create: 'user_id:%(user_id)s',
  delete: '(role:admin or is_admin:1) or user_id:%(user_id)s',
  getRule: '(role:reader and system_scope:all) or user_id:%(target.user.id)s',
  deleteRule: '(role:admin and system_scope:all) or user_id:%(target.user.id)s',
};

const trustor = 'user_id:%(target.trust.trustor_user_id)s';
const trustee = 'user_id:%(target.trust.trustee_user_id)s';
export const trustRules = {
  create: trustor,
  list: systemReader,
  listForTrustor: `${orAdmin} or (role:reader and system_scope:all or ${trustor})`,
  listForTrustee: `${orAdmin} or (role:reader and system_scope:all or ${trustee})`,
  get: `${orAdmin} or (role:reader and system_scope:all or ${trustor} or ${trustee})`,
  delete: `(role:admin or is_admin:1) or ${trustor}`,
};

export const limitRules = {
  get: `${systemReader} or (domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s) or (project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)`,
};

export const assignmentRules = { list: `${orReader} or (role:reader and domain_id:%(target.domain_id)s)` };
