// EC2 credentials: an access key and a secret for one project.
// API: Identity v3, "EC2 credentials" (OS-EC2).

import type { Tx } from '#/platform/database/tx.ts';
import { contextOf } from '#/platform/database/tx.ts';
import { type Endpoint, endpoint, type Finder, type RequestFacts } from '#/platform/http/endpoint.ts';
import { open } from '#/platform/http/schema.ts';
import { credentialRules } from '#/services/identity/allow.ts';
import { groupIdsOf, ancestorsOf, assignedRoleIds } from '#/services/identity/tokens/scope.store.ts';
import { findProject } from '#/services/identity/projects/project.store.ts';
import { checkUnrestricted } from '#/services/identity/application-credentials/application-credential.api.ts';
import { Problem } from '#/platform/problem/problem.ts';
import type { CredentialRow, UserRow } from '#/services/identity/tables.ts';
import { identityTexts as t } from '#/services/identity/texts.ts';
import { userFinder } from '#/services/identity/users/user.api.ts';
import { findUser } from '#/services/identity/users/user.store.ts';
import { listLinks, notFound, schemas, selfLink, type Wire } from '#/services/identity/wire.ts';
import { bounds, ec2Id, withinBounds } from '#/services/identity/credentials/credential.api.ts';
import {
  deleteCredential,
  findCredential,
  insertCredential,
  listCredentials,
  type Vault,
} from '#/services/identity/credentials/credential.store.ts';

const path = '/v3/users/{user_id}/credentials/OS-EC2';
const reply = schemas.wrapped('credential');

/** A user, as the owner of credentials that are to come. */
const ownerFinder: Finder<UserRow> = {
  ...userFinder,
  find: ({ tx, path: { user_id: id = '' } }) => findUser(tx, id),
  target: row => ({ user_id: row.id, target: { credential: { user_id: row.id } } }),
};

const finder: Finder<CredentialRow> = {
  async find({ tx, caller, path: { user_id: userId = '', credential_id: access = '' } }) {
    const row = await findCredential(tx, ec2Id(access));
    return row?.type === 'ec2' && row.userId === userId && withinBounds(caller, row) ? row : undefined;
  },
  missing: ({ credential_id: access }) => notFound('credential', access),
  target: row => ({ user_id: row.userId, target: { credential: { user_id: row.userId } } }),
  visible: () => false,
};

export function ec2CredentialEndpoints(vault: Vault): Endpoint[] {
  const view = (tx: Tx, row: CredentialRow, request: RequestFacts): Wire => {
    const { access, secret } = JSON.parse(vault.open(tx, row.blob)) as { access: string; secret: string };
    return {
      user_id: row.userId,
      tenant_id: row.projectId,
      access,
      secret,
      trust_id: row.trustId,
      links: { self: selfLink(request, `users/${row.userId}/credentials/OS-EC2/${access}`) },
    };
  };

  const list = endpoint({
    policy: 'identity:ec2_list_credentials',
    allow: credentialRules.ec2List,
    route: `GET ${path}`,
    summary: 'Lists EC2 credentials',
    find: userFinder,
    replies: { 200: schemas.list('credentials') },
    async handle({ tx, caller, found, request }) {
      const rows = (await listCredentials(tx, { userId: found.id, type: 'ec2' })).filter(row =>
        withinBounds(caller, row),
      );
      return { 200: { credentials: rows.map(row => view(tx, row, request)), links: listLinks(request) } };
    },
  });

  const show = endpoint({
    policy: 'identity:ec2_get_credential',
    allow: credentialRules.get,
    route: `GET ${path}/{credential_id}`,
    summary: 'Shows an EC2 credential',
    find: finder,
    replies: { 200: reply },
    handle: async ({ tx, found, request }) => ({ 200: { credential: view(tx, found, request) } }),
  });

  const create = endpoint({
    policy: 'identity:ec2_create_credential',
    allow: credentialRules.ec2Change,
    route: `POST ${path}`,
    summary: 'Creates an EC2 credential',
    find: ownerFinder,
    body: open({ tenant_id: schemas.id() }),
    replies: { 201: reply },
    async handle({ tx, body, found: user, caller, request }) {
      checkUnrestricted(caller);
      await checkAccess(tx, user.id, body.tenant_id);
      const { random } = contextOf(tx);
      const [access, secret] = [random.bytes(16).toString('hex'), random.bytes(32).toString('hex')];
      const row: CredentialRow = {
        id: ec2Id(access),
        userId: user.id,
        projectId: body.tenant_id,
        type: 'ec2',
        blob: vault.seal(tx, JSON.stringify({ access, secret })),
        accessKey: access,
        extra: '{}',
        ...bounds(caller),
      };
      await insertCredential(tx, row);
      return { 201: { credential: view(tx, row, request) } };
    },
  });

  const remove = endpoint({
    policy: 'identity:ec2_delete_credential',
    allow: credentialRules.ec2Change,
    route: `DELETE ${path}/{credential_id}`,
    summary: 'Deletes an EC2 credential',
    find: finder,
    replies: { 204: null },
    async handle({ tx, found }) {
      await deleteCredential(tx, found.id);
      return { 204: undefined };
    },
  });

  return [list, show, create, remove];
}

/** A key for a project is of use only to who has a role there. @throws Problem notFound, forbidden */
async function checkAccess(tx: Tx, userId: string, projectId: string): Promise<void> {
  const project = await findProject(tx, projectId);
  const above = project ? await ancestorsOf(tx, project) : [];
  const roles = project
    ? await assignedRoleIds(tx, userId, await groupIdsOf(tx, userId), { type: 'project', project, above })
    : [];
  if (!project || !roles.length)
    throw new Problem('notFound', t.notFound, { what: 'project', id: projectId.slice(0, 80) });
}
