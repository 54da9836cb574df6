// What users do with their accounts: log in, log out, take another password; and projects that come and go.

import { keep, type Line, type User } from '#/simulation/acts/act.ts';

const identity = '/identity/v3';

async function logIn({ model, user }: User): Promise<void> {
  await model.logIn(user, user.projectId);
}

async function logOut({ model, user, dice }: User): Promise<void> {
  const own = model.sessions.filter(session => session.user === user && session.state === 'live');
  if (own.length) await model.logOut(dice.pick(own));
}

/** Also what a token that was revoked, or has ended, is good for: nothing. */
async function useSession({ model, user, dice }: User): Promise<void> {
  const own = model.sessions.filter(session => session.user === user);
  if (!own.length) return;
  const headers = { 'x-auth-token': dice.pick(own).token };
  await model.ask(user, 'GET', '/compute/v2.1/servers', undefined, headers);
}

/** A member of a project that is deleted while the member looks at it. */
async function visitProject({ admin, model, user, dice }: User): Promise<void> {
  const projects = admin.kept('project');
  if (!projects.length) return;
  const project = dice.pick(projects);
  const role = await admin.ask('GET', `${identity}/roles?name=member`);
  const id = role.body?.roles?.[0]?.id;
  if (!id) return;
  await admin.ask('PUT', `${identity}/projects/${project}/users/${user.caller.userId}/roles/${id}`);
  const session = await model.logIn(user, project);
  if (!session) return;
  const headers = { 'x-auth-token': session.token };
  await model.ask(user, 'GET', '/network/v2.0/security-groups', undefined, headers);
  session.state = 'unknown';
}

export const identityActs: Line[] = [
  [3, logIn],
  [1, logOut],
  [3, useSession],
  [0.5, ({ model, user, name }) => model.changePassword(user, `${name()}-password`)],
  keep(
    0.5,
    `POST ${identity}/projects`,
    'project',
    ({ name }) => ({ project: { name: name(), domain_id: 'default' } }),
    'admin',
  ),
  [1, visitProject],
  [
    0.3,
    async ({ admin }) => {
      const project = admin.kept('project').pop();
      if (project) await admin.ask('DELETE', `${identity}/projects/${project}`);
    },
  ],
];
