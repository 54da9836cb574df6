// The default checks of compute's policy rules, by what they mean.

export const anyone = '@';
export const admin = 'role:admin';
export const projectReader = '(role:reader and project_id:%(project_id)s) or role:admin';
export const projectMember = '(role:member and project_id:%(project_id)s) or role:admin';
/** Keypairs belong to users, not projects. */
export const ownUser = '(role:admin) or user_id:%(user_id)s';
/** Those who run a project's servers from one host to another. */
export const projectManager = '(role:manager and project_id:%(project_id)s) or role:admin';
